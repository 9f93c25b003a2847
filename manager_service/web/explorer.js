/* The API explorer: Swagger UI with a search over operations, and parts of its page that people
   with a keyboard or a screen reader can use. */
"use strict";

const THEME = "flamenco.theme"; // as the web interface keeps it

function chooseTheme() {
  try {
    const chosen = localStorage.getItem(THEME);
    if (chosen) document.documentElement.dataset.theme = chosen;
  } catch {
    // Storage may be forbidden; the system's theme is as good.
  }
}

/** Whether each word of a search stands in an operation's name, address, method or texts. */
function fits(operation, words) {
  const about = ["operationId", "summary", "description"].map((field) =>
    operation.getIn(["operation", field]),
  );
  const text = [operation.get("method"), operation.get("path"), ...about].join(" ").toLowerCase();
  return words.every((word) => text.includes(word));
}

function wordsOf(phrase) {
  return typeof phrase === "string" ? phrase.toLowerCase().split(/\s+/).filter(Boolean) : [];
}

function isSearch(phrase) {
  return wordsOf(phrase).length > 0;
}

function Flamenco({ React }) {
  const make = React.createElement;

  /** Swagger UI's is a link in a button; the button opens the operation, and gives it its address. */
  const DeepLink = ({ text }) => make("span", null, text);

  function Heading({ specSelectors, getComponent }) {
    const info = specSelectors.info();
    const Markdown = getComponent("Markdown", true);
    return make(
      "header",
      { className: "heading" },
      make("h1", null, "API of this Manager"),
      make(Markdown, { source: info.get("description") }),
      make(
        "p",
        null,
        make("a", { href: specSelectors.url() }, "OpenAPI document"),
        ` · Manager ${info.get("version")}`,
      ),
    );
  }

  function Search({ layoutSelectors, layoutActions, specSelectors }) {
    const phrase = layoutSelectors.currentFilter();
    const found = isSearch(phrase)
      ? specSelectors.taggedOperations().reduce((sum, tag) => sum + tag.get("operations").size, 0)
      : null;
    return make(
      "section",
      { className: "search wrapper", role: "search" },
      make("h2", null, "Operations"),
      make("input", {
        type: "search",
        "aria-label": "Search operations",
        placeholder: "Search by name, address or text",
        value: typeof phrase === "string" ? phrase : "",
        onChange: (event) => layoutActions.updateFilter(event.target.value),
      }),
      make(
        "span",
        { role: "status" },
        found === null ? "" : found === 1 ? "1 operation" : `${found || "No"} operations`,
      ),
    );
  }

  /** The form for logging in, in a dialog of the browser's, which keeps the focus and gives it back. */
  function LogIn({ authSelectors, authActions, errSelectors, specSelectors, getComponent, fn }) {
    const dialog = React.useRef(null);
    React.useEffect(() => dialog.current.showModal(), []);
    const Ways = getComponent("auths");
    const shown = authSelectors.shownDefinitions().valueSeq().toArray();
    return make(
      "dialog",
      {
        ref: dialog,
        "aria-labelledby": "log-in",
        onClose: () => authActions.showDefinitions(false),
      },
      make("h2", { id: "log-in" }, "Log in to try operations out"),
      ...shown.map((definitions, key) =>
        make(Ways, {
          ...{ key, definitions, getComponent, specSelectors, errSelectors },
          ...{ authSelectors, authActions, AST: fn.AST },
        }),
      ),
      make("button", { className: "btn", onClick: () => dialog.current.close() }, "Close"),
    );
  }

  /** What a search has found is shown, and not only that something was. */
  const openWhileSearching = (OperationTag) => (props) => {
    const isSearching = isSearch(props.layoutSelectors.currentFilter());
    const layoutSelectors = { ...props.layoutSelectors, isShown: () => true };
    return make(OperationTag, isSearching ? { ...props, layoutSelectors } : props);
  };

  return {
    components: {
      DeepLink,
      authorizationPopup: LogIn,
      FilterContainer: Search,
      InfoContainer: Heading,
      // There is one server: the one that this page comes from.
      ServersContainer: () => null,
    },
    wrapComponents: { OperationTag: openWhileSearching },
    fn: {
      opsFilter(tags, phrase) {
        const words = wordsOf(phrase);
        return tags
          .map((tag) => tag.update("operations", (all) => all.filter((one) => fits(one, words))))
          .filter((tag) => tag.get("operations").size);
      },
    },
  };
}

/** Mends what stands inside of larger parts of Swagger UI. */
const MENDED = {
  ".copy-to-clipboard button:not([aria-label])": (found) => found.setAttribute("aria-label", "Copy"),
  // Another name than the one that people see.
  ".modal-btn[aria-label]": (found) => found.removeAttribute("aria-label"),
  "dialog h4:not([aria-level])": (found) => {
    found.setAttribute("role", "heading");
    found.setAttribute("aria-level", "3");
  },
};

function mend() {
  for (const [selector, change] of Object.entries(MENDED)) {
    document.querySelectorAll(selector).forEach(change);
  }
}

chooseTheme();
new MutationObserver(mend).observe(document.getElementById("explorer"), {
  childList: true,
  subtree: true,
});
SwaggerUIBundle({
  url: "/api/v3/openapi.json",
  dom_id: "#explorer",
  plugins: [Flamenco],
  deepLinking: true,
  docExpansion: "none",
  defaultModelsExpandDepth: 0,
  filter: true,
  // The validator's badge would come from a server on the internet.
  validatorUrl: null,
});
