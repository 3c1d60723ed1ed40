// Colours for code, loaded when the first block of code has come. Few languages, so that it stays small.

import highlighter from "highlight.js/lib/core";
import bash from "highlight.js/lib/languages/bash";
import c from "highlight.js/lib/languages/c";
import cpp from "highlight.js/lib/languages/cpp";
import css from "highlight.js/lib/languages/css";
import diff from "highlight.js/lib/languages/diff";
import go from "highlight.js/lib/languages/go";
import java from "highlight.js/lib/languages/java";
import javascript from "highlight.js/lib/languages/javascript";
import json from "highlight.js/lib/languages/json";
import python from "highlight.js/lib/languages/python";
import rust from "highlight.js/lib/languages/rust";
import sql from "highlight.js/lib/languages/sql";
import typescript from "highlight.js/lib/languages/typescript";
import xml from "highlight.js/lib/languages/xml";
import yaml from "highlight.js/lib/languages/yaml";
import { renderHighlighted } from "./render-markdown.ts";

/** Longer code stays plain: colouring it would hold up the page. */
const maxLength = 50_000;

const languages = { bash, c, cpp, css, diff, go, java, javascript, json, python, rust, sql, typescript, xml, yaml };
for (const [name, language] of Object.entries(languages)) highlighter.registerLanguage(name, language);

/** Colours the code in place. A language that is not known stays plain. */
export function highlightCode(code: HTMLElement): void {
  const language = code.dataset["language"] ?? "";
  const text = code.textContent ?? "";
  if (language === "" || text.length > maxLength || highlighter.getLanguage(language) === undefined) return;
  code.replaceChildren(renderHighlighted(highlighter.highlight(text, { language }).value));
}
