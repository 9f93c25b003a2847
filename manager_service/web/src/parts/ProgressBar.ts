import { h, type FunctionalComponent } from "vue";

/** How much is done, as a bar and in percent; `title` says it exactly. */
export const ProgressBar: FunctionalComponent<{
  done: number;
  total: number;
  tone?: string;
  title?: string;
}> = ({ done, total, tone = "--active", title }) => {
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
      "aria-label": title ?? `${done} of ${total}`,
      title: title ?? `${done} of ${total}`,
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
ProgressBar.props = { done: Number, total: Number, tone: String, title: String };
