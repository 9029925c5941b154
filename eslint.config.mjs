// What is checked in the pages' scripts, which are classic scripts, and in what the tests put into a page.
import js from "@eslint/js";

const globals = (names) => Object.fromEntries(names.split(" ").map((name) => [name, "readonly"]));

const browser = globals(
  "AbortController MutationObserver ResizeObserver URL URLSearchParams addEventListener clearTimeout devicePixelRatio " +
    "document getComputedStyle history location matchMedia performance setTimeout window",
);
const own = globals("choosing drawing ntm page stories"); // each made by the script of its name, as window.page

export default [
  { ignores: ["_build/", ".venv*/", "book/_static/mathjax/"] },
  js.configs.recommended,
  {
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      eqeqeq: "error",
      "no-implicit-globals": "error",
      "no-shadow": "error",
      "no-unused-vars": "error",
      "no-use-before-define": ["error", { functions: false, variables: false }],
      "no-var": "error",
      "object-shorthand": "error",
      "prefer-const": "error",
      strict: ["error", "function"],
    },
  },
  { files: ["book/_static/*.js"], languageOptions: { sourceType: "script", globals: { ...browser, ...own } } },
  {
    files: ["tests/site/controls.js"], // its functions are global, so that the tests can call them
    languageOptions: { sourceType: "script", globals: browser },
    rules: { "no-implicit-globals": "off", strict: ["error", "global"] },
  },
];
