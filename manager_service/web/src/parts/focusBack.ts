/** What has the focus gets it back when something in front of the page is closed. */
import { watch, type Ref } from "vue";

/**
 * For what opens without a button of its own; returns what `close-auto-focus` of it calls.
 *
 * What was opened from a menu gives the focus to the menu's button, since its entry is gone.
 */
export function useFocusBack(isOpen: Ref<boolean>): (event: Event) => void {
  let before: HTMLElement | null = null;
  watch(
    isOpen,
    (opened) => {
      if (!opened || !(document.activeElement instanceof HTMLElement)) return;
      const menu = document.activeElement.closest("[role=menu]");
      const button = document.getElementById(menu?.getAttribute("aria-labelledby") ?? "");
      before = button ?? document.activeElement;
    },
    { flush: "sync", immediate: true },
  );
  return (event) => {
    if (!before?.isConnected || before === document.body) return;
    event.preventDefault();
    before.focus();
  };
}
