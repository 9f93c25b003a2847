/**
 * Many things of one kind, by id, kept as they are on the farm.
 *
 * Not deeply reactive, since ten thousand reactive rows would be slow: `version` changes when
 * anything did, and a row that changed is another object.
 */
import { onScopeDispose, ref, shallowRef, type Ref, type ShallowRef } from "vue";
import { problemOf, type ApiProblem } from "@/api/problem";
import { follow, type LiveEvent } from "./events";

export interface Collection<Row> {
  readonly rows: ReadonlyMap<string, Row>;
  /** Read it to depend on the rows. */
  readonly version: Ref<number>;
  /** Nothing was read yet. */
  readonly isLoading: Ref<boolean>;
  /** Why the last reading failed; what was read before is still there. */
  readonly problem: ShallowRef<ApiProblem | null>;
  reread(): Promise<void>;
  put(id: string, row: Row): void;
}

export interface CollectionParts<Row> {
  topics: readonly string[];
  idOf(row: Row): string;
  /** Reads everything; gives the rows in one or several portions. */
  read(signal: AbortSignal): AsyncIterable<Row[]>;
  /** The row after an event; `undefined` to leave it, `null` to drop it. */
  apply(event: LiveEvent, row: Row | undefined): { id: string; row: Row | null } | undefined;
  /** Rows that events told of, but that are not known: reads those that belong here. */
  readSome?(ids: string[], signal: AbortSignal): Promise<Row[]>;
  /** For events that are about more than rows. */
  onEvents?(events: LiveEvent[]): void;
}

/** Lives as long as the component, or effect scope, that makes it. */
export function liveCollection<Row>(parts: CollectionParts<Row>): Collection<Row> {
  let rows = new Map<string, Row>();
  const version = ref(0);
  const isLoading = ref(true);
  const problem = shallowRef<ApiProblem | null>(null);
  const lifetime = new AbortController();
  let reading: AbortController | null = null;
  /** Events that came while rows were read, which may be older than they are. */
  let meanwhile: LiveEvent[] | null = null;
  /** Rows that are read one by one; what is dropped meanwhile does not come back. */
  const awaited = new Set<Set<string>>();

  async function reread(): Promise<void> {
    reading?.abort();
    const own = (reading = new AbortController());
    const signal = AbortSignal.any([own.signal, lifetime.signal]);
    const late: LiveEvent[] = (meanwhile = []);
    const isFirst = isLoading.value;
    const found = new Map<string, Row>();
    try {
      for await (const portion of parts.read(signal)) {
        for (const row of portion) found.set(parts.idOf(row), row);
        if (signal.aborted) return;
        // The first portion shows at once; afterwards nothing may vanish while it is read anew.
        if (isFirst && found.size >= rows.size) {
          rows = found;
          isLoading.value = false;
          version.value++;
        }
      }
      rows = found;
      problem.value = null;
      isLoading.value = false;
    } catch (error) {
      if (signal.aborted) return;
      problem.value = problemOf(error);
    }
    if (meanwhile === late) meanwhile = null;
    take(late);
    version.value++;
  }

  function take(events: readonly LiveEvent[]): void {
    const unknown: string[] = [];
    for (const event of events) {
      const id = "id" in event.data ? event.data.id : "";
      const change = parts.apply(event, rows.get(id));
      if (!change) continue;
      if (change.row === null) {
        rows.delete(change.id);
        for (const ids of awaited) ids.delete(change.id);
      } else {
        if (parts.readSome && !rows.has(change.id)) unknown.push(change.id);
        else rows.set(change.id, change.row);
      }
    }
    if (unknown.length) void readUnknown(unknown);
  }

  async function readUnknown(ids: string[]): Promise<void> {
    const wanted = new Set(ids);
    awaited.add(wanted);
    try {
      for (const row of await parts.readSome!(ids, lifetime.signal)) {
        const id = parts.idOf(row);
        if (wanted.has(id)) rows.set(id, row);
      }
      version.value++;
    } catch {
      // They come with the next reading of everything.
    } finally {
      awaited.delete(wanted);
    }
  }

  /** What fills the screen shows at once; the rest is read when nothing can be missed any more. */
  async function readFirst(): Promise<void> {
    try {
      for await (const portion of parts.read(lifetime.signal)) {
        if (isLoading.value && !reading) {
          rows = new Map(portion.map((row) => [parts.idOf(row), row]));
          isLoading.value = portion.length === 0;
          version.value++;
        }
        return;
      }
    } catch {
      // Reading everything says what is wrong.
    }
  }
  void readFirst();

  const stop = follow(parts.topics, {
    onReread: () => void reread(),
    onEvents(events) {
      if (meanwhile) meanwhile.push(...events);
      take(events);
      version.value++;
      parts.onEvents?.(events);
    },
  });
  onScopeDispose(() => {
    stop();
    lifetime.abort();
  });

  return {
    get rows() {
      return rows;
    },
    version,
    isLoading,
    problem,
    reread,
    put(id, row) {
      rows.set(id, row);
      version.value++;
    },
  };
}
