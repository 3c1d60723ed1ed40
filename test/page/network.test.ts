// Connections that break, tabs that are reloaded, keys that are missing: nothing of an answer is lost, and the reader sees
// what happens.

import { describe, expect, test } from "bun:test";
import { answered, hasBrowser, openChat, say, textOf } from "./browser.ts";
import { startFakeGateway } from "./fake-gateway.ts";

const netError = /ERR_|Failed to load resource|status of 401/;

describe.skipIf(!hasBrowser)("the chat page", () => {
  test("comes back where a connection broke, says so, and loses and doubles nothing", async () => {
    using gateway = startFakeGateway();
    gateway.script = () => [
      { stage: "generation" },
      { token: "One " },
      { gate: "drop" },
      { drop: true },
      { token: "two " },
      { gate: "end" },
      { token: "three" },
    ];
    await using chat = await openChat(gateway.url, { expected: netError });
    const { page } = chat;
    await say(page, "Count");
    await page.locator(".prose", { hasText: "One" }).waitFor();

    gateway.openGate("drop");
    await page.getByText("The connection was lost. Coming back…").waitFor();
    await page.getByText("The connection is back. The answer goes on where it stopped.").waitFor();
    expect(await textOf(page.locator(".prose"))).toBe("One two");
    gateway.openGate("end");
    await answered(page);

    expect(await textOf(page.locator(".prose"))).toBe("One two three");
    expect(gateway.requests).toContain("GET /api/chat/stream/stream-4 3");
    expect(gateway.asked).toHaveLength(1);
    expect(await page.locator(".aside-note").count()).toBe(0);
    expect(chat.complaints).toEqual([]);
  });

  test("survives a reload in the middle of an answer", async () => {
    using gateway = startFakeGateway();
    gateway.script = () => [
      { stage: "generation" },
      { reasoning: "Hm." },
      { token: "One " },
      { gate: "end" },
      { token: "two" },
      { quality_score: 0.5 },
    ];
    await using chat = await openChat(gateway.url);
    const { page } = chat;
    await say(page, "Count");
    await page.locator(".prose", { hasText: "One" }).waitFor();

    await page.getByLabel("Message", { exact: true }).fill("Words not yet sent");
    await page.reload();
    await page.locator(".prose", { hasText: "One" }).waitFor();
    expect(await page.locator(".answer").getAttribute("aria-busy")).toBe("true");
    expect(await page.getByLabel("Message", { exact: true }).inputValue()).toBe("Words not yet sent");
    gateway.openGate("end");
    await page.locator(".foot").waitFor();

    expect(await textOf(page.locator(".prose"))).toBe("One two");
    expect(await page.locator(".stage").allTextContents()).toEqual(["Writing the answer"]);
    expect(await page.locator(".quality").textContent()).toContain("50 %");
    expect(gateway.asked).toHaveLength(1);
    expect(chat.complaints).toEqual([]);
  });

  test("offers to read on when the network stays away, and does so by itself when it is back", async () => {
    using gateway = startFakeGateway();
    gateway.script = () => [{ token: "One " }, { gate: "end" }, { token: "two" }];
    await using chat = await openChat(gateway.url, { expected: netError });
    const { page } = chat;
    // Waits of half a minute pass in a moment.
    await page.clock.install();
    await say(page, "Count");
    await page.clock.runFor(500);
    await page.locator(".prose", { hasText: "One" }).waitFor();

    await page.context().setOffline(true);
    gateway.dropReaders();
    const trouble = page.locator(".trouble", { hasText: "The gateway cannot be reached." });
    for (let step = 0; step < 60 && !(await trouble.isVisible()); step += 1) await page.clock.runFor(1000);
    await trouble.waitFor();
    expect(await textOf(page.locator(".prose"))).toBe("One");
    await page.getByRole("button", { name: "Read on" }).waitFor();

    gateway.openGate("end");
    await page.context().setOffline(false);
    await page.clock.runFor(1000);
    await answered(page);

    expect(await textOf(page.locator(".prose"))).toBe("One two");
    expect(gateway.asked).toHaveLength(1);
    expect(chat.complaints).toEqual([]);
  });

  test("says what to do when the gateway is not there at all", async () => {
    using gateway = startFakeGateway();
    await using chat = await openChat(gateway.url, { expected: netError });
    const { page } = chat;
    await page.clock.install();
    await page.context().setOffline(true);
    await say(page, "Hello?");
    const trouble = page.locator(".trouble", { hasText: "Check that it is running" });
    for (let step = 0; step < 60 && !(await trouble.isVisible()); step += 1) await page.clock.runFor(1000);

    await trouble.waitFor();
    expect(await page.getByRole("button", { name: "Read on" }).count()).toBe(0);
    await page.context().setOffline(false);
    await page.getByRole("button", { name: "Try again" }).click();
    await page.clock.runFor(1000);
    await page.locator(".prose", { hasText: "Hello." }).waitFor();
    expect(chat.complaints).toEqual([]);
  });

  test("asks for a key where one is wanted, keeps it in the tab alone, and goes on", async () => {
    using gateway = startFakeGateway({ key: "right" });
    await using chat = await openChat(gateway.url, { expected: netError });
    const { page } = chat;
    const field = page.getByLabel("This gateway wants an API key");
    await field.waitFor();

    await field.fill("wrong");
    await page.keyboard.press("Enter");
    await page.getByRole("alert").getByText("The gateway does not know this key.").waitFor();
    await field.fill("right");
    await page.getByRole("button", { name: "Continue" }).click();
    await say(page, "Hello?");
    await answered(page);

    expect(await textOf(page.locator(".prose"))).toBe("Hello.");
    const stored = await page.evaluate(() => [JSON.stringify(sessionStorage), JSON.stringify(localStorage)]);
    expect(stored[0]).toContain("right");
    expect(stored[1]).not.toContain("right");
    await page.reload();
    await page.locator(".prose", { hasText: "Hello." }).waitFor();
    expect(chat.complaints).toEqual([]);
  });

  test("sends a message again whose key was refused, once there is a key", async () => {
    using gateway = startFakeGateway({ key: "right" });
    await using chat = await openChat(gateway.url, { expected: netError });
    const { page } = chat;
    await page.evaluate(() => sessionStorage.setItem("qwen-gateway-key", "right"));
    await page.reload();
    await page.getByLabel("Message", { exact: true }).waitFor();
    await page.getByText("Conversations will be listed here.").waitFor();
    await page.evaluate(() => sessionStorage.setItem("qwen-gateway-key", "revoked"));
    await say(page, "Hello?");
    await page.getByLabel("This gateway wants an API key").fill("right");
    await page.keyboard.press("Enter");
    await answered(page);

    expect(await textOf(page.locator(".prose"))).toBe("Hello.");
    expect(await page.locator(".question").count()).toBe(1);
    expect(chat.complaints).toEqual([]);
  });
});
