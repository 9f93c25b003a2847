/** How statuses look: an icon of a shape of its own, a colour, and words for who asks. */
import {
  Ban,
  CircleCheck,
  CircleDashed,
  CirclePause,
  CirclePlay,
  CircleX,
  Clock,
  Hammer,
  Moon,
  OctagonX,
  Power,
  RotateCw,
  Sun,
  Sunrise,
  TriangleAlert,
  FlaskConical,
} from "@lucide/vue";
import type { Component } from "vue";
import type { JobStatus, TaskStatus, WorkerStatus } from "@/api/schema";

export interface StatusLook {
  label: string;
  /** The custom property with its colour, such as `--active`. */
  tone: string;
  icon: Component;
  /** What it means, for people who see it for the first time. */
  meaning: string;
}

const look = (label: string, tone: string, icon: Component, meaning: string): StatusLook => ({
  label,
  tone: `--${tone}`,
  icon,
  meaning,
});

/** In the order in which they are listed: what needs a look first. */
export const JOB_STATUSES: Record<JobStatus, StatusLook> = {
  active: look("Active", "active", CirclePlay, "workers are rendering it"),
  failed: look("Failed", "failed", OctagonX, "too many of its tasks failed"),
  queued: look("Queued", "queued", Clock, "waits for a worker"),
  requeueing: look("Requeueing", "queued", RotateCw, "its tasks are being queued again"),
  "pause-requested": look(
    "Pausing",
    "paused",
    CircleDashed,
    "what runs is finished first, then it pauses",
  ),
  paused: look("Paused", "paused", CirclePause, "hands out nothing until it is requeued"),
  "cancel-requested": look("Cancelling", "canceled", CircleX, "its tasks are being cancelled"),
  canceled: look("Cancelled", "canceled", Ban, "somebody stopped it"),
  "under-construction": look(
    "Under construction",
    "soft-failed",
    Hammer,
    "it is still being stored",
  ),
  completed: look("Completed", "completed", CircleCheck, "all of its tasks are done"),
};

export const TASK_STATUSES: Record<TaskStatus, StatusLook> = {
  active: look("Active", "active", CirclePlay, "a worker has it"),
  failed: look("Failed", "failed", OctagonX, "failed for good"),
  "soft-failed": look("Soft-failed", "soft-failed", TriangleAlert, "failed; another worker tries"),
  queued: look("Queued", "queued", Clock, "waits for a worker, or for other tasks"),
  paused: look("Paused", "paused", CirclePause, "its job is paused"),
  canceled: look("Cancelled", "canceled", Ban, "somebody stopped it"),
  completed: look("Completed", "completed", CircleCheck, "done"),
};

export const WORKER_STATUSES: Record<WorkerStatus, StatusLook> = {
  awake: look("Awake", "completed", Sun, "takes tasks"),
  error: look("Lost", "failed", OctagonX, "nothing was heard of it; its tasks were queued again"),
  starting: look("Starting", "active", Sunrise, "signed on, not ready yet"),
  testing: look("Testing", "soft-failed", FlaskConical, "tries its machine, takes no tasks"),
  asleep: look("Asleep", "paused", Moon, "takes nothing, and can be woken"),
  offline: look("Offline", "canceled", Power, "its program does not run"),
} as Record<WorkerStatus, StatusLook>;

export type StatusKind = "job" | "task" | "worker";

const ALL: Record<StatusKind, Record<string, StatusLook>> = {
  job: JOB_STATUSES,
  task: TASK_STATUSES,
  worker: WORKER_STATUSES,
};

export const looksOf = (kind: StatusKind): Record<string, StatusLook> => ALL[kind];

/** Also for a status that a newer Manager may have. */
export function lookOf(kind: StatusKind, status: string): StatusLook {
  return ALL[kind][status] ?? look(status, "canceled", CircleDashed, "");
}

/** For sorting: its place in the order above. */
export function rankOf(kind: StatusKind, status: string): number {
  return Object.keys(ALL[kind]).indexOf(status);
}
