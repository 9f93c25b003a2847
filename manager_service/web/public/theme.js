// Before the first paint, so that nobody sees a flash of the other theme.
(function () {
  var chosen = null;
  try {
    chosen = localStorage.getItem("flamenco.theme");
  } catch (_) {
    // Storage may be forbidden; the system's theme is as good.
  }
  var isLight = window.matchMedia("(prefers-color-scheme: light)").matches;
  document.documentElement.dataset.theme =
    chosen === "light" || chosen === "dark" ? chosen : isLight ? "light" : "dark";
})();
