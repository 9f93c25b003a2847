/** One worker, live. */
import { onScopeDispose, ref, shallowRef, type Ref, type ShallowRef } from "vue";
import { call } from "@/api/client";
import { problemOf, type ApiProblem } from "@/api/problem";
import type { Worker } from "@/api/schema";
import { follow } from "@/live/events";
import { patched } from "./workers";

export interface LiveWorker {
  worker: ShallowRef<Worker | null>;
  problem: ShallowRef<ApiProblem | null>;
  /** It was there, and somebody removed it. */
  isGone: Ref<boolean>;
  reread(): Promise<void>;
}

/** What may be done with it and what its slots run are not told by events. */
const PAUSE_MS = 400;

/** For the component that calls it. */
export function useWorker(workerId: string): LiveWorker {
  const worker = shallowRef<Worker | null>(null);
  const problem = shallowRef<ApiProblem | null>(null);
  const isGone = ref(false);
  const lifetime = new AbortController();
  let pause: ReturnType<typeof setTimeout> | undefined;

  async function reread(): Promise<void> {
    try {
      const path = { worker_id: workerId };
      worker.value = await call("fetchWorker", { path, signal: lifetime.signal });
      problem.value = null;
    } catch (error) {
      if (lifetime.signal.aborted) return;
      problem.value = problemOf(error);
      if (problem.value.status === 404 && worker.value) isGone.value = true;
    }
  }

  const stop = follow([`workers/${workerId}`], {
    onReread: () => void reread(),
    onEvents(events) {
      for (const event of events) {
        if (event.type !== "worker") continue;
        if (event.data.deleted_at) isGone.value = true;
        if (worker.value) worker.value = patched(worker.value, event.data);
      }
      clearTimeout(pause);
      pause = setTimeout(() => void reread(), PAUSE_MS);
    },
  });
  onScopeDispose(() => {
    stop();
    clearTimeout(pause);
    lifetime.abort();
  });
  return { worker, problem, isGone, reread };
}
