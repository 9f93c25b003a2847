/** One thing of the farm that is open, live. */
import { onScopeDispose, ref, shallowRef, type Ref, type ShallowRef } from "vue";
import { problemOf, type ApiProblem } from "@/api/problem";
import { follow, type LiveEvent } from "./events";

export interface LiveThing<Thing> {
  thing: ShallowRef<Thing | null>;
  problem: ShallowRef<ApiProblem | null>;
  /** It was there, and somebody deleted it. */
  isGone: Ref<boolean>;
  reread(): Promise<void>;
}

interface Parts<Thing> {
  topic: string;
  read(signal: AbortSignal): Promise<Thing>;
  /** Whether the event tells that it was deleted. */
  isEnd(event: LiveEvent): boolean;
  /** The thing with what an event tells. */
  patched(thing: Thing, event: LiveEvent): Thing;
  /** Whether something that events do not tell changes with this one, so that it is read again. */
  tellsTooLittle(event: LiveEvent): boolean;
}

const PAUSE_MS = 400;

/** For the component that calls it. */
export function liveThing<Thing>(parts: Parts<Thing>): LiveThing<Thing> {
  const thing = shallowRef<Thing | null>(null);
  const problem = shallowRef<ApiProblem | null>(null);
  const isGone = ref(false);
  const lifetime = new AbortController();
  let pause: ReturnType<typeof setTimeout> | undefined;
  let reading = new AbortController();
  /** Events that came while it was read, which may be newer than what is read. */
  let meanwhile: LiveEvent[] | null = null;

  async function reread(): Promise<void> {
    // What is asked later is newer, whichever answer comes first.
    reading.abort();
    reading = new AbortController();
    const signal = AbortSignal.any([reading.signal, lifetime.signal]);
    const late: LiveEvent[] = (meanwhile = []);
    try {
      const found = await parts.read(signal);
      if (signal.aborted) return;
      thing.value = late.reduce(parts.patched, found);
      problem.value = null;
    } catch (error) {
      if (signal.aborted) return;
      problem.value = problemOf(error);
      if (problem.value.status === 404 && thing.value) isGone.value = true;
    }
    if (meanwhile === late) meanwhile = null;
  }

  function take(event: LiveEvent): void {
    meanwhile?.push(event);
    if (parts.isEnd(event)) isGone.value = true;
    if (thing.value) thing.value = parts.patched(thing.value, event);
    if (parts.tellsTooLittle(event)) {
      clearTimeout(pause);
      pause = setTimeout(() => void reread(), PAUSE_MS);
    }
  }

  const stop = follow([parts.topic], {
    onReread: () => void reread(),
    onEvents: (events) => events.forEach(take),
  });
  onScopeDispose(() => {
    stop();
    clearTimeout(pause);
    lifetime.abort();
  });
  return { thing, problem, isGone, reread };
}
