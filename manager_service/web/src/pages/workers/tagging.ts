/** Giving tags to workers and taking them away. */
import { call } from "@/api/client";
import type { WorkerTag } from "@/api/schema";
import { toast, toastProblem } from "@/shell/toasts";

export interface Tagged {
  id: string;
  name: string;
  tags?: WorkerTag[];
}

/** Makes each worker have the tag or not, and tells the viewer; those that have it so stay. */
export async function setTag(
  workers: readonly Tagged[],
  tag: { id: string; name: string },
  isWanted: boolean,
): Promise<void> {
  const before = workers.filter((worker) => has(worker, tag.id) !== isWanted);
  const idsOf = (worker: Tagged) => (worker.tags ?? []).flatMap(({ id }) => id ?? []);
  const changed = (worker: Tagged) =>
    isWanted ? [...idsOf(worker), tag.id] : idsOf(worker).filter((id) => id !== tag.id);
  try {
    for (const worker of before) await store(worker.id, changed(worker));
  } catch (error) {
    toastProblem(`The tag ${tag.name} could not be ${isWanted ? "given" : "taken away"}`, error);
    return;
  }
  const who = before.length === 1 ? before[0]!.name : `${before.length} workers`;
  toast({
    kind: before.length ? "done" : "note",
    text: isWanted ? `${tag.name}: given to ${who}` : `${tag.name}: taken from ${who}`,
    undo: before.length
      ? async () => {
          for (const worker of before) await store(worker.id, idsOf(worker));
        }
      : undefined,
  });
}

export const has = ({ tags }: Tagged, tagId: string): boolean =>
  Boolean(tags?.some(({ id }) => id === tagId));

const store = (workerId: string, tagIds: string[]) =>
  call("setWorkerTags", { path: { worker_id: workerId }, body: { tag_ids: tagIds } });
