/** The text of a log, of which pieces come with their places in bytes. */
import type { EventTaskLogUpdate } from "@/api/schema";

/** Of a longer log, only the end is kept. */
export const MOST_BYTES = 1_000_000;

const ENCODER = new TextEncoder();

/** How much of the beginning of `next`, in whole lines, is the end of `text`. */
function overlap(text: string, next: string): number {
  let length = next.length;
  while (length > 0 && !text.endsWith(next.slice(0, length))) {
    length = length > 1 ? next.lastIndexOf("\n", length - 2) + 1 : 0;
  }
  return length;
}

export class LogText {
  #text = "";
  #attempt: number | undefined;
  /** Where the next piece of the attempt begins; undefined while nobody knows. */
  #end: number | undefined;
  isCut = false;

  /** Takes what was read. It may have what came `meanwhile`, or not, or the beginning of that. */
  replace(text: string, isCut: boolean, meanwhile: readonly EventTaskLogUpdate[] = []): void {
    const late = meanwhile.map(({ log }) => log).join("");
    this.#text = text + late.slice(overlap(text, late));
    this.isCut = isCut;
    const last = meanwhile.at(-1);
    this.#attempt = last?.attempt;
    this.#end = last?.start === undefined ? undefined : last.start + ENCODER.encode(last.log).length;
  }

  /** Adds what an event brings; whether nothing is missing in between. */
  add({ log, attempt, start }: EventTaskLogUpdate): boolean {
    const isSame = attempt === this.#attempt;
    const isNext = !isSame || this.#end === undefined || start === undefined || start === this.#end;
    const length = ENCODER.encode(log).length;
    if (isSame && this.#end !== undefined && start !== undefined && start + length <= this.#end) {
      return true; // It was there already.
    }
    this.#attempt = attempt;
    this.#end = start === undefined ? undefined : start + length;
    if (!isNext) return false;
    // What was just read may end with it.
    if (!this.#text.endsWith(log)) this.#text += log;
    if (this.#text.length > 1.5 * MOST_BYTES) {
      this.#text = this.#text.slice(-MOST_BYTES);
      this.isCut = true;
    }
    return true;
  }

  lines(): string[] {
    const lines = this.#text.split("\n");
    if (lines.at(-1) === "") lines.pop();
    if (this.isCut) lines.shift(); // Half a line.
    return lines;
  }
}
