import { h, type FunctionalComponent } from "vue";
import { TASK_STATUSES } from "@/parts/statuses";

/** How many tasks have each status, the ones that need a look first. */
export const TaskCounts: FunctionalComponent<{ counts: Record<string, number> }> = ({ counts }) => {
  const shown = Object.entries(TASK_STATUSES).filter(([status]) => counts[status]);
  const words = shown.map(([status, { label }]) => `${counts[status]} ${label.toLowerCase()}`);
  return h(
    "span",
    { class: "task-counts numbers", title: words.join(", ") },
    shown.map(([status, { icon, tone, label }]) =>
      h("span", { key: status }, [
        h(icon, { class: "icon", style: { color: `var(${tone})` }, "aria-hidden": "true" }),
        String(counts[status]),
        h("span", { class: "visually-hidden" }, ` ${label.toLowerCase()}`),
      ]),
    ),
  );
};
TaskCounts.props = { counts: Object };
