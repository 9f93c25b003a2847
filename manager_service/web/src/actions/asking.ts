/** From a button to a request: looks ahead, asks where there is no way back, and does it. */
import { carryOut, counted, preview, type Subject, type Verb } from "./batch";
import { confirm } from "./confirming";
import { toastProblem } from "@/shell/toasts";
import type { ActionReport } from "@/api/schema";

/** Does an action, after a question if it needs one; whether anything was done. */
export async function askAndCarryOut<Of extends Subject>(
  verb: Verb<Of>,
  ids: readonly string[],
  details: string[] = [],
): Promise<boolean> {
  if (verb.warning) {
    let ahead: ActionReport;
    try {
      ahead = await preview(verb, ids);
    } catch (error) {
      toastProblem(`${verb.label} failed`, error);
      return false;
    }
    const isWanted = await confirm({
      title: `${verb.label}: ${counted(verb.subject, ahead.done)}?`,
      text: verb.warning,
      details: [...details, ...refusals(verb.subject, ahead)],
      button: verb.label,
      isDanger: verb.isDanger,
    });
    if (!isWanted) return false;
  }
  const report = await carryOut(verb, ids);
  return Boolean(report?.done);
}

function refusals(subject: Subject, report: ActionReport): string[] {
  return report.refusals.map(({ reason, count }) => `Not ${counted(subject, count)}: ${reason}`);
}
