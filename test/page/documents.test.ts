// The documents in the browser: bringing, reading, choosing, deleting; and the options of a conversation.

import { describe, expect, test } from "bun:test";
import type { Page } from "playwright-core";
import { answered, say, textOf } from "./acting.ts";
import { hasBrowser, openChat, useBrowser } from "./browser.ts";
import { startFakeGateway } from "./fake-gateway.ts";

const file = (name: string, text: string, mimeType = "text/plain") => ({ name, mimeType, buffer: Buffer.from(text) });

const panelOf = (page: Page) => page.getByRole("complementary", { name: "Documents" });

async function openPanel(page: Page) {
  await page.getByRole("button", { name: "Documents", exact: true }).click();
  const panel = panelOf(page);
  await panel.waitFor();
  return panel;
}

async function bring(page: Page, ...files: readonly ReturnType<typeof file>[]): Promise<void> {
  await panelOf(page)
    .locator("input[type=file]")
    .setInputFiles([...files]);
}

async function chooseOptions(page: Page, act: () => Promise<unknown>): Promise<void> {
  await page.getByRole("button", { name: /^Options/ }).click();
  await act();
  await page.keyboard.press("Escape");
  await page.locator(".switches-box").waitFor({ state: "detached" });
}

useBrowser();

describe.skipIf(!hasBrowser)("the documents", () => {
  test("are brought one after the other, and each tells how far it is", async () => {
    using gateway = startFakeGateway();
    gateway.importScript = (name) => [
      { stage: "reading" },
      { gate: `${name} read` },
      { stage: "chunking" },
      { stage: "indexing" },
      { progress: 0.25 },
      { gate: `${name} indexed` },
      { progress: 1 },
    ];
    await using chat = await openChat(gateway.url);
    const { page } = chat;
    const panel = await openPanel(page);
    await panel.getByText("What you add here is searched").waitFor();

    await bring(page, file("lease.txt", "Three months."), file("rules.md", "# Keys", "text/markdown"));
    await panel.locator(".import", { hasText: "lease.txt" }).getByText("Reading").waitFor();
    expect(await textOf(panel.locator(".import", { hasText: "rules.md" }))).toContain("Waiting for its turn");
    gateway.openGate("lease.txt read");
    await panel.getByText("Making it searchable, 25 %").waitFor();
    expect(await panel.getByRole("progressbar").first().getAttribute("value")).toBe("25");
    gateway.openGate("lease.txt indexed");
    await panel.locator(".document", { hasText: "lease.txt" }).waitFor();
    await panel.locator(".import", { hasText: "rules.md" }).getByText("Reading").waitFor();
    gateway.openGate("rules.md read");
    gateway.openGate("rules.md indexed");
    await panel.locator(".document", { hasText: "rules.md" }).waitFor();

    expect(await panel.locator(".import").count()).toBe(0);
    expect(await panel.locator(".document-name .ellipsis").allTextContents()).toEqual(["rules.md", "lease.txt"]);
    expect(await panel.locator(".document-facts").last().textContent()).toMatch(/^Text 13 B 1 piece \d/);
    expect(await textOf(panel.getByRole("status"))).toBe("rules.md is kept, 1 piece");
    expect(gateway.requests.filter((line) => line === "POST /api/documents")).toHaveLength(2);
    expect(chat.complaints).toEqual([]);
  });

  test("say in words what was refused, and what was there already; the others are kept", async () => {
    using gateway = startFakeGateway();
    await using chat = await openChat(gateway.url, { expected: /status of 413/ });
    const { page } = chat;
    const panel = await openPanel(page);

    await bring(
      page,
      file("bad.bin", "?", "application/zip"),
      file("worse.txt", "too many"),
      file("lease.txt", "Three months."),
      file("copy.txt", "Three months."),
      { ...file("huge.txt", ""), buffer: Buffer.alloc(20 * 1024 * 1024 + 1, "a") },
    );
    await panel.locator(".import", { hasText: "huge.txt" }).getByText("may have 20 MB").waitFor();

    const noteOf = (name: string) => textOf(panel.locator(".import", { hasText: name }).locator(".import-note"));
    expect(await noteOf("bad.bin")).toBe("Cannot read the document: file must be plain text, Markdown, HTML or PDF");
    expect(await noteOf("worse.txt")).toBe("Cannot keep another document: 1000 are kept already");
    expect(await noteOf("copy.txt")).toBe("This text is here already, as lease.txt");
    expect(await panel.locator(".document").count()).toBe(1);
    await panel.getByRole("button", { name: "Dismiss bad.bin" }).click();
    await panel.locator(".import", { hasText: "bad.bin" }).waitFor({ state: "detached" });
    expect(await panel.locator(".import").count()).toBe(3);
    // The next files take away what was said of those before.
    await bring(page, file("new.txt", "new"));
    await panel.locator(".document", { hasText: "new.txt" }).waitFor();
    expect(await panel.locator(".import").count()).toBe(0);
    expect(chat.complaints).toEqual([]);
  });

  test("are taken where they are dropped, and files dropped beside them go with the message", async () => {
    using gateway = startFakeGateway();
    await using chat = await openChat(gateway.url);
    const { page } = chat;
    const panel = await openPanel(page);
    const drop = (selector: string, names: readonly string[]) =>
      page.evaluate(
        ([at = "", ...files]) => {
          const dataTransfer = new DataTransfer();
          for (const name of files) dataTransfer.items.add(new File([`text of ${name}`], name, { type: "text/plain" }));
          for (const type of ["dragover", "drop"]) {
            const event = new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true });
            document.querySelector(at)?.dispatchEvent(event);
          }
        },
        [selector, ...names],
      );

    await drop(".documents-panel .empty", ["a.txt", "b.txt"]);
    await panel.locator(".document", { hasText: "b.txt" }).waitFor();
    await drop(".transcript", ["c.txt"]);
    await page.locator(".composer .attachment", { hasText: "c.txt" }).waitFor();

    expect(await panel.locator(".document").count()).toBe(2);
    expect(await page.locator(".composer .attachment").count()).toBe(1);
    expect(chat.complaints).toEqual([]);
  });

  test("are taken back while they are on their way", async () => {
    using gateway = startFakeGateway();
    gateway.importScript = (name) => (name === "slow.txt" ? [{ stage: "reading" }, { gate: "never" }] : []);
    await using chat = await openChat(gateway.url);
    const panel = await openPanel(chat.page);

    await bring(chat.page, file("slow.txt", "slow"), file("next.txt", "next"), file("last.txt", "last"));
    await panel.getByText("Reading").waitFor();
    await panel.getByRole("button", { name: "Cancel next.txt" }).click();
    await panel.getByRole("button", { name: "Cancel slow.txt" }).click();
    await panel.locator(".document", { hasText: "last.txt" }).waitFor();

    expect(await panel.locator(".document").count()).toBe(1);
    expect(await panel.locator(".import").count()).toBe(0);
    expect(chat.complaints).toEqual([]);
  });

  test("open their text, and are deleted when that was confirmed", async () => {
    using gateway = startFakeGateway();
    const id = gateway.addDocument("lease.txt", "Three months' notice.", { bytes: 1_500_000, chunks: 1200 });
    gateway.addDocument("long.txt", "word ".repeat(50_000));
    await using chat = await openChat(gateway.url, { expected: /status of 404/ });
    const { page } = chat;
    const panel = await openPanel(page);
    expect(await panel.locator(".document-facts").last().textContent()).toMatch(/^Text 1\.4 MB 1200 pieces /);

    await panel.getByRole("button", { name: /^lease.txt/ }).click();
    await page.getByRole("dialog", { name: "lease.txt" }).getByText("Three months' notice.").waitFor();
    await page.keyboard.press("Escape");
    expect(await page.evaluate(() => document.activeElement?.className)).toBe("document-name");
    await panel.getByRole("button", { name: /^long.txt/ }).click();
    await page.getByText("The first 200,000 of 250,000 characters.").waitFor();
    await page.keyboard.press("Escape");
    await panel.getByRole("button", { name: "Delete lease.txt" }).click();
    await panel.getByRole("button", { name: "Keep" }).click();
    expect(await panel.locator(".document").count()).toBe(2);
    await panel.getByRole("button", { name: "Delete lease.txt" }).click();
    await page.keyboard.press("Enter");
    await panel.getByText("lease.txt was deleted").waitFor({ state: "attached" });

    expect(gateway.requests).toContain(`DELETE /api/documents/${id}`);
    expect(await page.evaluate(() => document.activeElement?.textContent?.trim())).toBe("Add documents");
    // Another tab was faster.
    await page.evaluate(() => fetch("api/documents/document-2", { method: "DELETE" }));
    await panel.getByRole("button", { name: "Delete long.txt" }).click();
    await page.keyboard.press("Enter");
    await panel.getByRole("alert").getByText("it was deleted, or never was").waitFor();
    expect(await panel.locator(".document").count()).toBe(0);
    await page.keyboard.press("Escape");
    expect(await panel.count()).toBe(0);
    expect(await page.evaluate(() => document.activeElement?.getAttribute("aria-label"))).toBe("Documents");
    expect(chat.complaints).toEqual([]);
  });

  test("wait for the key that the gateway wants", async () => {
    using gateway = startFakeGateway({ key: "k" });
    gateway.addDocument("lease.txt", "Three months.");
    await using chat = await openChat(gateway.url, { expected: /status of 401/ });
    const { page } = chat;
    const panel = await openPanel(page);
    await bring(page, file("new.txt", "new"));
    await panel.locator(".import-note", { hasText: "The gateway needs an API key." }).waitFor();

    await page.getByLabel("This gateway needs an API key").fill("k");
    await page.keyboard.press("Enter");
    await panel.locator(".document", { hasText: "lease.txt" }).waitFor();
    await bring(page, file("new.txt", "new"));
    await panel.locator(".document", { hasText: "new.txt" }).waitFor();
    expect(chat.complaints).toEqual([]);
  });
});

describe.skipIf(!hasBrowser)("the options of a conversation", () => {
  test("are asked for with each of its messages, and with a retry; what is as always is not said", async () => {
    using gateway = startFakeGateway();
    await using chat = await openChat(gateway.url);
    const { page } = chat;
    await say(page, "plain");
    await answered(page);
    await chooseOptions(page, async () => {
      await page.getByLabel("Reasoning", { exact: true }).selectOption("on");
      await page.getByLabel("Web search").selectOption("off");
      await page.getByLabel("Documents to search").selectOption("none");
      await page.getByLabel("Further questions").uncheck();
    });
    await page.getByRole("button", { name: "Options 4 changed" }).waitFor();
    await say(page, "changed");
    await page.locator(".foot").nth(1).waitFor();
    await page
      .getByRole("button", { name: /^Answer once more/ })
      .last()
      .click();
    await page.getByRole("group", { name: "Answer 2 of 2" }).waitFor();
    await answered(page);

    const [plain, changed, again] = gateway.asked;
    expect(plain).toEqual({ message: "plain", resumable: true });
    const fields = {
      documents: false,
      options: { reasoning: true, web_search: false, follow_ups: false },
    };
    expect(changed).toMatchObject({ message: "changed", ...fields });
    expect(again).toMatchObject({ retry_of: "user-5", ...fields });
    expect(chat.complaints).toEqual([]);
  });

  test("belong to one conversation each, and are there after a reload", async () => {
    using gateway = startFakeGateway();
    await using chat = await openChat(gateway.url);
    const { page } = chat;
    const searchOf = () =>
      gateway.asked.map(({ options }) => (options as { web_search?: boolean } | undefined)?.web_search);
    await chooseOptions(page, () => page.getByLabel("Web search").selectOption("on"));
    // Before there is a session, too.
    await page.reload();
    await page.getByRole("button", { name: "Options 1 changed" }).waitFor();
    await say(page, "one");
    await answered(page);
    await page.getByRole("button", { name: "New conversation" }).click();
    await page.getByRole("button", { name: "Options", exact: true }).waitFor();
    await say(page, "two");
    await answered(page);
    await page.reload();
    await page.getByRole("button", { name: /^one/ }).click();
    await page.getByRole("button", { name: "Options 1 changed" }).waitFor();
    await say(page, "three");
    await answered(page);

    expect(searchOf()).toEqual([true, undefined, true]);
    // What belonged to a conversation goes with it.
    await page.locator(".session", { hasText: "one" }).hover();
    await page.getByRole("button", { name: "Delete one" }).click();
    await page.locator(".danger").click();
    await page.getByText("What would you like to know?").waitFor();
    expect(await page.evaluate(() => localStorage.getItem("qwen-gateway-switches"))).toBeNull();
    expect(chat.complaints).toEqual([]);
  });

  test("search the documents that were chosen in the panel, those that are still there", async () => {
    using gateway = startFakeGateway();
    const lease = gateway.addDocument("lease.txt", "Three months.");
    gateway.addDocument("rules.txt", "Keys.");
    await using chat = await openChat(gateway.url);
    const { page } = chat;
    await page.getByRole("button", { name: "Options" }).click();
    await page.getByLabel("Documents to search").selectOption("chosen");
    const panel = panelOf(page);
    await panel.getByLabel("Search lease.txt").check();
    await panel.getByLabel("Search rules.txt").check();
    await panel.getByRole("button", { name: "Delete rules.txt" }).click();
    await page.keyboard.press("Enter");
    await panel.getByText("rules.txt was deleted").waitFor({ state: "attached" });
    await say(page, "one");
    await answered(page);
    await page.reload();
    await page.getByRole("button", { name: "Options 1 changed" }).waitFor();
    await page.evaluate((id) => fetch(`api/documents/${id}`, { method: "DELETE" }), lease);
    await page.reload();
    await openPanel(page);
    await panel.getByText("What you add here is searched").waitFor();
    await say(page, "two");
    await answered(page);

    expect(gateway.asked.map(({ documents }) => documents)).toEqual([[lease], false]);
    expect(chat.complaints).toEqual([]);
  });

  test("close by Escape and by a click beside them, which stop no answer", async () => {
    using gateway = startFakeGateway();
    gateway.script = () => [{ token: "One" }, { gate: "end" }, { token: " two" }];
    await using chat = await openChat(gateway.url);
    const { page } = chat;
    await say(page, "Count");
    await page.locator(".prose", { hasText: "One" }).waitFor();
    const opener = page.getByRole("button", { name: "Options" });
    const box = page.getByRole("group", { name: "Options of this conversation" });

    await opener.click();
    await box.waitFor();
    expect(await page.evaluate(() => document.activeElement?.getAttribute("aria-label"))).toBe("Reasoning");
    await page.keyboard.press("Escape");
    await box.waitFor({ state: "detached" });
    expect(await opener.evaluate((button) => button === document.activeElement)).toBe(true);
    await opener.click();
    await page.locator(".prose").click();
    await box.waitFor({ state: "detached" });
    gateway.openGate("end");
    await page.locator(".prose", { hasText: "One two" }).waitFor();
    expect(gateway.requests.filter((line) => line.startsWith("DELETE"))).toEqual([]);
    expect(chat.complaints).toEqual([]);
  });
});
