import type { TaskSummary } from "@/api/schema";
import { rankOf } from "@/parts/statuses";
import type { Column } from "@/parts/table";

export const TASK_COLUMNS: readonly Column<TaskSummary>[] = [
  {
    id: "index",
    label: "No.",
    width: "4rem",
    align: "end",
    sort: ({ index_in_job: index }) => index,
    room: "not-phone",
  },
  {
    id: "status",
    label: "Status",
    isIcon: true,
    width: "44px",
    sort: ({ status }) => rankOf("task", status),
  },
  { id: "name", label: "Name", width: "minmax(8rem, 2fr)", sort: ({ name }) => name },
  { id: "progress", label: "Progress", width: "minmax(6rem, 1fr)", room: "not-phone" },
  {
    id: "worker",
    label: "Worker",
    width: "minmax(6rem, 1.4fr)",
    sort: ({ worker }) => worker?.name,
  },
  {
    id: "activity",
    label: "Activity",
    width: "minmax(8rem, 2fr)",
    sort: ({ activity }) => activity,
    room: "wide",
  },
  {
    id: "took",
    label: "Took",
    width: "6.5rem",
    align: "end",
    sort: ({ run_seconds: seconds }) => seconds,
    descendingFirst: true,
    room: "not-phone",
    hint: "How long its newest attempt took",
  },
  {
    id: "updated",
    label: "Updated",
    width: "7rem",
    sort: ({ updated }) => updated,
    descendingFirst: true,
    room: "wide",
  },
];
