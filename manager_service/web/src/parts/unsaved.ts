/** Nobody leaves a page by accident with something typed that is not stored. */
import { onScopeDispose } from "vue";
import { useRouter } from "vue-router";
import { confirm } from "@/actions/confirming";

/**
 * Asks before another page is shown, or the tab closed, while something is unsaved; for a component.
 *
 * `what` ends the question's sentence: "the script of echo-sleep-test".
 */
export function useUnsavedGuard(isUnsaved: () => boolean, what: () => string): void {
  const stop = useRouter().beforeEach((to, from) => {
    if (to.path === from.path || !isUnsaved()) return true;
    return confirm({
      title: "Leave without storing?",
      text: `What was changed in ${what()} is not stored yet, and would be lost.`,
      button: "Leave and lose it",
      otherwise: "Stay here",
      isDanger: true,
    });
  });
  function ask(event: BeforeUnloadEvent): void {
    if (isUnsaved()) event.preventDefault();
  }
  window.addEventListener("beforeunload", ask);
  onScopeDispose(() => {
    stop();
    window.removeEventListener("beforeunload", ask);
  });
}
