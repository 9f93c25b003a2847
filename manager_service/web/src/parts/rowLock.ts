/** Rows that somebody is choosing from do not jump away. */
import { ref, watch, type Ref } from "vue";
import type { Selection } from "./selection";
import type { TableView } from "./table";

/** Freezes a table while it is locked or some rows are selected; for the component that calls it. */
export function useRowLock<Row>(view: TableView<Row>, selection: Selection): Ref<boolean> {
  const isLocked = ref(false);
  watch(
    () => isLocked.value || selection.ids.value.size > 0,
    (isFrozen) => (view.isFrozen.value = isFrozen),
  );
  return isLocked;
}
