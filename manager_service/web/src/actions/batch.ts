/**
 * One action for one or many jobs, tasks or workers, in one request; with a look ahead at how many
 * it applies to, and a way back where there is one.
 */
import type { Component } from "vue";
import { call, type OperationName } from "@/api/client";
import { refusalOf } from "@/api/session";
import type {
  ActionReport,
  JobAction,
  JobsActionRequest,
  TaskAction,
  TasksActionRequest,
  WorkerAction,
  WorkersActionRequest,
} from "@/api/schema";
import { toast, toastProblem } from "@/shell/toasts";

export type Subject = "jobs" | "tasks" | "workers";

interface RequestOf {
  jobs: Omit<JobsActionRequest, "job_ids" | "preview">;
  tasks: Omit<TasksActionRequest, "task_ids" | "preview">;
  workers: Omit<WorkersActionRequest, "worker_ids" | "preview">;
}
interface ActionOf {
  jobs: JobAction;
  tasks: TaskAction;
  workers: WorkerAction;
}

const OPERATION_OF: Record<Subject, OperationName> = {
  jobs: "actOnJobs",
  tasks: "actOnTasks",
  workers: "actOnWorkers",
};
const SINGULAR: Record<Subject, string> = { jobs: "job", tasks: "task", workers: "worker" };
/** More than a request may name; several requests are made of it. */
const MOST_IDS = 10_000;

export interface Verb<Of extends Subject = Subject> {
  /** Unique among the verbs of a subject. */
  id: string;
  subject: Of;
  action: ActionOf[Of];
  label: string;
  /** "Cancelled", for the message afterwards. */
  past: string;
  icon: Component;
  /** More of the request, such as `is_lazy`. */
  more?: Partial<RequestOf[Of]>;
  isDanger?: boolean;
  /** Asks beforehand: what it does, in a sentence. */
  warning?: string;
  /** Only in menus, not as a button of its own. */
  isRare?: boolean;
  /** What takes it back, for those to whom it was done; of several, each does what it can. */
  undo?: Undo<Of> | readonly Undo<Of>[];
}

interface Undo<Of extends Subject> {
  action: ActionOf[Of];
  more?: Partial<RequestOf[Of]>;
}

/** Why the viewer may do none of the actions for a subject; empty if they may. */
export const refusalOfSubject = (subject: Subject): string => refusalOf(OPERATION_OF[subject]);

/** "1 job", "20 jobs". */
export function counted(subject: Subject, count: number): string {
  return count === 1 ? `1 ${SINGULAR[subject]}` : `${count.toLocaleString()} ${subject}`;
}

/** What would become of each, without doing anything. Throws `ApiProblem`. */
export function preview<Of extends Subject>(
  verb: Verb<Of>,
  ids: readonly string[],
  signal?: AbortSignal,
): Promise<ActionReport> {
  return ask(verb.subject, verb.action, ids, { ...verb.more }, true, signal);
}

/** Does it and tells the viewer; the report, or null if it failed as a whole. */
export async function carryOut<Of extends Subject>(
  verb: Verb<Of>,
  ids: readonly string[],
  more: Partial<RequestOf[Of]> = {},
): Promise<ActionReport | null> {
  let report: ActionReport;
  try {
    report = await ask(verb.subject, verb.action, ids, { ...verb.more, ...more }, false);
  } catch (error) {
    toastProblem(`${verb.label} failed`, error);
    return null;
  }
  tell(verb, report);
  return report;
}

function tell<Of extends Subject>(verb: Verb<Of>, report: ActionReport): void {
  const { subject, undo } = verb;
  const done = report.items.filter((item) => item.is_done).map(({ id }) => id);
  const details = report.refusals.map(({ reason, count }) => `${counted(subject, count)}: ${reason}`);
  const text = report.done
    ? `${verb.past} ${counted(subject, report.done)}` +
      (report.refused ? `, not ${counted(subject, report.refused)}` : "")
    : `${verb.label}: none was possible`;
  toast({
    kind: report.done ? "done" : "note",
    text,
    details,
    undo:
      undo && done.length
        ? async () => {
            for (const { action, more } of [undo].flat() as Undo<Of>[]) {
              await ask(subject, action, done, { ...more }, false);
            }
          }
        : undefined,
  });
}

async function ask(
  subject: Subject,
  action: string,
  ids: readonly string[],
  more: object,
  isPreview: boolean,
  signal?: AbortSignal,
): Promise<ActionReport> {
  const reports: ActionReport[] = [];
  for (let start = 0; start < ids.length; start += MOST_IDS) {
    const named = ids.slice(start, start + MOST_IDS);
    const body = { ...more, action, preview: isPreview, [`${SINGULAR[subject]}_ids`]: named };
    reports.push(
      await call(OPERATION_OF[subject] as "actOnJobs", { body: body as never, signal }),
    );
  }
  return reports.reduce(joined);
}

function joined(first: ActionReport, second: ActionReport): ActionReport {
  const reasons = new Map(first.refusals.map(({ reason, count }) => [reason, count]));
  for (const { reason, count } of second.refusals) {
    reasons.set(reason, (reasons.get(reason) ?? 0) + count);
  }
  return {
    ...first,
    done: first.done + second.done,
    refused: first.refused + second.refused,
    refusals: [...reasons].map(([reason, count]) => ({ reason, count })),
    items: [...first.items, ...second.items],
  };
}

/** One action for all tasks of a job that have a status. Tells the viewer. */
export async function actOnTasksWithStatus(
  verb: Verb<"tasks">,
  jobId: string,
  status: TasksActionRequest["status"],
): Promise<void> {
  try {
    const body = { ...verb.more, action: verb.action, job_id: jobId, status };
    tell(verb, await call("actOnTasks", { body: body as never }));
  } catch (error) {
    toastProblem(`${verb.label} failed`, error);
  }
}
