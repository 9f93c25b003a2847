import type { JobRow } from "@/lists/jobs";
import { rankOf } from "@/parts/statuses";
import type { Column } from "@/parts/table";

const share = ({ steps_completed: done = 0, steps_total: total = 0 }: JobRow) =>
  total ? done / total : 0;

/** From its submission to its end; null while it goes on. */
export function secondsTaken({ created, finished_at: finished }: JobRow): number | null {
  return finished ? (Date.parse(finished) - Date.parse(created)) / 1000 : null;
}

export const JOB_COLUMNS: readonly Column<JobRow>[] = [
  {
    id: "status",
    label: "Status",
    isIcon: true,
    width: "44px",
    sort: ({ status }) => rankOf("job", status),
  },
  { id: "name", label: "Name", width: "minmax(9rem, 2.6fr)", sort: ({ name }) => name },
  {
    id: "progress",
    label: "Progress",
    width: "minmax(7rem, 1.2fr)",
    sort: share,
    descendingFirst: true,
  },
  { id: "tasks", label: "Tasks", width: "minmax(12rem, 1.2fr)", room: "wide" },
  {
    id: "project",
    label: "Project",
    width: "minmax(6rem, 0.9fr)",
    room: "wide",
    sort: ({ metadata }) => metadata?.project,
  },
  { id: "type", label: "Type", width: "minmax(6rem, 1fr)", room: "wide", sort: ({ type }) => type },
  {
    id: "priority",
    label: "Prio",
    width: "4.2rem",
    align: "end",
    room: "not-phone",
    sort: ({ priority }) => priority,
    descendingFirst: true,
    hint: "Priority: jobs with a higher one go first",
  },
  {
    id: "submitted_by",
    label: "By",
    width: "minmax(5rem, 0.6fr)",
    room: "wide",
    sort: ({ submitted_by: by }) => by,
    hint: "Who submitted it",
  },
  {
    id: "created",
    label: "Submitted",
    width: "7rem",
    room: "wide",
    sort: ({ created }) => created,
    descendingFirst: true,
  },
  {
    id: "updated",
    label: "Updated",
    width: "7rem",
    room: "not-phone",
    sort: ({ updated }) => updated,
    descendingFirst: true,
  },
];

/** The settings in one line: those that say most in few letters first, folders and files last. */
export function settingsText({ settings }: JobRow): string {
  return settingLines(settings).join(" · ");
}

export function settingLines(settings: JobRow["settings"]): string[] {
  const isPath = (value: unknown) => /[\\/]/.test(String(value));
  return Object.entries(settings ?? {})
    .filter(([, value]) => value !== "" && value !== null)
    .sort(([, left], [, right]) => Number(isPath(left)) - Number(isPath(right)))
    .map(([key, value]) => {
      const text = typeof value === "object" ? JSON.stringify(value) : String(value);
      return `${key.replaceAll("_", " ")} ${text}`;
    });
}

/** In place of how it goes on: its settings, when it ended, and when it was archived. */
export const ARCHIVED_COLUMNS: readonly Column<JobRow>[] = [
  ...JOB_COLUMNS.filter(({ id }) => !["progress", "tasks", "priority", "updated"].includes(id)),
  {
    id: "settings",
    label: "Settings",
    width: "minmax(9rem, 2fr)",
    room: "wide",
    hint: "What it was submitted with",
  },
  {
    id: "took",
    label: "Took",
    width: "6rem",
    room: "wide",
    align: "end",
    sort: secondsTaken,
    descendingFirst: true,
    hint: "From when it was submitted until it was finished",
  },
  {
    id: "finished",
    label: "Finished",
    width: "7rem",
    room: "wide",
    sort: ({ finished_at: at }) => at,
    descendingFirst: true,
  },
  {
    id: "archived",
    label: "Archived",
    width: "7rem",
    sort: ({ archived_at: at }) => at,
    descendingFirst: true,
  },
];
