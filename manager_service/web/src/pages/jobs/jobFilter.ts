/** Which jobs a list shows: the same filters as the Manager's list, on what is here already. */
import { computed, type ComputedRef } from "vue";
import { useRoute } from "vue-router";
import type { JobRow } from "@/lists/jobs";

/** Parameters of the page's address that are parameters of `fetchJobs`, too. */
export const JOB_PARAMETERS = [
  ...["status", "name", "type", "metadata", "submitted_by", "worker_tag", "min_priority"],
  ...["max_priority", "archived", "sort"],
] as const;
/** What the Manager can sort jobs by. */
export const JOB_ORDERS = ["created", "priority", "name", "finished", "rendered", "archived"];

export interface JobFilter {
  /** All that is asked for but the status, of which the counts are shown. */
  fits: (job: JobRow) => boolean;
  statuses: ReadonlySet<string>;
  isAny: boolean;
}

export function useJobFilter(): ComputedRef<JobFilter> {
  const route = useRoute();
  // As one text, so that other parts of the address make nobody look at all jobs again.
  const said = computed(() =>
    JSON.stringify(JOB_PARAMETERS.map((key) => [key, String(route.query[key] ?? "")])),
  );
  return computed(() => {
    const values = new Map(JSON.parse(said.value) as [string, string][]);
    const asked = (key: (typeof JOB_PARAMETERS)[number]) => values.get(key) ?? "";
    const tests: ((job: JobRow) => boolean)[] = [];
    const name = asked("name").toLowerCase();
    if (name) tests.push((job) => textOf(job).includes(name));
    for (const key of ["type", "submitted_by", "worker_tag"] as const) {
      const wanted = asked(key);
      if (wanted) tests.push((job) => job[key] === wanted);
    }
    const least = asked("min_priority");
    const most = asked("max_priority");
    if (least) tests.push(({ priority }) => priority >= Number(least));
    if (most) tests.push(({ priority }) => priority <= Number(most));
    const metadata = Object.entries(readMetadata(asked("metadata")));
    if (metadata.length) {
      tests.push((job) => metadata.every(([key, value]) => job.metadata?.[key] === value));
    }
    return {
      fits: (job) => tests.every((test) => test(job)),
      statuses: new Set(asked("status").split(",").filter(Boolean)),
      isAny: tests.length > 0 || Boolean(asked("status")),
    };
  });
}

/** Metadata to filter by, as the Manager takes it: a JSON object in a text. */
export function readMetadata(text: string): Record<string, string> {
  try {
    const read: unknown = JSON.parse(text || "{}");
    return read && typeof read === "object" ? (read as Record<string, string>) : {};
  } catch {
    return {};
  }
}

const texts = new WeakMap<JobRow, string>();

/** What a typed text is looked for in. */
export function textOf(job: JobRow): string {
  let text = texts.get(job);
  if (text === undefined) texts.set(job, (text = job.name.toLowerCase()));
  return text;
}
