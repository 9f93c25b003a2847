/** One job, live. */
import { onScopeDispose, ref, shallowRef, type Ref, type ShallowRef } from "vue";
import { call } from "@/api/client";
import { problemOf, type ApiProblem } from "@/api/problem";
import type { Job } from "@/api/schema";
import { follow } from "@/live/events";
import { patched } from "./jobs";

export interface LiveJob {
  job: ShallowRef<Job | null>;
  problem: ShallowRef<ApiProblem | null>;
  /** It was there, and somebody deleted it. */
  isGone: Ref<boolean>;
  reread(): Promise<void>;
}

const PAUSE_MS = 400;

/** For the component that calls it. */
export function useJob(jobId: string): LiveJob {
  const job = shallowRef<Job | null>(null);
  const problem = shallowRef<ApiProblem | null>(null);
  const isGone = ref(false);
  const lifetime = new AbortController();
  let pause: ReturnType<typeof setTimeout> | undefined;

  async function reread(): Promise<void> {
    try {
      job.value = await call("fetchJob", { path: { job_id: jobId }, signal: lifetime.signal });
      problem.value = null;
    } catch (error) {
      if (lifetime.signal.aborted) return;
      problem.value = problemOf(error);
      if (problem.value.status === 404 && job.value) isGone.value = true;
    }
  }

  const stop = follow([`jobs/${jobId}`], {
    onReread: () => void reread(),
    onEvents(events) {
      for (const event of events) {
        if (event.type !== "job") continue;
        if (event.data.was_deleted) isGone.value = true;
        const before = job.value;
        if (!before) continue;
        job.value = patched(before, event.data);
        // What may be done now depends on it, which events do not tell.
        if (event.data.previous_status || event.data.delete_requested_at) {
          clearTimeout(pause);
          pause = setTimeout(() => void reread(), PAUSE_MS);
        }
      }
    },
  });
  onScopeDispose(() => {
    stop();
    clearTimeout(pause);
    lifetime.abort();
  });
  return { job, problem, isGone, reread };
}
