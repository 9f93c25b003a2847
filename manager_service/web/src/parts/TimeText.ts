import { h, type FunctionalComponent } from "vue";
import { ago, dateAndTime, exactly } from "./times";

/** A time of the API: relative, or with `full` as date and time; exact on hover. */
export const TimeText: FunctionalComponent<{ at?: string | null; full?: boolean }> = ({
  at,
  full,
}) => {
  if (!at) return h("span", { class: "faint" }, "–");
  const time = new Date(at);
  return h(
    "time",
    { datetime: at, title: exactly(time), "data-ago": full ? undefined : "", class: "numbers" },
    full ? dateAndTime(time) : ago(time),
  );
};
TimeText.props = { at: String, full: Boolean };
