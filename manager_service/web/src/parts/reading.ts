/** One thing that is read from the Manager, and read again when that is wanted. */
import { onScopeDispose, ref, shallowRef, type Ref, type ShallowRef } from "vue";
import { problemOf, type ApiProblem } from "@/api/problem";

export interface Reading<Thing> {
  value: ShallowRef<Thing | null>;
  problem: ShallowRef<ApiProblem | null>;
  isLoading: Ref<boolean>;
  reread(): Promise<void>;
}

/** Reads at once, and then every `periodMs` while the page is looked at; for a component. */
export function useReading<Thing>(
  read: (signal: AbortSignal) => Promise<Thing>,
  periodMs?: number,
): Reading<Thing> {
  const value = shallowRef<Thing | null>(null);
  const problem = shallowRef<ApiProblem | null>(null);
  const isLoading = ref(true);
  const lifetime = new AbortController();

  async function reread(): Promise<void> {
    try {
      value.value = await read(lifetime.signal);
      problem.value = null;
    } catch (error) {
      if (lifetime.signal.aborted) return;
      problem.value = problemOf(error);
    }
    isLoading.value = false;
  }

  void reread();
  const timer = periodMs
    ? setInterval(() => document.hidden || void reread(), periodMs)
    : undefined;
  onScopeDispose(() => {
    clearInterval(timer);
    lifetime.abort();
  });
  return { value, problem, isLoading, reread };
}
