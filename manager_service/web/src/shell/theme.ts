import { ref, watchEffect } from "vue";

export type Theme = "dark" | "light";
const KEY = "flamenco.theme";

/** `public/theme.js` has chosen one before the first paint. */
export const theme = ref<Theme>(document.documentElement.dataset.theme === "light" ? "light" : "dark");

watchEffect(() => {
  document.documentElement.dataset.theme = theme.value;
});

export function toggleTheme(): void {
  theme.value = theme.value === "dark" ? "light" : "dark";
  remember(KEY, theme.value);
}

/** Keeps a text in this browser, if it lets us. */
export function remember(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    // It counts for as long as the page is open, then.
  }
}

export function remembered(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}
