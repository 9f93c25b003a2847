/** How what is open beside a list is closed: its heading has the button, where the page has it. */
import type { InjectionKey } from "vue";

export const CLOSING: InjectionKey<{
  /** "job", "worker". */
  kind: string;
  close(): void;
}> = Symbol("closing");
