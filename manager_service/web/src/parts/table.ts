/** What a table shows of a collection: filtered, in an order, and frozen while that is wanted. */
import { computed, onScopeDispose, ref, shallowRef, watch, type Ref, type ShallowRef } from "vue";
import type { Collection } from "@/live/collection";

export type SortValue = string | number | null | undefined;

export interface Column<Row> {
  id: string;
  label: string;
  /** A track of a CSS grid, such as `minmax(12rem, 2fr)` or `6rem`. */
  width: string;
  /** What to sort by; a column without it cannot be sorted. */
  sort?: (row: Row) => SortValue;
  /** The order of the first click on its head. */
  descendingFirst?: boolean;
  align?: "end";
  /** For columns of icons: its label is for screen readers, and on hover. */
  isIcon?: boolean;
  /** Only where there is room: on wide screens, or not on phones. */
  room?: "wide" | "not-phone";
  /** What to say of the column on hover. */
  hint?: string;
}

export interface TableParts<Row> {
  collection: Collection<Row>;
  columns: readonly Column<Row>[];
  idOf(row: Row): string;
  /** Which rows are shown. Reads reactive state; is made anew whenever that changes. */
  filter: () => ((row: Row) => boolean) | null;
  /** "column" or "-column". */
  sort: Ref<string>;
}

export interface TableView<Row> {
  rows: ShallowRef<readonly Row[]>;
  ids: Ref<readonly string[]>;
  columns: readonly Column<Row>[];
  sort: Ref<string>;
  sortBy(column: Column<Row>): void;
  /** While it is true, rows change in place, and none moves, comes in between, or goes. */
  isFrozen: Ref<boolean>;
  /** How many rows would look different if it were not frozen. */
  waiting: Ref<number>;
  /** Changes with the rows, but not so often that looking at all of them keeps the page busy. */
  version: Ref<number>;
  idOf(row: Row): string;
}

/** Looking at the rows anew may take this share of the time, and no more. */
const BUSY_SHARE = 1 / 5;

const COLLATOR = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

export function tableView<Row>(parts: TableParts<Row>): TableView<Row> {
  const { collection, columns, idOf, sort } = parts;
  const isFrozen = ref(false);
  const rows = shallowRef<readonly Row[]>([]);
  const waiting = ref(0);
  let frozen: string[] = [];
  const version = ref(0);
  let lastTook = 0;
  let pause: ReturnType<typeof setTimeout> | undefined;

  watch(collection.version, () => {
    if (pause !== undefined) return;
    const pauseFor = lastTook / BUSY_SHARE - lastTook;
    if (pauseFor < 1) version.value++;
    else {
      pause = setTimeout(() => {
        pause = undefined;
        version.value++;
      }, pauseFor);
    }
  });
  onScopeDispose(() => clearTimeout(pause));

  const wanted = computed<Row[]>(() => {
    void version.value;
    const began = performance.now();
    const isShown = parts.filter();
    const found: Row[] = [];
    for (const row of collection.rows.values()) if (!isShown || isShown(row)) found.push(row);
    const inOrder = sorted(found, columns, sort.value);
    // Drawing them takes about as long again.
    lastTook = 2 * (performance.now() - began);
    return inOrder;
  });

  watch(
    [wanted, isFrozen],
    () => {
      if (!isFrozen.value) {
        rows.value = wanted.value;
        frozen = [];
        waiting.value = 0;
        return;
      }
      if (!frozen.length) frozen = rows.value.map(idOf);
      const there = new Set(frozen);
      rows.value = frozen
        .map((id) => collection.rows.get(id))
        .filter((row): row is Row => row !== undefined);
      waiting.value = wanted.value.filter((row) => !there.has(idOf(row))).length;
    },
    { immediate: true, flush: "sync" },
  );

  return {
    rows,
    ids: computed(() => rows.value.map(idOf)),
    columns,
    sort,
    isFrozen,
    waiting,
    version,
    idOf,
    sortBy(column) {
      const { id, descendingFirst } = column;
      const first = descendingFirst ? `-${id}` : id;
      const second = descendingFirst ? id : `-${id}`;
      isFrozen.value = false;
      sort.value = sort.value === first ? second : first;
    },
  };
}

/**
 * Opens a row from its link with the filters as they are now. Rows are drawn once, so that an
 * address in them would keep older ones. Other clicks (a new tab, selecting) stay what they are.
 */
export function openPlainly(event: MouseEvent, open: () => void): void {
  if (event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  open();
}

/** Stable, empty values last either way. */
function sorted<Row>(rows: Row[], columns: readonly Column<Row>[], sort: string): Row[] {
  const isBackwards = sort.startsWith("-");
  const valueOf = columns.find(({ id }) => id === sort.replace(/^-/, ""))?.sort;
  if (!valueOf) return rows;
  const direction = isBackwards ? -1 : 1;
  const values = rows.map(valueOf);
  // Most often they are in order already, and looking is much quicker than sorting.
  if (values.every((value, index) => !index || compared(values[index - 1], value, direction) <= 0)) {
    return rows;
  }
  const keyed = rows.map((row, index) => ({ row, index, value: values[index] }));
  keyed.sort((left, right) => compared(left.value, right.value, direction) || left.index - right.index);
  return keyed.map(({ row }) => row);
}

function compared(left: SortValue, right: SortValue, direction: number): number {
  if (left === right) return 0;
  if (left === null || left === undefined || left === "") return 1;
  if (right === null || right === undefined || right === "") return -1;
  if (typeof left === "number" && typeof right === "number") return (left - right) * direction;
  return COLLATOR.compare(String(left), String(right)) * direction;
}
