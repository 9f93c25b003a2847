import { createRouter, createWebHistory } from "vue-router";
import { PAGES } from "./pages/registry";

export const router = createRouter({
  history: createWebHistory("/app/"),
  routes: [
    { path: "/", redirect: (to) => ({ path: "/jobs", query: to.query }) },
    ...PAGES.flatMap(({ routes }) => routes),
    { path: "/account", component: () => import("./pages/account/AccountPage.vue") },
    { path: "/:nothing(.*)*", component: () => import("./pages/NoSuchPage.vue") },
  ],
});

// After an update of the Manager, the parts of the page that an open tab knows are gone.
router.onError((error, to) => {
  if (/dynamically imported module|module script failed/i.test(String(error))) {
    location.assign(router.resolve(to).href);
  }
});
