/** All pages: their addresses, places in the navigation, and what opens them. */
import { Clapperboard, Cog, Images, Server, Settings, Tags } from "@lucide/vue";
import type { Component } from "vue";
import type { RouteRecordRaw } from "vue-router";
import type { UserRole } from "@/api/schema";

export interface PageEntry {
  label: string;
  icon: Component;
  /** The address that the navigation leads to. */
  path: string;
  /** The shortcut, such as `g j`. */
  keys: string;
  /** Shown only to those who may look at it. */
  role: UserRole;
  routes: RouteRecordRaw[];
}

/** In the order of the navigation. */
export const PAGES: readonly PageEntry[] = [
  {
    label: "Jobs",
    icon: Clapperboard,
    path: "/jobs",
    keys: "g j",
    role: "viewer",
    routes: [
      {
        path: "/jobs/:jobId?/:tab?/:taskId?",
        name: "jobs",
        component: () => import("./jobs/JobsPage.vue"),
      },
      { path: "/tasks/:taskId", name: "task", component: () => import("./jobs/TaskLink.vue") },
    ],
  },
  {
    label: "Workers",
    icon: Server,
    path: "/workers",
    keys: "g w",
    role: "viewer",
    routes: [
      {
        path: "/workers/:workerId?/:tab?",
        name: "workers",
        component: () => import("./workers/WorkersPage.vue"),
      },
    ],
  },
  {
    label: "Tags",
    icon: Tags,
    path: "/tags",
    keys: "g t",
    role: "viewer",
    routes: [{ path: "/tags", name: "tags", component: () => import("./tags/TagsPage.vue") }],
  },
  {
    label: "Last rendered",
    icon: Images,
    path: "/last-rendered",
    keys: "g l",
    role: "viewer",
    routes: [
      {
        path: "/last-rendered/:jobId?",
        name: "last-rendered",
        component: () => import("./last-rendered/LastRenderedPage.vue"),
      },
    ],
  },
  {
    label: "Settings",
    icon: Settings,
    path: "/settings",
    keys: "g s",
    role: "admin",
    routes: [
      {
        path: "/settings/:tab?/:name?",
        name: "settings",
        component: () => import("./settings/SettingsPage.vue"),
      },
    ],
  },
  {
    label: "System",
    icon: Cog,
    path: "/system",
    keys: "g y",
    role: "viewer",
    routes: [
      { path: "/system/:tab?", name: "system", component: () => import("./system/SystemPage.vue") },
    ],
  },
];
