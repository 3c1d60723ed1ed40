// What browsers other than Chromium do, or do not have: played in Chromium, by taking away and telling what they tell.

import { describe, expect, test } from "bun:test";
import type { Page } from "playwright-core";
import { answered, say, textOf } from "./acting.ts";
import { agentPath, begun, order } from "./agent-acting.ts";
import { hasBrowser, openChat, useBrowser } from "./browser.ts";
import { startFakeGateway } from "./fake-gateway.ts";

/** Safari tells of the key behind the end of the word that it ended: nothing but its code says so. */
const pressAsInputMethod = (page: Page, key: string) =>
  page.evaluate((pressed) => {
    const event = new KeyboardEvent("keydown", { key: pressed, keyCode: 229, bubbles: true, cancelable: true });
    document.activeElement?.dispatchEvent(event);
  }, key);

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
