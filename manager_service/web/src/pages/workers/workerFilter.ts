/** Which workers the list shows: the same filters as the Manager's list, on what is here already. */
import { computed, type ComputedRef } from "vue";
import { useRoute } from "vue-router";
import type { WorkerRow } from "@/lists/workers";

/** Parameters of the page's address that are parameters of `fetchWorkers`, too. */
export const WORKER_PARAMETERS = ["status", "name", "tag", "platform", "sort"] as const;
/** What the Manager can sort workers by. */
export const WORKER_ORDERS = ["name"];

export interface WorkerFilter {
  /** All that is asked for but the status, of which the counts are shown. */
  fits: (worker: WorkerRow) => boolean;
  statuses: ReadonlySet<string>;
}

export function useWorkerFilter(): ComputedRef<WorkerFilter> {
  const route = useRoute();
  return computed(() => {
    const asked = (key: (typeof WORKER_PARAMETERS)[number]) => {
      const value = route.query[key];
      return typeof value === "string" ? value : "";
    };
    const tests: ((worker: WorkerRow) => boolean)[] = [];
    const name = asked("name").toLowerCase();
    if (name) tests.push((worker) => textOf(worker).includes(name));
    const tag = asked("tag");
    if (tag) tests.push(({ tags }) => Boolean(tags?.some(({ id }) => id === tag)));
    const platform = asked("platform");
    if (platform) tests.push((worker) => worker.platform === platform);
    return {
      fits: (worker) => tests.every((test) => test(worker)),
      statuses: new Set(asked("status").split(",").filter(Boolean)),
    };
  });
}

/** What a typed text is looked for in. */
export function textOf(worker: WorkerRow): string {
  return worker.name.toLowerCase();
}
