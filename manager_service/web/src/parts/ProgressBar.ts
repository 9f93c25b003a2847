import { h, type FunctionalComponent } from "vue";

/** How much is done, as a bar and in percent; `title` says it exactly, `label` for readers only. */
export const ProgressBar: FunctionalComponent<{
  done: number;
  total: number;
  tone?: string;
  title?: string;
  label?: string;
}> = ({ done, total, tone = "--active", title, label }) => {
  // Only what is done wholly shows as 100 %.
  const percent = total ? Math.min(Math.floor((100 * done) / total), 100) : 0;
  return h(
    "span",
    {
      class: "progress",
      role: "progressbar",
      "aria-valuenow": percent,
      "aria-valuemin": 0,
      "aria-valuemax": 100,
      "aria-label": label ?? title ?? `${done} of ${total}`,
      title: label === undefined ? (title ?? `${done} of ${total}`) : undefined,
    },
    [
      h("span", { class: "track" }, [
        h("span", {
          class: "fill",
          style: { transform: `scaleX(${percent / 100})`, background: `var(${tone})` },
        }),
      ]),
      h("span", { class: "percent numbers" }, `${percent}%`),
    ],
  );
};
ProgressBar.props = { done: Number, total: Number, tone: String, title: String, label: String };
