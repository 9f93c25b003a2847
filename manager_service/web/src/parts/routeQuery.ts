/** Filters live in the page's address, so that each view of a list is a link. */
import { computed, type Ref } from "vue";
import { useRoute, useRouter } from "vue-router";

/** A parameter of the address as a text; empty, or as `fallback`, it is left out. */
export function useQueryText(name: string, fallback = ""): Ref<string> {
  const route = useRoute();
  const router = useRouter();
  return computed({
    get: () => {
      const value = route.query[name];
      return typeof value === "string" ? value : fallback;
    },
    set: (value) => {
      const query = { ...route.query, [name]: value === fallback ? undefined : value };
      void router.replace({ query, hash: route.hash });
    },
  });
}

/** A parameter with several values, separated by commas. */
export function useQuerySet(name: string): Ref<ReadonlySet<string>> {
  const text = useQueryText(name);
  return computed({
    get: () => new Set(text.value.split(",").filter(Boolean)),
    set: (values) => (text.value = [...values].join(",")),
  });
}
