/** What is selected in a table: ids, so that a row stays selected wherever it goes. */
import { shallowRef, triggerRef, type ShallowRef } from "vue";

export interface Selection {
  readonly ids: ShallowRef<Set<string>>;
  has(id: string): boolean;
  toggle(id: string): void;
  /** Everything between the last one that was chosen and this one, in the order that is shown. */
  extendTo(id: string, order: readonly string[]): void;
  set(ids: Iterable<string>): void;
  clear(): void;
  /** Where a range begins that is chosen next. */
  anchor: string | null;
}

export function createSelection(): Selection {
  const ids = shallowRef(new Set<string>());
  const selection: Selection = {
    ids,
    anchor: null,
    has: (id) => ids.value.has(id),
    toggle(id) {
      if (!ids.value.delete(id)) ids.value.add(id);
      selection.anchor = id;
      triggerRef(ids);
    },
    extendTo(id, order) {
      const from = selection.anchor === null ? -1 : order.indexOf(selection.anchor);
      const to = order.indexOf(id);
      if (from < 0) selection.anchor = id;
      const [first, last] = from < 0 ? [to, to] : [Math.min(from, to), Math.max(from, to)];
      for (const each of order.slice(first, last + 1)) ids.value.add(each);
      triggerRef(ids);
    },
    set(chosen) {
      ids.value = new Set(chosen);
    },
    clear() {
      if (ids.value.size) ids.value = new Set();
      selection.anchor = null;
    },
  };
  return selection;
}
