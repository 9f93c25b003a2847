/** Deleting a job, after saying what exactly would go. */
import { carryOut } from "@/actions/batch";
import { confirm } from "@/actions/confirming";
import { JOB_VERBS } from "@/actions/verbs";
import { call } from "@/api/client";
import type { Job } from "@/api/schema";
import { fileSize } from "@/parts/times";
import { toastProblem } from "@/shell/toasts";

const DELETE = JOB_VERBS.find(({ id }) => id === "delete")!;

/** Whether it was asked for. */
export async function deleteWithDetails(job: Job): Promise<boolean> {
  let details: string[];
  try {
    const info = await call("deleteJobWhatWouldItDo", { path: { job_id: job.id } });
    const more = info.is_all_counted === false ? "at least " : "";
    details = [
      `${(info.tasks ?? 0).toLocaleString()} tasks with their logs`,
      ...(info.folders ?? []),
      ...(info.bytes !== undefined
        ? [`${more}${(info.files ?? 0).toLocaleString()} files, ${fileSize(info.bytes)}`]
        : []),
      ...(info.kept ? [`Stays: ${info.kept}`] : []),
    ];
  } catch (error) {
    toastProblem("What would go could not be found out", error);
    return false;
  }
  const isWanted = await confirm({
    title: `Delete “${job.name}”?`,
    text: `${DELETE.warning} What goes:`,
    details,
    button: "Delete",
    isDanger: true,
  });
  if (!isWanted) return false;
  return Boolean((await carryOut(DELETE, [job.id]))?.done);
}
