/** The jobs of the farm, live. */
import { call } from "@/api/client";
import type { EventJobUpdate, Job } from "@/api/schema";
import { liveCollection, type Collection } from "@/live/collection";
import { readWholeList } from "./reading";

/** What a row shows, or is filtered by. */
const FIELDS = [
  ...["id", "name", "type", "priority", "status", "activity", "metadata", "created", "updated"],
  ...["steps_completed", "steps_total", "task_counts", "worker_tag", "delete_requested_at"],
  ...["archived_at", "submitted_by", "finished_at", "stranded_task_types"],
];
/** Told of archived jobs only, which do not change any more. */
const FIELDS_OF_ARCHIVED = [...FIELDS, "settings"];
export type JobRow = Pick<
  Job,
  | "id"
  | "name"
  | "type"
  | "priority"
  | "status"
  | "activity"
  | "metadata"
  | "created"
  | "updated"
  | "steps_completed"
  | "steps_total"
  | "task_counts"
  | "worker_tag"
  | "delete_requested_at"
  | "archived_at"
  | "submitted_by"
  | "finished_at"
  | "stranded_task_types"
> &
  Partial<Pick<Job, "settings">>;

/** All jobs that are archived, or all that are not; for the component that calls it. */
export function useJobs(isArchived: boolean): Collection<JobRow> {
  const fields = isArchived ? FIELDS_OF_ARCHIVED : FIELDS;
  const query = { archived: String(isArchived), fields: fields.join(",") } as const;
  return liveCollection<JobRow>({
    topics: ["jobs"],
    idOf: ({ id }) => id,
    read: (signal) =>
      readWholeList<"fetchJobs", JobRow>("fetchJobs", "jobs", { query: query as object }, signal),
    apply(event, row) {
      if (event.type !== "job") return undefined;
      const { id, was_deleted: isGone, archived_at: archivedAt } = event.data;
      if (isGone || Boolean(archivedAt) !== isArchived) return { id, row: null };
      return { id, row: row ? patched(row, event.data) : (event.data as unknown as JobRow) };
    },
    async readSome(ids, signal) {
      const found = await Promise.all(
        ids.map((id) =>
          call("fetchJob", { path: { job_id: id }, signal }).catch(() => null),
        ),
      );
      return found.filter((job): job is Job => job !== null && Boolean(job.archived_at) === isArchived);
    },
  });
}

/** A row with what an event tells; what it leaves out is not there any more, or unknown to it. */
export function patched<Row extends Partial<JobRow>>(row: Row, event: EventJobUpdate): Row {
  const { previous_status: _, refresh_tasks: __, was_deleted: ___, ...told } = event;
  return {
    ...row,
    // These are left out of events when they are not set.
    worker_tag: undefined,
    delete_requested_at: undefined,
    stranded_task_types: undefined,
    ...told,
  };
}
