/** What happens on the farm, an event a line. */
import type { EventType, LiveEvent } from "@/live/events";
import type { StatusKind } from "@/parts/statuses";

export interface EventLine {
  /** As the type of the event. */
  kind: EventType;
  /** Milliseconds since 1970. */
  at: number;
  name: string;
  /** Where the page shows it. */
  link?: string;
  status?: { kind: StatusKind; status: string };
  text: string;
}

export const EVENT_TOPICS = [
  ...["farm", "jobs", "tasks", "workers", "tags", "last-rendered", "accounts"],
] as const;

export const EVENT_KINDS = {
  job: "Jobs",
  task: "Tasks",
  worker: "Workers",
  "last-rendered": "Images",
  tag: "Tags",
  "farm-status": "Farm",
  accounts: "Accounts",
} as const satisfies Partial<Record<EventType, string>>;
export type EventKind = keyof typeof EVENT_KINDS;

/** Kinds that are shown with another one. */
const SHOWN_WITH: Partial<Record<EventType, EventKind>> = {
  tasks: "task",
  "life-cycle": "farm-status",
};

export const kindOf = ({ kind }: EventLine): EventKind => SHOWN_WITH[kind] ?? (kind as EventKind);

const was = (before: string | undefined): string => (before ? `was ${before}` : "");
const steps = (done: number, all: number): string => (all ? `${done} of ${all} frames or steps` : "");
const joined = (...parts: (string | undefined)[]): string => parts.filter(Boolean).join("; ");

/** `jobName` knows names of jobs that were told of before. */
export function lineOf(event: LiveEvent, at: number, jobName: (id: string) => string): EventLine {
  const line = { kind: event.type, at, name: "", text: "" };
  switch (event.type) {
    case "job": {
      const job = event.data;
      if (job.was_deleted) return { ...line, name: job.name ?? job.id, text: "deleted" };
      return {
        ...line,
        name: job.name ?? job.id,
        link: `/jobs/${job.id}`,
        status: { kind: "job", status: job.status },
        text: joined(was(job.previous_status), steps(job.steps_completed, job.steps_total)),
      };
    }
    case "task": {
      const task = event.data;
      return {
        ...line,
        name: `${jobName(task.job_id)} ${task.name}`.trim(),
        link: `/jobs/${task.job_id}/tasks/${task.id}`,
        status: { kind: "task", status: task.status },
        text: joined(was(task.previous_status), task.worker?.name, task.activity),
      };
    }
    case "tasks": {
      const counts = Object.entries(event.data.changed).map(([status, count]) => `${count} ${status}`);
      const text = counts.join(", ") || "all of its tasks are new";
      const id = event.data.job_id;
      return { ...line, name: jobName(id) || "many tasks", link: `/jobs/${id}`, text };
    }
    case "worker": {
      const worker = event.data;
      const isGone = Boolean(worker.deleted_at);
      const task = worker.task?.status === "active" ? `at work on ${worker.task.name}` : "";
      return {
        ...line,
        name: worker.name,
        link: isGone ? undefined : `/workers/${worker.id}`,
        status: { kind: "worker", status: worker.status },
        text: isGone ? "removed" : joined(was(worker.previous_status), task, worker.status_reason),
      };
    }
    case "tag": {
      const { tag, was_deleted } = event.data;
      const link = was_deleted ? undefined : "/tags";
      return { ...line, name: tag.name, link, text: was_deleted ? "tag deleted" : "tag changed" };
    }
    case "last-rendered": {
      const id = event.data.job_id;
      return { ...line, name: jobName(id) || "a job", link: `/jobs/${id}`, text: "rendered an image" };
    }
    case "accounts": {
      const changed = [event.data.users && "accounts", event.data.tokens && "tokens"];
      return { ...line, name: "Accounts", text: `${changed.filter(Boolean).join(" and ")} changed` };
    }
    case "farm-status":
      return { ...line, name: "The farm", text: `is ${event.data.status}` };
    case "life-cycle":
      return { ...line, name: "The Manager", text: event.data.type === "manager-startup" ? "started" : "stops" };
    default:
      return { ...line, text: event.type };
  }
}
