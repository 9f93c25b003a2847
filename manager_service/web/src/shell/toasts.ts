/** Short messages about what was done, with a way back where there is one. */
import { shallowReactive } from "vue";
import { problemOf, type ApiProblem } from "@/api/problem";

export interface Toast {
  readonly id: number;
  kind: "done" | "note" | "problem";
  text: string;
  /** More about it, such as the reasons of what was refused. */
  details?: string[];
  problem?: ApiProblem;
  /** Takes back what was done. */
  undo?: () => Promise<void>;
  /** Something else to do about it. */
  action?: { label: string; run: () => void };
}

const MOST = 5;
const SHOWN_MS = 6_000;
const WITH_UNDO_MS = 12_000;

export const toasts = shallowReactive<Toast[]>([]);
let nextId = 1;

export function toast(content: Omit<Toast, "id">): Toast {
  const added: Toast = { ...content, id: nextId++ };
  toasts.push(added);
  if (toasts.length > MOST) toasts.shift();
  // Problems stay until somebody has read them.
  if (added.kind !== "problem") {
    setTimeout(() => dismiss(added.id), added.undo ? WITH_UNDO_MS : SHOWN_MS);
  }
  return added;
}

export function toastProblem(text: string, error: unknown): void {
  const problem = problemOf(error);
  const details = problem.problems.map(({ where, what, hint }) =>
    [where && `${where}:`, what, hint && `(${hint})`].filter(Boolean).join(" "),
  );
  toast({ kind: "problem", text: `${text}: ${problem.message}`, details, problem });
}

export function dismiss(id: number): void {
  const place = toasts.findIndex((each) => each.id === id);
  if (place >= 0) toasts.splice(place, 1);
}

export async function undo(toastToUndo: Toast): Promise<void> {
  dismiss(toastToUndo.id);
  try {
    await toastToUndo.undo?.();
    toast({ kind: "note", text: "Taken back" });
  } catch (error) {
    toastProblem("It could not be taken back", error);
  }
}
