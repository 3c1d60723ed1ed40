// Markdown to a piece of document that is safe to show. HTML in the text stays text; whatever comes out of the grammar goes
// through the sanitizer with a short list of what may be; no picture is fetched.

import createDOMPurify, { type Config, type DOMPurify } from "dompurify";
import { Marked, type Tokens } from "marked";

const grammar = new Marked({
  gfm: true,
  breaks: true,
  renderer: {
    html: ({ text }: Tokens.HTML | Tokens.Tag) => escapeHtml(text),
    // A picture of somewhere else would tell its server who reads: a link does so only when it is followed.
    image: ({ href, text }: Tokens.Image) =>
      `<a href="${escapeHtml(href)}">${escapeHtml(text === "" ? href : text)}</a>`,
    checkbox: ({ checked }: Tokens.Checkbox) => (checked ? "☑ " : "☐ "),
  },
});

const tags =
  "a b blockquote br code del em h1 h2 h3 h4 h5 h6 hr i li ol p pre s span strong sub sup table tbody td th thead tr ul";

const limits: Config = {
  ALLOWED_TAGS: tags.split(" "),
  ALLOWED_ATTR: ["href", "title", "class", "start", "align"],
  ALLOWED_URI_REGEXP: /^(?:https?:|mailto:)/i,
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
};

let sanitizer: DOMPurify | undefined;

/** Made when it is first needed, because it wants a window. */
function sanitize(html: string): DocumentFragment {
  sanitizer ??= createDOMPurify(window);
  return sanitizer.sanitize(html, { ...limits, RETURN_DOM_FRAGMENT: true });
}

export function renderMarkdown(markdown: string): DocumentFragment {
  const fragment = sanitize(grammar.parse(markdown, { async: false }));
  for (const link of fragment.querySelectorAll("a")) {
    link.target = "_blank";
    link.rel = "noopener noreferrer nofollow";
  }
  for (const code of fragment.querySelectorAll("pre > code")) frameCode(code as HTMLElement);
  for (const table of fragment.querySelectorAll("table")) frameTable(table);
  return fragment;
}

/** Code that is marked up by the highlighter, under the same limits. */
export function renderHighlighted(html: string): DocumentFragment {
  return sanitize(html);
}

/** A block of code as a figure: what it is, a button that copies it, and a box that scrolls by keyboard too. */
function frameCode(code: HTMLElement): void {
  const pre = code.parentElement;
  if (pre === null) return;
  const language = /(?:^|\s)language-(\S+)/.exec(code.className)?.[1] ?? "";
  pre.replaceWith(codeFigure(language, code));
}

export function codeFigure(language: string, code: HTMLElement): HTMLElement {
  const figure = document.createElement("figure");
  figure.className = "code";
  const head = document.createElement("figcaption");
  const name = document.createElement("span");
  name.textContent = language === "" ? "text" : language;
  const copy = document.createElement("button");
  copy.type = "button";
  copy.className = "copy-code quiet";
  copy.textContent = "Copy";
  copy.setAttribute("aria-label", `Copy this code${language === "" ? "" : ` (${language})`}`);
  head.append(name, copy);
  const pre = document.createElement("pre");
  pre.tabIndex = 0;
  pre.setAttribute("aria-label", language === "" ? "Code" : `Code in ${language}`);
  pre.setAttribute("role", "region");
  code.dataset["language"] = language;
  pre.append(code);
  figure.append(head, pre);
  return figure;
}

function frameTable(table: HTMLTableElement): void {
  const box = document.createElement("div");
  box.className = "table";
  box.tabIndex = 0;
  box.setAttribute("role", "region");
  box.setAttribute("aria-label", "Table");
  table.replaceWith(box);
  box.append(table);
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => entities[character] ?? character);
}
