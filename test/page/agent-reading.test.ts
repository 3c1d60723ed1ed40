// The agent's tab around its commands: services, who is let in, and how it is read, by eyes, by ears and by keys.

import { describe, expect, test } from "bun:test";
import { textOf } from "./acting.ts";
import { agentPath, breaches, ended, failing, goneOn, order, overflow, pendingOf, whole } from "./agent-acting.ts";
import { hasBrowser, openChat, useBrowser } from "./browser.ts";
import { agentToken, calendar } from "./fake-agent.ts";
import { startFakeGateway } from "./fake-gateway.ts";

useBrowser();

describe.skipIf(!hasBrowser)("the agent's tab", () => {
  test("lists services with their state, their commands with the risk, and examples to click", async () => {
    using gateway = startFakeGateway();
    const broken = { name: "mail", state: "failed", tools: 0, error: "The command was not found", commands: [] };
    gateway.agent.services = [calendar, broken];
    await using chat = await openChat(gateway.url, { path: agentPath });
    const { page } = chat;
    const services = page.getByRole("list", { name: "Services" });
    await services.getByText("3 commands").waitFor();
    await services.getByText("calendar", { exact: true }).click();
    expect(await page.getByRole("list", { name: "Commands of calendar" }).locator("li").allTextContents()).toEqual([
      "list_events readsLists what is in the calendar.",
      "create_event changesPuts an event into the calendar.",
      "delete_event destructiveTakes an event out of the calendar, for good.",
    ]);
    await services.getByText("mail").click();
    await services.getByText("Failed: The command was not found").waitFor();
    gateway.agent.services = [calendar];
    await page.getByRole("button", { name: "Look again" }).click();
    await services.getByText("mail").waitFor({ state: "detached" });

    await page.getByRole("button", { name: "List events" }).click();
    // It can be changed before it is run.
    await page.keyboard.type(" of today");
    await page.keyboard.press("Enter");
    await ended(page);
    expect(gateway.agent.asked.at(-1)).toMatchObject({ query: "List events of today" });
    expect(chat.complaints).toEqual([]);
  });

  test("asks for the agent's token, which goes to the agent alone [R4-068]", async () => {
    using gateway = startFakeGateway();
    gateway.agent.access = "token";
    await using chat = await openChat(gateway.url, { path: agentPath, expected: /status of 401/ });
    const { page } = chat;
    const field = page.getByLabel("The agent needs its token");
    await field.fill("wrong");
    await page.keyboard.press("Enter");
    await page.getByRole("alert").getByText("This is not the token of the agent.").waitFor();
    await field.fill(agentToken);
    await page.keyboard.press("Enter");
    await page.getByRole("list", { name: "Services" }).waitFor();
    await order(page, "Do it");
    await ended(page);
    await page.reload();
    await page.getByRole("list", { name: "Services" }).waitFor();

    expect(
      await page.evaluate(() => Object.entries(sessionStorage).filter(([, value]) => value.includes("token-of"))),
    ).toEqual([["qwen-gateway-agent-token", agentToken]]);
    const request = page.waitForRequest(/api\/chat\/sessions/);
    await page.reload();
    expect((await request).headers()["authorization"]).toBeUndefined();
    expect(chat.complaints).toEqual([]);
  });

  test("asks for the key of a gateway that has keys", async () => {
    using gateway = startFakeGateway({ key: "key" });
    await using chat = await openChat(gateway.url, { path: agentPath, expected: /status of 401/ });
    const { page } = chat;
    await page.getByLabel("This gateway needs an API key").fill("key");
    await page.keyboard.press("Enter");
    await page.getByRole("list", { name: "Services" }).waitFor();
    await order(page, "Do it");
    await ended(page);
    expect(chat.complaints).toEqual([]);
  });

  test.each(["off", "open"] as const)(
    "says how a tool server is configured where there is none (%s)",
    async (access) => {
      using gateway = startFakeGateway();
      gateway.agent.access = access;
      gateway.agent.services = [];
      gateway.agent.examples = [];
      await using chat = await openChat(gateway.url, { path: agentPath, expected: /status of 401/ });
      const { page } = chat;
      await page.getByRole("heading", { name: "No tool server is configured" }).waitFor();
      expect(await textOf(page.locator(".agent-setup"))).toContain("docs/mcp.md");
      expect(await breaches(page)).toEqual([]);
      expect(chat.complaints).toEqual([]);
    },
  );

  test("counts what is left of 500 characters, and runs no more than that", async () => {
    using gateway = startFakeGateway();
    await using chat = await openChat(gateway.url, { path: agentPath });
    const { page } = chat;
    const field = page.getByLabel("Command", { exact: true });
    await field.fill("é".repeat(490));
    await page.getByText("10 characters left").waitFor();
    await field.fill("👩‍👩‍👧".repeat(501));
    await page.getByText("1 characters too many").waitFor();
    await page.keyboard.press("Enter");
    expect(gateway.agent.asked).toEqual([]);
    await page.reload();
    await page.getByText("1 characters too many").waitFor();
    expect(chat.complaints).toEqual([]);
  });

  test("can be used by the keyboard alone", async () => {
    using gateway = startFakeGateway();
    gateway.agent.script = ({ decision }) => (decision === undefined ? pendingOf() : goneOn);
    await using chat = await openChat(gateway.url, { path: agentPath });
    const { page } = chat;
    const nameOfFocus = () =>
      page.evaluate(() => {
        const { activeElement: element } = document;
        return (element?.getAttribute("aria-label") ?? element?.textContent ?? "").trim();
      });
    async function tabTo(name: string, key: "Tab" | "Shift+Tab"): Promise<void> {
      for (let count = 0; count < 30; count += 1) {
        if ((await nameOfFocus()) === name) return;
        await page.keyboard.press(key);
      }
      throw new Error(`No ${key} leads to ${name}`);
    }
    await page.getByRole("button", { name: "List events" }).waitFor();
    expect(await nameOfFocus()).toBe("Command");
    await tabTo("List events", "Shift+Tab");
    await page.keyboard.press("Enter");
    expect(await nameOfFocus()).toBe("Command");
    expect(await page.getByLabel("Command", { exact: true }).inputValue()).toBe("List events");
    await page.keyboard.press("Enter");
    await page.locator(".asked").waitFor();
    await tabTo("Confirm", "Shift+Tab");
    await page.keyboard.press("Enter");
    await page.locator(".run .prose", { hasText: "It is deleted." }).waitFor();

    expect(await nameOfFocus()).toBe("Command");
    await page.keyboard.press("Shift+Tab");
    await page.keyboard.press("Shift+Tab");
    await page.keyboard.press("Shift+Tab");
    await page.keyboard.press("Enter");
    await page.getByRole("region", { name: "Arguments of delete_event" }).waitFor();
    await tabTo("Chat", "Shift+Tab");
    await page.keyboard.press("Enter");
    await page.getByLabel("Message", { exact: true }).waitFor();
    expect(chat.complaints).toEqual([]);
  });

  test("tells a screen reader what the eye sees", async () => {
    using gateway = startFakeGateway();
    gateway.agent.script = ({ query }) => (query === "delete" ? pendingOf() : whole);
    await using chat = await openChat(gateway.url, { path: agentPath });
    const { page } = chat;
    const region = page.getByRole("log");
    expect(await region.getAttribute("aria-live")).toBe("polite");
    await order(page, "Lunch");
    await region.getByText("Selecting commands...").waitFor();
    gateway.openGate("selected");
    await region.getByText("Executing: create_event (1/1)").waitFor();
    gateway.openGate("executed");
    await region.getByText("Command complete").waitFor();
    await order(page, "delete");
    await region.getByText("Waits for your confirmation: delete_event").waitFor();
    expect(chat.complaints).toEqual([]);
  });

  test.each([
    ["light", 1200, 760],
    ["dark", 1200, 760],
    ["light", 360, 740],
    ["dark", 360, 740],
  ] as const)("breaks no rule of accessibility in %s at %d pixels", async (colorScheme, width, height) => {
    using gateway = startFakeGateway();
    const broken = { name: "mail", state: "failed", tools: 0, error: "It was not found", commands: [] };
    gateway.agent.services = [calendar, broken];
    gateway.agent.script = ({ query }) => {
      if (query === "fail") return failing;
      if (query === "ask") return [{ done: { needsClarification: true, clarificationQuestion: "On which day?" } }];
      return query === "delete" ? pendingOf() : whole;
    };
    gateway.openGate("executed");
    await using chat = await openChat(gateway.url, {
      path: agentPath,
      colorScheme,
      viewport: { width, height },
      reducedMotion: "reduce",
    });
    const { page } = chat;
    await page.getByRole("button", { name: "List events" }).waitFor();
    expect(await breaches(page)).toEqual([]);
    await order(page, "Lunch");
    await page.locator(".step.is-current", { hasText: "Selecting" }).waitFor();
    expect(await breaches(page)).toEqual([]);
    gateway.openGate("selected");
    await page.locator(".run .prose table").waitFor();
    await page.locator(".call summary").click();
    for (const [command, shown] of [
      ["fail", ".trouble"],
      ["ask", ".asked"],
      ["delete", ".asked.is-destructive"],
    ] as const) {
      await order(page, command);
      await page.locator(shown).waitFor();
    }
    await page.getByLabel(/^Arguments, which/).fill("{");

    expect(await breaches(page)).toEqual([]);
    expect(await overflow(page)).toBe(0);
    if (width < 760) await page.getByRole("button", { name: "Services" }).click();
    for (const name of ["calendar", "mail"]) await page.locator(".service summary", { hasText: name }).click();
    expect(await breaches(page)).toEqual([]);
    expect(await overflow(page)).toBe(0);
    if (width < 760) {
      await page.keyboard.press("Escape");
      expect(await page.evaluate(() => document.activeElement?.getAttribute("aria-label"))).toBe("Services");
    }
    expect(chat.complaints).toEqual([]);
  });
});
