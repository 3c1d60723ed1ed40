// How the page is read: by eyes, by screen readers, on a phone, in the dark, by keyboard alone; and what it never lets in.

import { describe, expect, test } from "bun:test";
import axe from "axe-core";
import type { Page } from "playwright-core";
import { answered, say, textOf } from "./acting.ts";
import { hasBrowser, openChat, useBrowser } from "./browser.ts";
import { startFakeGateway } from "./fake-gateway.ts";
import type { Step } from "./fake-streams.ts";

const source = { chunk_id: "c1", document_name: "Lease.pdf", text: "Three months.\n".repeat(80), score: 0.91 };
const page = { chunk_id: "web-1", document_name: "Law", text: "Three.", score: 1, url: "https://law.example/a" };
const markdown = `# Title

A [link](https://example.org/a "t") and \`code\`, ~~gone~~.

- [x] done
- [ ] open

| a | b |
|---|--:|
| 1 | 2 |

\`\`\`ts
const answer: number = 42; // ${"wide ".repeat(40)}
\`\`\`

> quoted
`;
const rich: readonly Step[] = [
  { stage: "retrieval" },
  { sources: [source, page] },
  { stage: "generation" },
  { reasoning: "Hm." },
  { token: markdown },
  { quality_score: 0.6 },
  { follow_up_questions: ["And then?"] },
];

/** Sentences about what breaks a rule of accessibility. */
async function breaches(page: Page): Promise<string[]> {
  // By the debugger, which no policy of the page keeps out.
  await page.evaluate(axe.source);
  return page.evaluate(async () => {
    const { violations } = await (globalThis as unknown as { axe: typeof import("axe-core") }).axe.run();
    return violations.flatMap(({ id, help, nodes }) => nodes.map(({ html }) => `${id}: ${help}: ${html}`));
  });
}

const overflow = (page: Page) =>
  page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);

useBrowser();

describe.skipIf(!hasBrowser)("the chat page", () => {
  test.each([
    ["light", 1200, 760],
    ["dark", 1200, 760],
    ["light", 360, 740],
    ["dark", 360, 740],
  ] as const)("breaks no rule of accessibility in %s at %d pixels", async (colorScheme, width, height) => {
    using gateway = startFakeGateway();
    gateway.script = ({ message }) =>
      message === "fail" ? [{ token: "x" }, { error: "It failed. Try again." }] : rich;
    gateway.importScript = (name) => (name === "slow.txt" ? [{ stage: "reading" }, { gate: "never" }] : []);
    gateway.addDocument("lease.txt", "Three months.\n".repeat(80));
    await using chat = await openChat(gateway.url, {
      colorScheme,
      viewport: { width, height },
      reducedMotion: "reduce",
    });
    const { page } = chat;
    expect(await breaches(page)).toEqual([]);
    await say(page, "fail");
    await page.locator(".trouble").waitFor();
    await say(page, "What is it?");
    await answered(page);
    // Colours of code come when they have been loaded.
    await page.locator(".hljs-keyword").first().waitFor();

    expect(await breaches(page)).toEqual([]);
    expect(await overflow(page)).toBe(0);
    await page.getByRole("button", { name: "Tree of the conversation" }).click();
    expect(await breaches(page)).toEqual([]);
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Options" }).click();
    expect(await breaches(page)).toEqual([]);
    expect(await overflow(page)).toBe(0);
    await page.getByLabel("Documents to search").selectOption("chosen");
    await page.locator(".documents-panel input[type=file]").setInputFiles([
      { name: "bad.zip", mimeType: "application/zip", buffer: Buffer.from("z") },
      { name: "slow.txt", mimeType: "text/plain", buffer: Buffer.from("slow") },
      { name: "next.txt", mimeType: "text/plain", buffer: Buffer.from("next") },
    ]);
    await page.getByText("Reading", { exact: true }).waitFor();
    expect(await breaches(page)).toEqual([]);
    expect(await overflow(page)).toBe(0);
    await page.getByRole("button", { name: "Delete lease.txt" }).click();
    expect(await breaches(page)).toEqual([]);
    await page.getByRole("button", { name: "Keep" }).click();
    await page.getByRole("button", { name: /^lease.txt/ }).click();
    await page.getByRole("dialog").getByText("Three months.").waitFor();
    expect(await breaches(page)).toEqual([]);
    await page.keyboard.press("Escape");
    await page.keyboard.press("Escape");
    await page.locator(".source").first().click();
    expect(await breaches(page)).toEqual([]);
    await page.keyboard.press("Escape");
    await page
      .getByRole("button", { name: /^Edit the message/ })
      .last()
      .click();
    expect(await breaches(page)).toEqual([]);
    expect(await overflow(page)).toBe(0);
    expect(chat.complaints).toEqual([]);
  });

  test("asks for a key in a form that breaks none either", async () => {
    using gateway = startFakeGateway({ key: "k" });
    await using chat = await openChat(gateway.url, { expected: /status of 401/ });
    await chat.page.getByLabel("This gateway needs an API key").waitFor();

    expect(await breaches(chat.page)).toEqual([]);
  });

  test("renders Markdown, and lets no HTML, script, picture or strange address in", async () => {
    using gateway = startFakeGateway();
    const attacks = [
      "<script>globalThis.caught = 1</script>",
      "<img src=x onerror='globalThis.caught = 2'>",
      "<iframe srcdoc='<script>parent.caught = 3</script>'></iframe>",
      "<style>body { display: none }</style>",
      "[a](javascript:globalThis.caught=4) [b](data:text/html,x) [c](vbscript:x) [d](/v1/models) <javascript:caught=5>",
      '![p](https://evil.example/pixel.png) [e](https://example.org "x\\" onclick=alert(1)")',
      "<a href='https://example.org' onclick='globalThis.caught = 6' style='position:fixed'>f</a>",
      '```html" onmouseover="globalThis.caught=7\n<b>bold</b>\n```',
      "<svg><a xlink:href='javascript:1'><text>g</text></a></svg><math><mi>h</mi></math><form action=/x><input name=y>",
    ];
    gateway.script = () => [{ token: markdown }, ...attacks.map((attack) => ({ token: `\n\n${attack}` }))];
    await using chat = await openChat(gateway.url);
    const { page } = chat;
    await say(page, "<b onclick=alert(1)>me</b>");
    await answered(page);

    expect(await textOf(page.locator(".prose h1"))).toBe("Title");
    expect(await page.locator(".prose td").allInnerTexts()).toEqual(["1", "2"]);
    expect(await textOf(page.locator(".bubble"))).toBe("<b onclick=alert(1)>me</b>");
    const found = await page.locator(".prose").evaluate((prose) => ({
      elements: [...new Set([...prose.querySelectorAll("*")].map(({ localName }) => localName))].toSorted(),
      handlers: [...prose.querySelectorAll("*")].flatMap(({ attributes }) =>
        [...attributes].map(({ name }) => name).filter((name) => /^on|^style$|^src/.test(name)),
      ),
      links: [...prose.querySelectorAll("a")].map(({ href, rel, target }) => `${href} ${rel} ${target}`),
      caught: (globalThis as { caught?: unknown }).caught ?? null,
    }));
    expect(found.elements).not.toContain("script");
    for (const name of ["img", "iframe", "style", "svg", "math", "form", "input"]) {
      expect(found.elements).not.toContain(name);
    }
    expect(found.handlers).toEqual([]);
    expect(found.caught).toBeNull();
    for (const link of found.links) expect(link).toMatch(/^$|^(?:https:\S+)? ?noopener noreferrer nofollow _blank$/);
    expect(found.links).toContain("https://example.org/a noopener noreferrer nofollow _blank");
    expect(await textOf(page.locator(".prose"))).toContain("<script>globalThis.caught = 1</script>");
    expect(chat.complaints).toEqual([]);
  });

  test("is used by keyboard alone", async () => {
    using gateway = startFakeGateway();
    gateway.script = () => rich;
    await using chat = await openChat(gateway.url);
    const { page } = chat;
    const focused = () => page.evaluate(() => document.activeElement?.getAttribute("aria-label"));

    expect(await focused()).toBe("Message");
    await page.keyboard.type("one");
    await page.keyboard.press("Shift+Enter");
    await page.keyboard.type("two");
    await page.keyboard.press("Enter");
    await answered(page);
    expect(gateway.asked[0]?.["message"]).toBe("one\ntwo");
    expect(await focused()).toBe("Message");
    // Backwards from the message lie the follow-up and the foot of the answer.
    const passed: string[] = [];
    for (let step = 0; step < 30 && !passed.includes("Conversations"); step += 1) {
      await page.keyboard.press("Shift+Tab");
      passed.push(
        await page.evaluate(() => {
          const element = document.activeElement;
          return element?.getAttribute("aria-label") ?? element?.textContent ?? "";
        }),
      );
    }
    for (const name of ["And then?", "Copy the answer", "Messages", "Model", "New conversation"]) {
      expect(passed.map((text) => text.trim())).toContain(name);
    }
    expect(chat.complaints).toEqual([]);
  });

  test("tells a screen reader what the eye sees", async () => {
    using gateway = startFakeGateway();
    gateway.script = () => [
      { stage: "retrieval" },
      { gate: "found" },
      { sources: [source] },
      { stage: "generation" },
      { token: "**First.**\n\nSec" },
      { gate: "end" },
      { token: "ond." },
    ];
    await using chat = await openChat(gateway.url);
    const { page } = chat;
    const region = page.getByRole("log");
    expect(await region.getAttribute("aria-live")).toBe("polite");
    await say(page, "Hello");
    await region.getByText("Searching documents").waitFor();
    gateway.openGate("found");
    await region.getByText("First.").waitFor();
    gateway.openGate("end");
    await region.getByText("Answer complete").waitFor();

    expect(await region.locator("p").allTextContents()).toEqual([
      "Searching documents",
      "Writing the answer",
      "1 source",
      "First.",
      "Second.",
      "Answer complete",
    ]);
  });

  test("follows the system's colours, and its switch stays after a reload", async () => {
    using gateway = startFakeGateway();
    await using chat = await openChat(gateway.url, { colorScheme: "dark" });
    const { page } = chat;
    const ground = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
    expect(await ground()).toBe("rgb(21, 22, 24)");

    await page.getByRole("button", { name: "Colours: as the system" }).click();
    await page.getByRole("button", { name: "Colours: light" }).waitFor();
    expect(await ground()).toBe("rgb(255, 255, 255)");
    await page.reload();
    await page.getByRole("button", { name: "Colours: light" }).waitFor();
    expect(await ground()).toBe("rgb(255, 255, 255)");
    expect(chat.complaints).toEqual([]);
  });

  test("lies in a drawer on a phone", async () => {
    using gateway = startFakeGateway();
    gateway.addSession("An old one", [{ id: "q", parent_id: null, role: "user", content: "So?" }]);
    await using chat = await openChat(gateway.url, { viewport: { width: 360, height: 740 } });
    const { page } = chat;
    const list = page.getByRole("complementary", { name: "Conversations" });
    expect(await list.count()).toBe(0);

    const opener = page.getByRole("button", { name: "Conversations", exact: true });
    await opener.click();
    await list.getByRole("button", { name: /^An old one/ }).waitFor();
    await page.keyboard.press("Escape");
    await list.waitFor({ state: "hidden" });
    expect(await opener.evaluate((button) => button === document.activeElement)).toBe(true);
    await opener.click();
    await list.getByRole("button", { name: /^An old one/ }).click();
    await page.locator(".bubble", { hasText: "So?" }).waitFor();
    expect(await list.count()).toBe(0);
    expect(await overflow(page)).toBe(0);
    expect(chat.complaints).toEqual([]);
  });

  test("copies an answer and a block of code", async () => {
    using gateway = startFakeGateway();
    gateway.script = () => [{ token: "Run:\n\n```sh\nls -a\n```" }];
    await using chat = await openChat(gateway.url, { permissions: ["clipboard-read", "clipboard-write"] });
    const { page } = chat;
    await say(page, "How?");
    await answered(page);
    const clipboard = () => page.evaluate(() => navigator.clipboard.readText());

    await page.getByRole("button", { name: "Copy this code (sh)" }).click();
    await page.getByText("Copied", { exact: true }).waitFor();
    expect(await clipboard()).toBe("ls -a");
    await page.getByRole("button", { name: "Copy the answer" }).click();
    await page.getByRole("button", { name: "Copied" }).last().waitFor();
    expect(await clipboard()).toBe("Run:\n\n```sh\nls -a\n```");
    expect(chat.complaints).toEqual([]);
  });
});
