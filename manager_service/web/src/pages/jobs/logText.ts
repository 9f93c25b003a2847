/** The text of a log, of which pieces come with their places in bytes. */
import type { EventTaskLogUpdate } from "@/api/schema";

/** Of a longer log, only the end is kept. */
export const MOST_BYTES = 1_000_000;

const ENCODER = new TextEncoder();

export class LogText {
  #text = "";
  #attempt: number | undefined;
  /** Where the next piece of the attempt begins; undefined while nobody knows. */
  #end: number | undefined;
  isCut = false;

  replace(text: string, isCut: boolean): void {
    this.#text = text;
    this.isCut = isCut;
    this.#end = undefined;
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
