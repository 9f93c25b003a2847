import "@fontsource-variable/inter/wght.css";
import "@fontsource-variable/jetbrains-mono/wght.css";
import "./styles/tokens.css";
import "./styles/base.css";
import { createApp } from "vue";
import App from "./App.vue";
import { router } from "./router";
import { toastProblem } from "./shell/toasts";

const app = createApp(App);
app.config.errorHandler = (error) => {
  console.error(error);
  toastProblem("Something on this page went wrong", error);
};
window.addEventListener("unhandledrejection", ({ reason }) => {
  if (reason instanceof DOMException && reason.name === "AbortError") return;
  toastProblem("Something on this page went wrong", reason);
});
app.use(router).mount("#app");
