/** One thing that is read from the Manager, and read again when that is wanted. */
import { onScopeDispose, ref, shallowRef, type Ref, type ShallowRef } from "vue";
import { problemOf, type ApiProblem } from "@/api/problem";

export interface Reading<Thing> {
  value: ShallowRef<Thing | null>;
  problem: ShallowRef<ApiProblem | null>;
  isLoading: Ref<boolean>;
  reread(): Promise<void>;
}

/** Reads when it is told to; for a component. */
export function useReadingLater<Thing>(
  read: (signal: AbortSignal) => Promise<Thing>,
): Reading<Thing> {
  const value = shallowRef<Thing | null>(null);
  const problem = shallowRef<ApiProblem | null>(null);
  const isLoading = ref(true);
  let current = new AbortController();

  async function reread(): Promise<void> {
    // What is asked later is newer, whichever answer comes first.
    current.abort();
    const { signal } = (current = new AbortController());
    try {
      const found = await read(signal);
      if (signal.aborted) return;
      value.value = found;
      problem.value = null;
    } catch (error) {
      if (signal.aborted) return;
      problem.value = problemOf(error);
    }
    isLoading.value = false;
  }

  onScopeDispose(() => current.abort());
  return { value, problem, isLoading, reread };
}

/** Reads at once, and then every `periodMs` while the page is looked at; for a component. */
export function useReading<Thing>(
  read: (signal: AbortSignal) => Promise<Thing>,
  periodMs?: number,
): Reading<Thing> {
  const reading = useReadingLater(read);
  void reading.reread();
  const timer = periodMs
    ? setInterval(() => document.hidden || void reading.reread(), periodMs)
    : undefined;
  onScopeDispose(() => clearInterval(timer));
  return reading;
}
