import type { WorkerRow } from "@/lists/workers";
import { rankOf } from "@/parts/statuses";
import type { Column } from "@/parts/table";

/** What it does now comes first, then what it did last. */
export const isAtWork = ({ task }: WorkerRow): boolean => task?.status === "active";

export const WORKER_COLUMNS: readonly Column<WorkerRow>[] = [
  {
    id: "status",
    label: "Status",
    isIcon: true,
    width: "44px",
    sort: ({ status }) => rankOf("worker", status),
  },
  { id: "name", label: "Name", width: "minmax(9rem, 2fr)", sort: ({ name }) => name },
  {
    id: "task",
    label: "At work on",
    width: "minmax(7rem, 2.2fr)",
    room: "not-phone",
    sort: ({ task }) => (task?.status === "active" ? `${task.job_name} ${task.name}` : null),
    hint: "What it runs now",
  },
  {
    id: "tags",
    label: "Tags",
    width: "minmax(7rem, 1.2fr)",
    room: "wide",
    sort: ({ tags }) => tags?.map(({ name }) => name).join(" "),
  },
  {
    id: "device",
    label: "Device",
    width: "5.5rem",
    room: "wide",
    sort: ({ capabilities }) => capabilities?.device,
  },
  { id: "platform", label: "Platform", width: "5.5rem", room: "wide", sort: ({ platform }) => platform },
  { id: "version", label: "Version", width: "6.5rem", room: "wide", sort: ({ version }) => version },
  {
    id: "seen",
    label: "Seen",
    width: "6.5rem",
    sort: ({ last_seen: seen }) => seen,
    descendingFirst: true,
    hint: "When the Manager last heard of it",
  },
];
