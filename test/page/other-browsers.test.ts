// What browsers other than Chromium do, or do not have: played in Chromium, by taking away and telling what they tell.

import { describe, expect, test } from "bun:test";
import type { Page } from "playwright-core";
import { answered, say, textOf } from "./acting.ts";
import { agentPath, begun, order, pendingOf } from "./agent-acting.ts";
import { hasBrowser, openChat, useBrowser } from "./browser.ts";
import { startFakeGateway } from "./fake-gateway.ts";

/** Safari tells of the key behind the end of the word that it ended: nothing but its code says so. */
const pressAsInputMethod = (page: Page, key: string) =>
  page.evaluate((pressed) => {
    const event = new KeyboardEvent("keydown", { key: pressed, keyCode: 229, bubbles: true, cancelable: true });
    document.activeElement?.dispatchEvent(event);
  }, key);

/** The chat page in a browser that does not fit fields to their texts. */
async function openUnfitted(page: Page, url: string) {
  const own = await page.context().newPage();
  await own.addInitScript(() => {
    CSS.supports = () => false;
  });
  await own.goto(`${url}/chat`);
  const field = own.getByLabel("Message", { exact: true });
  await field.evaluate((element) => (element as HTMLElement).style.setProperty("field-sizing", "fixed"));
  return { own, field };
}

useBrowser();

describe.skipIf(!hasBrowser)("the chat page in other browsers", () => {
  test("takes no Enter and no Escape of Safari's input methods for its own", async () => {
    using gateway = startFakeGateway();
    gateway.script = () => [{ token: "はい" }, { gate: "end" }, { token: "。" }];
    await using chat = await openChat(gateway.url);
    const { page } = chat;
    const field = page.getByLabel("Message", { exact: true });
    await field.fill("にほんご");
    await pressAsInputMethod(page, "Enter");
    expect(gateway.asked).toEqual([]);
    await page.keyboard.press("Enter");
    await page.locator(".prose", { hasText: "はい" }).waitFor();
    await pressAsInputMethod(page, "Escape");
    gateway.openGate("end");
    await answered(page);
    expect(await textOf(page.locator(".prose"))).toBe("はい。");

    await page.getByRole("button", { name: /^Edit the message/ }).click();
    const wording = page.getByLabel("New wording");
    await wording.fill("にほん");
    await pressAsInputMethod(page, "Enter");
    await pressAsInputMethod(page, "Escape");

    expect(await wording.inputValue()).toBe("にほん");
    expect(gateway.asked).toHaveLength(1);
    expect(chat.complaints).toEqual([]);
  });

  test("runs no command whose last word is still composed", async () => {
    using gateway = startFakeGateway();
    await using chat = await openChat(gateway.url, { path: agentPath });
    const { page } = chat;
    const field = page.getByLabel("Command", { exact: true });
    await field.fill("よむ");
    await pressAsInputMethod(page, "Enter");

    expect(await field.inputValue()).toBe("よむ");
    expect(await page.locator(".run").count()).toBe(0);
    await order(page, "よむ");
    await page.locator(".run").waitFor();
    expect(chat.complaints).toEqual([]);
  });

  test("shows the lines of a message where fields are not fitted to their texts, also those that the field breaks", async () => {
    using gateway = startFakeGateway();
    await using chat = await openChat(gateway.url);
    const { own, field } = await openUnfitted(chat.page, gateway.url);
    const hidden = () => field.evaluate(({ scrollHeight, clientHeight }) => scrollHeight - clientHeight);
    const height = () => field.evaluate(({ clientHeight }) => clientHeight);
    const empty = await height();

    await field.fill("word ".repeat(100));
    expect(await hidden()).toBe(0);
    expect(await height()).toBeGreaterThan(2 * empty);
    const rows = () => field.evaluate((element) => (element as HTMLTextAreaElement).rows);
    for (const lines of [2, 3, 5]) {
      await field.fill("line\n".repeat(lines - 1));
      expect([await hidden(), await rows()]).toEqual([0, lines]);
    }
    const most = "line\n".repeat(40);
    await field.fill(most);
    expect(await hidden()).toBeGreaterThan(0);
    await own.keyboard.press("Enter");
    await answered(own);

    expect(gateway.asked[0]?.["message"]).toBe(most.trim());
    expect(await height()).toBe(empty);
  });

  test("stays at the end of a conversation while a message grows, where what scrolls is not anchored", async () => {
    using gateway = startFakeGateway();
    gateway.script = () => [{ token: "Line.\n\n".repeat(80) }];
    await using chat = await openChat(gateway.url);
    const { own, field } = await openUnfitted(chat.page, gateway.url);
    await say(own, "Count");
    await answered(own);
    const transcript = own.locator(".transcript");
    await transcript.evaluate((element) => (element as HTMLElement).style.setProperty("overflow-anchor", "none"));

    const distance = () => transcript.evaluate((box) => box.scrollHeight - box.clientHeight - box.scrollTop);
    for (const word of ["", "and a word"]) {
      await field.fill("line\n".repeat(5) + word);
      await own.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
      expect(await distance()).toBe(0);
    }
    expect(await own.getByRole("button", { name: "Newest" }).count()).toBe(0);
    expect(chat.complaints).toEqual([]);
  });

  test("says of a run whose connection Firefox ends, because the page is left, that it was left", async () => {
    using gateway = startFakeGateway();
    gateway.agent.script = () => [...begun, { gate: "a" }, { drop: true }];
    await using chat = await openChat(gateway.url, { path: agentPath, expected: /ERR_/ });
    const { page } = chat;
    await order(page, "Lunch");
    await page.locator(".step.is-current", { hasText: "Selecting" }).waitFor();
    await page.evaluate(() => dispatchEvent(new Event("beforeunload")));
    gateway.openGate("a");
    await page.locator(".run .trouble").waitFor();
    await page.reload();

    await page.locator(".run .trouble").getByText("The page was left while this ran.").waitFor();
    expect(chat.complaints).toEqual([]);
  });

  test("tells a screen reader of a run that was over before the first frame that shows it", async () => {
    using gateway = startFakeGateway();
    gateway.agent.script = () => pendingOf();
    await using chat = await openChat(gateway.url);
    const own = await chat.page.context().newPage();
    await own.addInitScript(() => {
      const { requestAnimationFrame } = globalThis;
      globalThis.requestAnimationFrame = (draw) =>
        Number(setTimeout(() => requestAnimationFrame.call(globalThis, draw), 400));
    });
    await own.goto(gateway.url + agentPath);
    await order(own, "delete");

    await own.getByRole("log").getByText("Waits for your confirmation: delete_event").waitFor();
    expect(await own.getByRole("log").locator("p").first().textContent()).toBe("Analyzing your request...");
  });

  test("takes an import back where WebKit has collected the signal of AbortSignal.any", async () => {
    using gateway = startFakeGateway();
    gateway.importScript = (name) => (name === "slow.txt" ? [{ stage: "reading" }, { gate: "never" }] : []);
    await using chat = await openChat(gateway.url);
    const own = await chat.page.context().newPage();
    await own.addInitScript(() => {
      AbortSignal.any = () => new AbortController().signal;
    });
    await own.goto(`${gateway.url}/chat`);
    await own.getByRole("button", { name: "Documents", exact: true }).click();
    const panel = own.getByRole("complementary", { name: "Documents" });
    const files = ["slow.txt", "next.txt"].map((name) => ({
      name,
      mimeType: "text/plain",
      buffer: Buffer.from(name),
    }));
    await panel.locator("input[type=file]").setInputFiles(files);
    await panel.getByText("Reading").waitFor();
    await panel.getByRole("button", { name: "Cancel slow.txt" }).click();

    await panel.locator(".document", { hasText: "next.txt" }).waitFor();
    expect(await panel.locator(".import").count()).toBe(0);
  });

  test("copies a block of code where pages have no clipboard of their own", async () => {
    using gateway = startFakeGateway();
    gateway.script = () => [{ token: "Run:\n\n```sh\nls -a\n```" }];
    await using chat = await openChat(gateway.url, { permissions: ["clipboard-read"] });
    const { page } = chat;
    const own = await page.context().newPage();
    await own.addInitScript(() => Object.defineProperty(navigator, "clipboard", { value: undefined }));
    await own.goto(`${gateway.url}/chat`);
    await say(own, "How?");
    await answered(own);

    await own.getByRole("button", { name: "Copy this code (sh)" }).click();
    await own.getByText("Copied", { exact: true }).waitFor();

    await page.bringToFront();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe("ls -a");
    expect(chat.complaints).toEqual([]);
  });

  test("takes a key, and keeps a draft beside the agent's tab, where the browser keeps nothing more", async () => {
    using gateway = startFakeGateway({ key: "right" });
    await using chat = await openChat(gateway.url, { expected: /status of 401/ });
    const { page } = chat;
    await page.evaluate(() => {
      // Five millions of characters at most, in all browsers: what remains is too little for a key.
      for (let length = 5_300_000; length >= 1; length = Math.floor(length / 2)) {
        try {
          sessionStorage.setItem(`filled-${length}`, "x".repeat(length));
        } catch {}
      }
    });
    await page.getByLabel("This gateway needs an API key").fill("right");
    await page.keyboard.press("Enter");
    await page.getByLabel("Message", { exact: true }).fill("Words not yet sent");
    await page.getByRole("link", { name: "Agent" }).click();
    await page.getByLabel("Command", { exact: true }).waitFor();
    await page.getByRole("link", { name: "Chat" }).click();

    expect(await page.getByLabel("Message", { exact: true }).inputValue()).toBe("Words not yet sent");
    await page.getByLabel("Message", { exact: true }).press("Enter");
    await answered(page);
    expect(await textOf(page.locator(".prose"))).toBe("Hello.");
    expect(chat.complaints).toEqual([]);
  });
});
