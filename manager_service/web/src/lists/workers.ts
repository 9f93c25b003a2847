/** The workers of the farm and their tags, live. */
import { call } from "@/api/client";
import type { EventWorkerUpdate, Worker, WorkerSummary, WorkerTag } from "@/api/schema";
import { liveCollection, type Collection } from "@/live/collection";
import { readWholeList } from "./reading";

const FIELDS = [
  ...["id", "name", "status", "version", "can_restart", "status_change", "last_seen"],
  ...["status_reason", "ip_address", "platform", "capabilities", "slots", "tags", "task"],
].join(",");

export type WorkerRow = WorkerSummary;

/** For the component that calls it. */
export function useWorkers(): Collection<WorkerRow> {
  return liveCollection<WorkerRow>({
    topics: ["workers"],
    idOf: ({ id }) => id,
    read: (signal) =>
      readWholeList<"fetchWorkers", WorkerRow>(
        "fetchWorkers",
        "workers",
        { query: { fields: FIELDS, sort: "name" } },
        signal,
      ),
    apply(event, row) {
      if (event.type !== "worker") return undefined;
      const { id, deleted_at: deletedAt } = event.data;
      if (deletedAt) return { id, row: null };
      return { id, row: row ? patched(row, event.data) : (event.data as unknown as WorkerRow) };
    },
    async readSome(ids, signal) {
      const found = await Promise.all(
        ids.map((id) => call("fetchWorker", { path: { worker_id: id }, signal }).catch(() => null)),
      );
      return found.filter((worker): worker is Worker => worker !== null);
    },
  });
}

/** A worker with what an event tells; what it leaves out is not there any more. */
export function patched<Row extends WorkerSummary | Worker>(row: Row, event: EventWorkerUpdate): Row {
  const { previous_status: _, updated: __, deleted_at: ___, task, ...told } = event;
  return {
    ...row,
    status_change: undefined,
    status_reason: undefined,
    tags: undefined,
    ...told,
    // Of the task, an event tells less than a worker's own page knows.
    task: task && row.task?.id === task.id ? { ...row.task, ...task } : task,
  } as Row;
}

export type TagRow = WorkerTag & { id: string };

/** For the component that calls it. */
export function useTags(): Collection<TagRow> {
  return liveCollection<TagRow>({
    topics: ["tags"],
    idOf: ({ id }) => id,
    read: (signal) => readWholeList<"fetchWorkerTags", TagRow>("fetchWorkerTags", "tags", {}, signal),
    apply(event) {
      if (event.type !== "tag") return undefined;
      const { tag, was_deleted: isGone } = event.data;
      return tag.id ? { id: tag.id, row: isGone ? null : { ...tag, id: tag.id } } : undefined;
    },
  });
}
