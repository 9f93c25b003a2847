/** Parts of a page, or of an open thing, each with an address of its own. */
import {
  computed,
  defineAsyncComponent,
  type AsyncComponentLoader,
  type Component,
  type ComputedRef,
} from "vue";
import { useRoute } from "vue-router";

export interface Tab {
  /** As in the address. */
  id: string;
  label: string;
  icon: Component;
  content: Component;
}

/** A tab whose content is fetched when it is first opened. */
export function lazyTab(id: string, label: string, icon: Component, load: AsyncComponentLoader): Tab {
  return { id, label, icon, content: defineAsyncComponent(load) };
}

/** The one that the address names, else the first. */
export function useTab(tabs: () => readonly Tab[]): ComputedRef<Tab> {
  const route = useRoute();
  return computed(() => tabs().find(({ id }) => id === route.params.tab) ?? tabs()[0]!);
}
