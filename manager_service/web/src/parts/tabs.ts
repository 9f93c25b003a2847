/** Parts of a page, or of an open thing, each with an address of its own. */
import { computed, type Component, type ComputedRef } from "vue";
import { useRoute } from "vue-router";

export interface Tab {
  /** As in the address. */
  id: string;
  label: string;
  icon: Component;
  content: Component;
}

/** The one that the address names, else the first. */
export function useTab(tabs: () => readonly Tab[]): ComputedRef<Tab> {
  const route = useRoute();
  return computed(() => tabs().find(({ id }) => id === route.params.tab) ?? tabs()[0]!);
}
