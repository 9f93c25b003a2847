/** Keys that do something anywhere on the page, and the list of them that `?` shows. */
import { onScopeDispose, shallowReactive } from "vue";

export interface Shortcut {
  /** "/", "mod+k" (Ctrl, on a Mac Command), or "g j" for one key after the other. */
  keys: string;
  label: string;
  run(): void;
}

export const shortcuts = shallowReactive<Shortcut[]>([]);

/** Is there as long as the component that calls this; the newest of the same keys counts. */
export function useShortcut(keys: string, label: string, run: () => void): void {
  const shortcut = { keys, label, run };
  shortcuts.push(shortcut);
  onScopeDispose(() => {
    const place = shortcuts.indexOf(shortcut);
    if (place >= 0) shortcuts.splice(place, 1);
  });
}

const SEQUENCE_MS = 1_000;
let first = "";
let forget: ReturnType<typeof setTimeout> | undefined;

export const isMac = /Mac|iPhone|iPad/.test(navigator.userAgent);

export function keysText(keys: string): string[] {
  return keys.split(" ").map((key) =>
    key
      .split("+")
      .map((part) => (part === "mod" ? (isMac ? "⌘" : "Ctrl") : part.length === 1 ? part.toUpperCase() : part))
      .join(isMac ? "" : " + "),
  );
}

function isTyping(event: KeyboardEvent): boolean {
  const target = event.target as HTMLElement;
  return target.isContentEditable || /^(input|textarea|select)$/i.test(target.tagName)
    ? !(target instanceof HTMLInputElement && target.type === "checkbox")
    : false;
}

document.addEventListener("keydown", (event) => {
  const mod = event.ctrlKey || event.metaKey;
  if (event.altKey || event.defaultPrevented || (!mod && isTyping(event))) return;
  if (document.querySelector('[role="dialog"]') && !mod) return;
  const key = mod ? `mod+${event.key.toLowerCase()}` : event.key;
  const pressed = first ? `${first} ${key}` : key;
  clearTimeout(forget);
  first = "";
  const found = shortcuts.findLast(({ keys }) => keys === pressed);
  if (found) {
    event.preventDefault();
    found.run();
  } else if (shortcuts.some(({ keys }) => keys.startsWith(`${key} `))) {
    first = key;
    forget = setTimeout(() => (first = ""), SEQUENCE_MS);
  }
});
