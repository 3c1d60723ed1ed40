// A question and its answer in the browser: what is shown while it comes, and what can be done with it afterwards.

import { describe, expect, test } from "bun:test";
import { answered, say, textOf } from "./acting.ts";
import { hasBrowser, openChat, useBrowser } from "./browser.ts";
import { startFakeGateway } from "./fake-gateway.ts";
import type { Step } from "./fake-streams.ts";

const source = { chunk_id: "c1", document_id: "d1", document_name: "Lease.pdf", text: "Three months.", score: 0.91 };

const rich: readonly Step[] = [
  { stage: "query_analysis" },
  { gate: "analysed" },
  { stage: "retrieval" },
  { sources: [source] },
  { stage: "generation" },
  { reasoning: "The contract has a clause." },
  { gate: "thought" },
  { token: "**Three** months" },
  { gate: "half" },
  { token: "' notice." },
  { stage: "quality" },
  { quality_score: 0.82 },
  { follow_up_questions: ["By e-mail?", "And then?"] },
];

useBrowser();

describe.skipIf(!hasBrowser)("the chat page", () => {
  test("shows stages, sources, thoughts, words, quality and follow-ups as they come [R3-059] [R3-061] [R3-062]", async () => {
    using gateway = startFakeGateway();
    gateway.script = () => rich;
    await using chat = await openChat(gateway.url);
    const { page } = chat;

    await say(page, "How long is the notice?");
    await page.locator(".question", { hasText: "How long is the notice?" }).waitFor();
    expect(await page.locator(".stage.is-current").textContent()).toBe("Reading the question");
    gateway.openGate("analysed");
    await page.locator(".source").waitFor();
    await page.getByText("Thinking…").waitFor();
    expect(await page.locator(".reasoning-text").isVisible()).toBe(false);
    gateway.openGate("thought");
    await page.locator(".prose strong", { hasText: "Three" }).waitFor();
    expect(await page.locator(".answer").getAttribute("aria-busy")).toBe("true");
    expect(await page.locator(".foot").count()).toBe(0);
    expect(await page.locator(".sessions").textContent()).toContain("How long is the notice?");
    const top = () => page.locator(".prose").evaluate((prose) => (prose as HTMLElement).offsetTop);
    const topBefore = await top();
    gateway.openGate("half");
    await answered(page);

    expect(await textOf(page.locator(".prose"))).toBe("Three months' notice.");
    expect(await page.locator(".stage").allTextContents()).toEqual(["Question", "Documents", "Answer", "Check"]);
    expect(await top()).toBe(topBefore);
    expect(await page.locator(".quality").textContent()).toContain("Quality 82 %");
    expect(await page.locator(".facts").textContent()).toContain("qwen-web");
    await page.getByText("Reasoning", { exact: true }).click();
    expect(await page.locator(".reasoning-text").textContent()).toBe("The contract has a clause.");
    expect(chat.complaints).toEqual([]);
  });

  test("opens the text of a source and gives the focus back", async () => {
    using gateway = startFakeGateway();
    gateway.script = () => [{ sources: [source] }, { token: "Yes." }];
    await using chat = await openChat(gateway.url);
    const { page } = chat;
    await say(page, "Is it so?");
    await answered(page);

    await page.getByRole("button", { name: /^Source 1 Lease.pdf/ }).click();
    await page.getByRole("dialog").getByText("Three months.").waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });

    expect(await page.evaluate(() => document.activeElement?.className)).toBe("source");
    expect(chat.complaints).toEqual([]);
  });

  test("leads to the pages that the upstream has searched, and to no other kind of address", async () => {
    using gateway = startFakeGateway();
    const web = (id: string, url: string) => ({
      chunk_id: id,
      document_name: `Page ${id}`,
      text: "It says.",
      score: 1,
      url,
    });
    gateway.script = () => [
      { sources: [source] },
      { sources: [source, web("web-1", "https://law.example/a"), web("web-2", "javascript:alert(1)")] },
      { token: "Yes." },
    ];
    await using chat = await openChat(gateway.url);
    const { page } = chat;
    await say(page, "Is it so?");
    await answered(page);

    expect(await page.locator(".source").count()).toBe(3);
    expect(await page.locator(".answer a").count()).toBe(1);
    const link = page.getByRole("link", { name: "Open Page web-1 in a new tab" });
    expect(await link.evaluate((anchor) => [anchor.getAttribute("href"), anchor.getAttribute("rel")])).toEqual([
      "https://law.example/a",
      "noopener noreferrer",
    ]);
    await page.getByRole("button", { name: "Source 2 Page web-1 , law.example" }).click();
    await page.getByRole("dialog").getByText("It says.").waitFor();
    expect(await page.getByRole("dialog").getByRole("link").getAttribute("href")).toBe("https://law.example/a");
    expect(chat.complaints).toEqual([]);
  });

  test("asks a follow-up that is clicked, behind the answer", async () => {
    using gateway = startFakeGateway();
    gateway.script = ({ message }) =>
      message === "And then?" ? [{ token: "Nothing." }] : [{ token: "Yes." }, { follow_up_questions: ["And then?"] }];
    await using chat = await openChat(gateway.url);
    const { page } = chat;
    await say(page, "Is it so?");
    await answered(page);

    await page.getByRole("button", { name: "And then?" }).click();
    await page.locator(".prose", { hasText: "Nothing." }).waitFor();

    expect(gateway.asked[1]).toMatchObject({ message: "And then?", session_id: "session-1", parent_id: "answer-3" });
    expect(await page.locator(".follow-up").count()).toBe(0);
    expect(chat.complaints).toEqual([]);
  });

  test.each([
    ["length", "This answer was cut off: it came to its longest length. Ask it to go on."],
    ["content_filter", "This answer was cut off: Qwen's filter ended it. Ask in other words."],
  ])("says of an answer that was cut off by %s that it was, also after a reload", async (finishReason, sentence) => {
    using gateway = startFakeGateway();
    gateway.script = () => [{ token: "One, two" }, { metadata: { finish_reason: finishReason } }];
    await using chat = await openChat(gateway.url);
    const { page } = chat;

    await say(page, "Count");
    await page.getByText(sentence).waitFor();
    await page.reload();
    await page.getByText(sentence).waitFor();

    expect(chat.complaints).toEqual([]);
  });

  test("stops by its button and by Escape, and the gateway hears of it [R3-064]", async () => {
    using gateway = startFakeGateway();
    gateway.script = () => [{ stage: "generation" }, { token: "One " }, { gate: "never" }];
    await using chat = await openChat(gateway.url);
    const { page } = chat;

    await say(page, "Count");
    await page.locator(".prose", { hasText: "One" }).waitFor();
    await page.getByRole("button", { name: /^Stop the answer/ }).click();
    await page.getByText("You stopped this answer.").waitFor();
    await say(page, "Again");
    await page.locator(".prose", { hasText: "One" }).nth(1).waitFor();
    await page.keyboard.press("Escape");
    await page.getByText("You stopped this answer.").nth(1).waitFor();

    expect(gateway.requests.filter((line) => line.startsWith("DELETE"))).toEqual([
      "DELETE /api/chat/stream/stream-4",
      "DELETE /api/chat/stream/stream-7",
    ]);
    // At once, before anything has come: it is stopped all the same.
    gateway.holdsHead = true;
    await say(page, "Never mind");
    await page.locator(".stages", { hasText: "Sending" }).waitFor();
    await page.keyboard.press("Escape");
    gateway.holdsHead = false;
    await gateway.heard("DELETE /api/chat/stream/stream-10");
    expect(chat.complaints).toEqual([]);
  });

  test("shows an error in its message, keeps the words, and tries again [R3-063]", async () => {
    using gateway = startFakeGateway();
    gateway.script = () => [{ token: "Half" }, { error: "The account is at its limit. Try again in 5 minutes." }];
    await using chat = await openChat(gateway.url);
    const { page } = chat;
    await say(page, "Will it work?");

    const trouble = page.locator(".answer .trouble");
    await trouble.getByText("The account is at its limit. Try again in 5 minutes.").waitFor();
    expect(await textOf(page.locator(".prose"))).toBe("Half");
    gateway.script = () => [{ token: "Whole" }];
    await trouble.getByRole("button", { name: "Try again" }).click();
    await page.locator(".prose", { hasText: "Whole" }).waitFor();

    expect(gateway.asked[1]).toMatchObject({ retry_of: "user-2" });
    await page.getByRole("group", { name: "Answer 2 of 2" }).waitFor();
    expect(chat.complaints).toEqual([]);
  });

  test("shows a refusal before the stream in the message, and sends the same words again", async () => {
    using gateway = startFakeGateway();
    gateway.refusal = { status: 400, message: 'Cannot answer: model "x" is not known' };
    await using chat = await openChat(gateway.url, { expected: /status of 400/ });
    const { page } = chat;
    await say(page, "Hello?");

    await page.getByRole("alert").getByText('Cannot answer: model "x" is not known').waitFor();
    await page.getByRole("button", { name: "Try again" }).click();
    await page.locator(".prose", { hasText: "Hello." }).waitFor();

    expect(gateway.asked.map(({ message }) => message)).toEqual(["Hello?", "Hello?"]);
    expect(await page.locator(".question").count()).toBe(1);
    expect(chat.complaints).toEqual([]);
  });

  test("takes files along, and says which cannot go", async () => {
    using gateway = startFakeGateway();
    await using chat = await openChat(gateway.url);
    const { page } = chat;
    const pixel = Buffer.from("R0lGODlhAQABAIAAAP///wAAACwAAAAAAQABAAACAkQBADs=", "base64");
    await page.locator("input[type=file]").setInputFiles([
      { name: "dot.gif", mimeType: "image/gif", buffer: pixel },
      { name: "tree.ts", mimeType: "video/mp2t", buffer: Buffer.from("export const tree = 1;") },
      { name: "tool.bin", mimeType: "application/octet-stream", buffer: Buffer.from([0xff, 0xfe, 0x00]) },
    ]);

    await page.getByText("tool.bin is neither a picture nor a text").waitFor();
    await page.locator(".composer .attachment").nth(1).waitFor();
    await say(page, "Look");
    await answered(page);

    expect(gateway.asked[0]?.["attachments"]).toEqual([
      { name: "dot.gif", url: `data:image/gif;base64,${pixel.toString("base64")}` },
      { name: "tree.ts", url: "data:text/plain;base64,ZXhwb3J0IGNvbnN0IHRyZWUgPSAxOw==" },
    ]);
    expect(await page.locator(".question .attachment").allTextContents()).toEqual(["dot.gif", "tree.ts"]);
    expect(chat.complaints).toEqual([]);
  });

  test("takes texts along in UTF-16, as Windows writes them", async () => {
    using gateway = startFakeGateway();
    await using chat = await openChat(gateway.url);
    const { page } = chat;
    const little = Buffer.from("\uFEFFnöt", "utf16le");
    const big = Buffer.from(little).swap16();
    await page.locator("input[type=file]").setInputFiles([
      { name: "little.txt", mimeType: "text/plain", buffer: little },
      { name: "big.log", mimeType: "", buffer: big },
    ]);

    await page.locator(".composer .attachment").nth(1).waitFor();
    await say(page, "Look");
    await answered(page);

    expect(gateway.asked[0]?.["attachments"]).toEqual([
      { name: "little.txt", url: `data:text/plain;base64,${little.toString("base64")}` },
      { name: "big.log", url: `data:text/plain;base64,${big.toString("base64")}` },
    ]);
    expect(chat.complaints).toEqual([]);
  });

  test("asks the model and the upstream that were chosen, also after a reload", async () => {
    using gateway = startFakeGateway();
    await using chat = await openChat(gateway.url);
    const { page } = chat;
    await page.getByLabel("Model").selectOption("qwen3-coder-plus");
    await page.getByLabel("Upstream").selectOption("vllm");
    await page.reload();
    await page.getByLabel("Model").waitFor();
    await say(page, "Hello");
    await answered(page);

    expect(gateway.asked[0]).toMatchObject({ model: "qwen3-coder-plus", upstream: "vllm", resumable: true });
    expect(chat.complaints).toEqual([]);
  });
});
