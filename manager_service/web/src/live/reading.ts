/** One thing that is read, and read again whenever events tell that it is another one now. */
import { onScopeDispose } from "vue";
import { useReadingLater, type Reading } from "@/parts/reading";
import { follow, type LiveEvent } from "./events";

/** For the component that calls it. */
export function useLiveReading<Thing>(parts: {
  topic: string;
  isAbout(event: LiveEvent): boolean;
  read(signal: AbortSignal): Promise<Thing>;
}): Reading<Thing> {
  const reading = useReadingLater(parts.read);
  const stop = follow([parts.topic], {
    onReread: () => void reading.reread(),
    onEvents: (events) => void (events.some(parts.isAbout) && reading.reread()),
  });
  onScopeDispose(stop);
  return reading;
}
