/** What the command palette offers, beside what it looks up on the farm. */
import { onScopeDispose, shallowReactive, type Component } from "vue";

export interface PageCommand {
  label: string;
  icon?: Component;
  /** More words that find it. */
  words?: string;
  /** Shown at its right, in the form of `Shortcut.keys`. */
  keys?: string;
  run(): void;
}

export const commands = shallowReactive<PageCommand[]>([]);

/** Is offered as long as the component that calls this is there. */
export function useCommands(added: readonly PageCommand[]): void {
  commands.push(...added);
  onScopeDispose(() => {
    for (const each of added) {
      const place = commands.indexOf(each);
      if (place >= 0) commands.splice(place, 1);
    }
  });
}
