/** The tasks of a job, live. */
import { onScopeDispose } from "vue";
import type { TaskSummary } from "@/api/schema";
import { liveCollection, type Collection } from "@/live/collection";
import { readWholeList } from "./reading";

const FIELDS = [
  ...["id", "name", "status", "index_in_job", "task_type", "updated", "worker", "activity"],
  ...["steps_completed", "steps_total", "attempt", "run_seconds", "failure_class"],
];

/** Many changes are read at once, and not more often than this. */
const PAUSE_MS = 1_500;

/** A task, with a place for the text that searches look through, which is made when it is needed. */
export type TaskRow = TaskSummary & { text: string };

/** For the component that calls it. */
export function useTasks(jobId: string): Collection<TaskRow> {
  let pause: ReturnType<typeof setTimeout> | undefined;
  const tasks = liveCollection<TaskRow>({
    topics: [`jobs/${jobId}/tasks`, `jobs/${jobId}`],
    idOf: ({ id }) => id,
    async *read(signal) {
      const portions = readWholeList<"fetchJobTasks", TaskSummary>(
        "fetchJobTasks",
        "tasks",
        { path: { job_id: jobId }, query: { fields: FIELDS.join(","), sort: "index" } },
        signal,
      );
      for await (const portion of portions) yield portion.map((task) => rowOf(task));
    },
    apply(event, row) {
      if (event.type !== "task") return undefined;
      return { id: event.data.id, row: rowOf(event.data, row) };
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

const workers = new Map<string, TaskSummary["worker"]>();

/** One object for all tasks of a worker: there may be a hundred thousand of them. */
function shared(worker: TaskSummary["worker"]): TaskSummary["worker"] {
  if (!worker?.id) return undefined;
  const known = workers.get(worker.id);
  if (known?.name === worker.name) return known;
  workers.set(worker.id, worker);
  return worker;
}

/** A row in the one shape that all have, which takes a fraction of the memory. */
function rowOf(told: Partial<TaskSummary>, before?: TaskRow): TaskRow {
  // How long it took belongs to the attempt before, if there is another one.
  const isAnew = before !== undefined && told.attempt !== undefined && told.attempt !== before.attempt;
  const kept = isAnew ? undefined : before;
  return {
    id: told.id!,
    name: told.name!,
    status: told.status!,
    index_in_job: told.index_in_job ?? before?.index_in_job ?? 0,
    task_type: told.task_type ?? before?.task_type ?? "",
    updated: told.updated!,
    worker: shared(told.worker),
    activity: told.activity,
    steps_completed: told.steps_completed ?? 0,
    steps_total: told.steps_total ?? 0,
    attempt: told.attempt ?? before?.attempt,
    run_seconds: told.run_seconds ?? kept?.run_seconds,
    failure_class: told.failure_class ?? kept?.failure_class,
    priority: 0,
    text: "",
  };
}
