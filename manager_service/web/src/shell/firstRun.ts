/** A farm that nobody has set up leads its admin to the set-up assistant. */
import { call } from "@/api/client";
import { refusalOf } from "@/api/session";
import { router } from "@/router";

export const SET_UP_PATH = "/settings/set-up";

/** From the front page only: who follows a link wants to see what it leads to. Never throws. */
export async function leadToSetUp(): Promise<void> {
  await router.isReady();
  if (router.currentRoute.value.fullPath !== "/jobs" || refusalOf("saveSetupAssistantConfig")) return;
  const isFirstRun = await call("getConfiguration")
    .then((configuration) => configuration.isFirstRun)
    .catch(() => false);
  if (isFirstRun && router.currentRoute.value.fullPath === "/jobs") await router.push(SET_UP_PATH);
}
