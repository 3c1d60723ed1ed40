// Connections that break, tabs that are reloaded, keys that are missing: nothing of an answer is lost, and the reader sees
// what happens.

import { describe, expect, test } from "bun:test";
import type { Route } from "playwright-core";
import { answered, say, textOf } from "./acting.ts";
import { hasBrowser, openChat, useBrowser } from "./browser.ts";
import { startFakeGateway } from "./fake-gateway.ts";

const netError = /ERR_|Failed to load resource|status of 401/;

useBrowser();

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
    expect(await page.locator(".stage").allTextContents()).toEqual(["Answer"]);
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
    expect(gateway.requests).toContain("GET /api/chat/stream/stream-4 2");
    expect(chat.complaints).toEqual([]);
  });

  test("keeps what is stored of an answer whose stream is gone", async () => {
    using gateway = startFakeGateway();
    const session = gateway.addSession("Old", [
      { id: "q", content: "Count" },
      { id: "a", parent_id: "q", role: "assistant", content: "One two", status: "running", stream_id: "forgotten" },
    ]);
    await using chat = await openChat(gateway.url, { path: `/chat#${session}`, expected: /status of 404/ });

    await chat.page.getByText("The gateway no longer has the rest of this answer.").waitFor();
    expect(await textOf(chat.page.locator(".prose"))).toBe("One two");
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

  test("does not send what was stopped while the gateway was away", async () => {
    using gateway = startFakeGateway();
    await using chat = await openChat(gateway.url, { expected: netError });
    const { page } = chat;
    await page.clock.install();
    await page.context().setOffline(true);
    await say(page, "Never mind");
    await page.getByText("The connection was lost. Coming back…").waitFor();

    await page.keyboard.press("Escape");
    await page.getByText("You stopped this answer.").waitFor();
    await page.context().setOffline(false);
    for (let step = 0; step < 60; step += 1) await page.clock.runFor(1000);

    expect(gateway.asked).toEqual([]);
    await page.getByRole("button", { name: /^Answer once more/ }).click();
    await page.clock.runFor(1000);
    await page.locator(".prose", { hasText: "Hello." }).waitFor();
    expect(chat.complaints).toEqual([]);
  });

  test("does not send once more what was stopped before its connection broke", async () => {
    using gateway = startFakeGateway();
    await using chat = await openChat(gateway.url, { expected: netError });
    const { page } = chat;
    await page.clock.install();
    const sent: Route[] = [];
    await page.route("**/api/chat/stream", (route) => void sent.push(route));
    await say(page, "Never mind");
    await page.locator(".stages", { hasText: "Sending" }).waitFor();
    await page.keyboard.press("Escape");
    await page.getByText("You stopped this answer.").waitFor();

    await sent[0]?.abort();
    for (let step = 0; step < 60; step += 1) await page.clock.runFor(1000);

    expect(sent).toHaveLength(1);
    expect(chat.complaints).toEqual([]);
  });

  test("asks for a key where one is wanted, keeps it in the tab alone, and goes on", async () => {
    using gateway = startFakeGateway({ key: "right" });
    await using chat = await openChat(gateway.url, { expected: netError });
    const { page } = chat;
    const field = page.getByLabel("This gateway needs an API key");
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

  test("works behind a proxy that puts it beneath a prefix", async () => {
    using gateway = startFakeGateway();
    using proxy = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: ({ url, method, headers, body }) =>
        fetch(url.replace(/^http:\/\/[^/]+\/prefix/, gateway.url), { method, headers, body, decompress: false }),
    });
    await using chat = await openChat(proxy.url.origin, { path: "/prefix/chat" });
    const { page } = chat;
    await say(page, "Hello?");
    await answered(page);
    await page.reload();

    await page.locator(".prose", { hasText: "Hello." }).waitFor();
    expect(page.url()).toEndWith("/prefix/chat#session-1");
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
    await page.getByLabel("This gateway needs an API key").fill("right");
    await page.keyboard.press("Enter");
    await answered(page);

    expect(await textOf(page.locator(".prose"))).toBe("Hello.");
    expect(await page.locator(".question").count()).toBe(1);
    expect(chat.complaints).toEqual([]);
  });
});
