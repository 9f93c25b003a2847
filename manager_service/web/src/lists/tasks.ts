/** The tasks of a job, live. */
import { onScopeDispose } from "vue";
import type { EventTaskUpdate, TaskSummary } from "@/api/schema";
import { liveCollection, type Collection } from "@/live/collection";
import { readWholeList } from "./reading";

const FIELDS = [
  ...["id", "name", "status", "index_in_job", "task_type", "updated", "worker", "activity"],
  ...["steps_completed", "steps_total", "attempt", "run_seconds", "failure_class"],
];

/** Many changes are read at once, and not more often than this. */
const PAUSE_MS = 1_500;

/** For the component that calls it. */
export function useTasks(jobId: string): Collection<TaskSummary> {
  let pause: ReturnType<typeof setTimeout> | undefined;
  const tasks = liveCollection<TaskSummary>({
    topics: [`jobs/${jobId}/tasks`, `jobs/${jobId}`],
    idOf: ({ id }) => id,
    read: (signal) =>
      readWholeList<"fetchJobTasks", TaskSummary>(
        "fetchJobTasks",
        "tasks",
        { path: { job_id: jobId }, query: { fields: FIELDS.join(","), sort: "index" } },
        signal,
      ),
    apply(event, row) {
      if (event.type !== "task") return undefined;
      return { id: event.data.id, row: patched(row, event.data) };
    },
    onEvents(events) {
      const isMuch = events.some(
        (event) => event.type === "tasks" || (event.type === "job" && event.data.refresh_tasks),
      );
      if (!isMuch || pause !== undefined) return;
      pause = setTimeout(() => {
        pause = undefined;
        void tasks.reread();
      }, PAUSE_MS);
    },
  });
  onScopeDispose(() => clearTimeout(pause));
  return tasks;
}

function patched(row: TaskSummary | undefined, event: EventTaskUpdate): TaskSummary {
  const { previous_status: _, job_id: __, ...told } = event;
  // How long it took belongs to the attempt before, if there is another one.
  const isAnew = row !== undefined && told.attempt !== undefined && told.attempt !== row.attempt;
  return {
    ...(row ?? { priority: 0 }),
    ...(isAnew ? { run_seconds: undefined, failure_class: undefined } : {}),
    ...told,
  } as TaskSummary;
}
