/** One worker, live. */
import { call } from "@/api/client";
import type { Worker } from "@/api/schema";
import { liveThing, type LiveThing } from "@/live/thing";
import { patched } from "./workers";

/** For the component that calls it. */
export function useWorker(workerId: string): LiveThing<Worker> {
  return liveThing<Worker>({
    topic: `workers/${workerId}`,
    read: (signal) => call("fetchWorker", { path: { worker_id: workerId }, signal }),
    isEnd: (event) => event.type === "worker" && Boolean(event.data.deleted_at),
    patched: (worker, event) => (event.type === "worker" ? patched(worker, event.data) : worker),
    // What may be done with it, and what its slots run.
    tellsTooLittle: () => true,
  });
}
