/** One job, live. */
import { call } from "@/api/client";
import type { Job } from "@/api/schema";
import { liveThing, type LiveThing } from "@/live/thing";
import { patched } from "./jobs";

/** For the component that calls it. */
export function useJob(jobId: string): LiveThing<Job> {
  return liveThing<Job>({
    topic: `jobs/${jobId}`,
    read: (signal) => call("fetchJob", { path: { job_id: jobId }, signal }),
    isEnd: (event) => event.type === "job" && Boolean(event.data.was_deleted),
    patched: (job, event) => (event.type === "job" ? patched(job, event.data) : job),
    // What may be done now depends on it.
    tellsTooLittle: (event) =>
      event.type === "job" && Boolean(event.data.previous_status || event.data.delete_requested_at),
  });
}
