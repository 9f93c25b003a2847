import { h, type FunctionalComponent } from "vue";
import { lookOf, type StatusKind } from "./statuses";

/** A status as icon and colour; with `label` its name beside them, else for screen readers only. */
export const StatusMark: FunctionalComponent<{
  kind: StatusKind;
  status: string;
  label?: boolean;
}> = ({ kind, status, label }) => {
  const { label: name, tone, icon, meaning } = lookOf(kind, status);
  return h(
    "span",
    {
      class: "status-mark",
      "data-status": status,
      title: meaning ? `${name}: ${meaning}` : name,
      style: { color: `var(${tone})` },
    },
    [
      h(icon, { class: "icon", "aria-hidden": "true", "stroke-width": 2.2 }),
      h("span", { class: label || label === ("" as never) ? "status-name" : "visually-hidden" }, name),
    ],
  );
};
StatusMark.props = ["kind", "status", "label"];
