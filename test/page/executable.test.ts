// The chat page out of the compiled executable, over the emulated Qwen: what the fake gateway promises is what is there.

import { describe, expect, test } from "bun:test";
import { startStage } from "../e2e/stage.ts";
import { makePdf } from "../unit/documents/make-pdf.ts";
import { answered, say, textOf } from "./acting.ts";
import { hasBrowser, openChat, useBrowser } from "./browser.ts";
import { createCuttableLine } from "./cuttable-line.ts";

useBrowser();

describe.skipIf(!hasBrowser)("the executable's chat page", () => {
  test("remembers along the branch that is shown, and walks back to the other", async () => {
    await using stage = await startStage();
    await using chat = await openChat(stage.gateway.url);
    const { page } = chat;
    const last = page.locator(".prose").last();

    await say(page, "My name is Mira.");
    await answered(page);
    await say(page, "What is my name?");
    await page.locator(".bubble", { hasText: "What is my name?" }).waitFor();
    await answered(page);
    expect(await textOf(last)).toContain("Mira");
    await page
      .getByRole("button", { name: /^Edit the message/ })
      .first()
      .click();
    await page.getByLabel("New wording").fill("My name is Ada.");
    await page.keyboard.press("Enter");
    await page.getByRole("group", { name: "Wording 2 of 2" }).waitFor();
    await answered(page);
    await say(page, "What is my name?");
    await page.locator(".bubble", { hasText: "What is my name?" }).waitFor();
    await answered(page);

    expect(await textOf(last)).toContain("Ada");
    await page.getByRole("button", { name: "Earlier wording" }).click();
    await page.locator(".prose", { hasText: "Mira" }).last().waitFor();
    // What is stored is what was shown.
    await page.reload();
    await page.locator(".prose", { hasText: "Ada" }).last().waitFor();
    await page.getByRole("button", { name: "Earlier wording" }).click();
    await page.locator(".prose", { hasText: "Mira" }).last().waitFor();
    await page.locator(".sessions", { hasText: "My name is Mira." }).waitFor();
    expect(chat.complaints).toEqual([]);
  });

  test("survives a reload and a lost connection in the middle of an answer", async () => {
    await using stage = await startStage();
    await stage.emulator.script({ match: "Count", gate: "a", reply: { chunks: ["one ", "two ", "three ", "four"] } });
    using line = createCuttableLine(stage.gateway.port);
    await using chat = await openChat(line.url, { expected: /ERR_|Failed to load/ });
    const { page } = chat;
    await say(page, "Count");
    // The answer itself, and two of its pieces.
    await stage.emulator.release("a", 3);
    await page.locator(".prose", { hasText: "one" }).waitFor();

    await page.reload();
    await page.locator(".answer[aria-busy=true]", { hasText: "one" }).waitFor();
    line.cut();
    await page.getByText("The connection was lost.").waitFor();
    await stage.emulator.release("a");
    await page.getByText("The connection is back.").waitFor();
    await stage.emulator.release("a", "all");
    await answered(page);

    expect(await textOf(page.locator(".prose"))).toBe("one two three four");
    expect((await stage.emulator.turns()).filter(({ content }) => content === "Count")).toHaveLength(1);
    expect(chat.complaints).toEqual([]);
  });

  test("stops an answer at the upstream, and answers once more", async () => {
    await using stage = await startStage();
    await stage.emulator.script(
      { match: "Pick", gate: "a", reply: { chunks: ["one", " and", " so", " on"] } },
      { match: "Pick", reply: { text: "two" } },
    );
    await using chat = await openChat(stage.gateway.url);
    const { page } = chat;
    await say(page, "Pick a number");
    await stage.emulator.release("a", 2);
    await page.locator(".prose", { hasText: "one" }).waitFor();
    await page.keyboard.press("Escape");
    await page.getByText("You stopped this answer.").waitFor();
    await page.getByRole("button", { name: /^Answer once more/ }).click();
    await page.locator(".prose", { hasText: "two" }).waitFor();
    await answered(page);

    await page.getByRole("group", { name: "Answer 2 of 2" }).waitFor();
    await page.reload();
    await page.getByRole("button", { name: "Earlier answer" }).click();
    await page.getByText("You stopped this answer.").waitFor();
    expect(chat.complaints).toEqual([]);
  });

  test("keeps documents, cites them and the pages that were searched, and leaves out what was not chosen", async () => {
    await using stage = await startStage();
    await stage.emulator.script({
      match: "notice",
      reply: {
        sources: [{ url: "https://law.example/notice", title: "Notice periods", snippet: "Three months are usual." }],
        text: "Two months [1].",
      },
    });
    await using chat = await openChat(stage.gateway.url);
    const { page } = chat;
    await page.getByRole("button", { name: "Documents", exact: true }).click();
    const panel = page.getByRole("complementary", { name: "Documents" });
    const pdf = makePdf({ pages: [["The notice period is two months."], ["Keys are handed over on the last day."]] });
    await panel.locator("input[type=file]").setInputFiles([
      { name: "lease.pdf", mimeType: "application/pdf", buffer: Buffer.from(pdf) },
      { name: "rules.md", mimeType: "text/markdown", buffer: Buffer.from("# Rules\n\nNo music at night.") },
      { name: "again.md", mimeType: "text/markdown", buffer: Buffer.from("# Rules\n\nNo music at night.") },
      { name: "broken.pdf", mimeType: "application/pdf", buffer: Buffer.from("%PDF-1.4 broken") },
      { name: "photo.jpg", mimeType: "image/jpeg", buffer: Buffer.from([0xff, 0xd8, 0xff]) },
    ]);
    await panel
      .locator(".import", { hasText: "photo.jpg" })
      .getByText("must be plain text, Markdown, HTML or PDF")
      .waitFor();

    expect(await panel.locator(".document-name .ellipsis").allTextContents()).toEqual(["rules.md", "lease.pdf"]);
    expect(await textOf(panel.locator(".import", { hasText: "again.md" }))).toContain("here already, as rules.md");
    expect(await textOf(panel.locator(".import", { hasText: "broken.pdf" }))).toContain("Cannot read the document");
    await panel.getByRole("button", { name: /^lease.pdf/ }).click();
    await page.getByRole("dialog").getByText("Keys are handed over").waitFor();
    await page.keyboard.press("Escape");
    await page.keyboard.press("Escape");
    await say(page, "How long is the notice period?");
    await page.locator(".foot").waitFor();
    expect(await page.locator(".source .ellipsis").allTextContents()).toEqual(["lease.pdf", "Notice periods"]);
    expect(await page.locator(".source-link").getAttribute("href")).toBe("https://law.example/notice");
    // What is stored is what was shown.
    await page.reload();
    await page.locator(".source-link").waitFor();
    expect(await page.locator(".source").count()).toBe(2);
    await page.getByRole("button", { name: "Options" }).click();
    await page.getByLabel("Documents to search").selectOption("chosen");
    await panel.getByLabel("Search rules.md").check();
    await say(page, "How long is the notice period, without the lease?");
    await page.locator(".foot").nth(1).waitFor();
    expect(await page.locator(".answer").last().locator(".source .ellipsis").allTextContents()).not.toContain(
      "lease.pdf",
    );
    expect(chat.complaints).toEqual([]);
  });

  test("takes the files of a message along when it is edited after a reload", async () => {
    await using stage = await startStage();
    await using chat = await openChat(stage.gateway.url);
    const { page } = chat;
    await page
      .locator(".composer input[type=file]")
      .setInputFiles([{ name: "word.txt", mimeType: "text/plain", buffer: Buffer.from("The secret word is plum.") }]);
    await page.locator(".composer .attachment").waitFor();
    await say(page, "Which word?");
    await page.locator(".foot").waitFor();
    await page.reload();
    await page.getByRole("button", { name: /^Edit the message/ }).click();
    await page.getByLabel("New wording").fill("Say the word!");
    await page.keyboard.press("Enter");
    await page.getByRole("group", { name: "Wording 2 of 2" }).waitFor();
    await answered(page);

    const said = (await stage.emulator.turns()).filter(({ content }) => content.includes("Say the word!"));
    expect(said[0]?.content).toContain("The secret word is plum.");
    expect(await textOf(page.locator(".question .attachment"))).toBe("word.txt");
    expect(chat.complaints).toEqual([]);
  });

  test("asks for the key that the gateway was given", async () => {
    await using stage = await startStage({ environment: { API_KEY: "a-key-of-the-test-1234" } });
    await using chat = await openChat(stage.gateway.url, { expected: /status of 401/ });
    const { page } = chat;
    await page.getByLabel("This gateway needs an API key").fill("a-key-of-the-test-1234");
    await page.keyboard.press("Enter");
    await say(page, "Say hello");
    await answered(page);

    expect(await textOf(page.locator(".prose"))).not.toBe("");
    expect(chat.complaints).toEqual([]);
  });

  test("shows what the upstream's refusal means, in the message", async () => {
    await using stage = await startStage();
    await stage.emulator.script({ refuse: "rate-limited", times: 9 });
    await using chat = await openChat(stage.gateway.url, { expected: /status of 4|status of 5/ });
    const { page } = chat;
    await say(page, "Say hello");

    const trouble = page.locator(".answer .trouble");
    await trouble.waitFor();
    expect((await textOf(trouble)).length).toBeGreaterThan(30);
    await trouble.getByRole("button", { name: "Try again" }).waitFor();
    expect(chat.complaints).toEqual([]);
  });
});
