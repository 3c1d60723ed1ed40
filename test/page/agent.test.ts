// The agent's tab in the browser: commands, steps, calls, questions, stopping, services, and who is let in.

import { describe, expect, test } from "bun:test";
import axe from "axe-core";
import type { Page } from "playwright-core";
import { textOf } from "./acting.ts";
import { hasBrowser, openChat, useBrowser } from "./browser.ts";
import { type AgentStep, agentToken, calendar } from "./fake-agent.ts";
import { startFakeGateway } from "./fake-gateway.ts";

const path = "/chat#/agent";

const result = { service: "calendar", command: "create_event", success: true, durationMs: 12 };
const lunch = { title: "Lunch <b>", start: "2026-12-01T12:00" };

const begun: readonly AgentStep[] = [
  { progress: "analyzing", message: "Analyzing your request..." },
  { progress: "discovering", message: "Found 1 service with 3 commands" },
  { progress: "selecting", message: "Selecting commands..." },
];
const whole: readonly AgentStep[] = [
  ...begun,
  { gate: "selected" },
  { progress: "executing", message: "Executing: create_event (1/1)" },
  { gate: "executed" },
  { progress: "completed", message: "Completed: 1 command" },
  {
    done: {
      answer: "**Lunch** is in your calendar.\n\n| Day | Time |\n|---|---|\n| 1 | 12 |",
      results: [{ ...result, arguments: lunch, result: "Created e1" }],
    },
  },
];
const failing: readonly AgentStep[] = [
  ...begun,
  { error: "timeout", message: "The run was stopped: it took longer than 60 s" },
  { done: { success: false, results: [{ ...result, success: false, error: "Stopped before it ended" }] } },
];

const pendingOf = (fields: object = {}): readonly AgentStep[] => [
  ...begun,
  {
    done: {
      answer: "Waits for your confirmation: delete_event.",
      pending: {
        confirmation_id: "question-1",
        risk: "destructive",
        expires_at: Date.now() + 3 * 3_600_000 + 30_000,
        commands: [{ service: "calendar", command: "delete_event", arguments: { id: "e1" } }],
        ...fields,
      },
    },
  },
];

const goneOn: readonly AgentStep[] = [
  { progress: "analyzing", message: "Going on with your confirmation..." },
  { progress: "executing", message: "Executing: delete_event (1/1)" },
  { done: { answer: "It is deleted.", results: [{ ...result, command: "delete_event", arguments: { id: "e2" } }] } },
];

async function order(page: Page, command: string): Promise<void> {
  await page.getByLabel("Command", { exact: true }).fill(command);
  await page.keyboard.press("Enter");
}

const lastRun = (page: Page) => page.locator(".run").last();
const ended = (page: Page) => page.locator(".run[aria-busy=false]").last().waitFor();

async function breaches(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  return page.evaluate(async () => {
    const { violations } = await (globalThis as unknown as { axe: typeof import("axe-core") }).axe.run();
    return violations.flatMap(({ id, help, nodes }) => nodes.map(({ html }) => `${id}: ${help}: ${html}`));
  });
}

const overflow = (page: Page) =>
  page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);

useBrowser();

describe.skipIf(!hasBrowser)("the agent's tab", () => {
  test("shows steps as they happen, then calls folded, and the answer", async () => {
    using gateway = startFakeGateway();
    gateway.agent.script = () => whole;
    await using chat = await openChat(gateway.url, { path });
    const { page } = chat;

    await order(page, "Lunch on the first of December at noon");
    await page.locator(".step.is-current", { hasText: "Selecting commands..." }).waitFor();
    expect(await lastRun(page).getAttribute("aria-busy")).toBe("true");
    gateway.openGate("selected");
    await page.locator(".step.is-current", { hasText: "Executing: create_event (1/1)" }).waitFor();
    gateway.openGate("executed");
    await ended(page);

    expect(await page.locator(".step .step-words").allTextContents()).toEqual([
      "Analyzing your request...",
      "Found 1 service with 3 commands",
      "Selecting commands...",
      "Executing: create_event (1/1)",
      "Completed: 1 command",
    ]);
    expect(await page.locator(".step time").allTextContents()).toEqual(["0 ms", "10 ms", "20 ms", "40 ms", "60 ms"]);
    expect(await page.locator(".call .json").first().isVisible()).toBe(false);
    await page.locator(".call summary").click();
    expect(JSON.parse(await textOf(page.getByRole("region", { name: "Arguments of create_event" })))).toEqual(lunch);
    expect(await textOf(page.getByRole("region", { name: "Result of create_event" }))).toBe("Created e1");
    expect(await textOf(page.locator(".prose strong"))).toBe("Lunch");
    expect(gateway.agent.asked[0]).toMatchObject({ query: "Lunch on the first of December at noon" });
    expect(chat.complaints).toEqual([]);
  });

  test("is reached by a link, and there again after a reload; the chat is where it was", async () => {
    using gateway = startFakeGateway();
    const sessionId = gateway.addSession("Rivers", [{ id: "m1", content: "Which rivers?" }]);
    gateway.agent.script = () => [{ done: { answer: "It is done." } }];
    await using chat = await openChat(gateway.url, { path: `/chat#${sessionId}` });
    const { page } = chat;
    await page.locator(".bubble", { hasText: "Which rivers?" }).waitFor();
    await page.getByLabel("Message", { exact: true }).fill("And lakes?");
    const lakes = { name: "lakes.txt", mimeType: "text/plain", buffer: Buffer.from("Burtnieks") };
    await page.locator(".composer input[type=file]").setInputFiles([lakes]);
    await page.locator(".composer .attachment").waitFor();

    await page.getByRole("link", { name: "Agent" }).click();
    await page.getByLabel("Command", { exact: true }).waitFor();
    expect(page.url()).toBe(`${gateway.url}/chat#/agent`);
    await page.getByRole("link", { name: "Chat" }).click();
    await page.locator(".composer .attachment", { hasText: "lakes.txt" }).waitFor();
    expect(await page.getByLabel("Message", { exact: true }).inputValue()).toBe("And lakes?");
    await page.getByRole("link", { name: "Agent" }).click();
    await page.getByLabel("Command", { exact: true }).waitFor();
    expect(await page.title()).toBe("Agent · qwen-gateway");
    await order(page, "Do it");
    await ended(page);
    await page.reload();
    await page.locator(".run .prose", { hasText: "It is done." }).waitFor();
    expect(await page.getByRole("link", { name: "Agent" }).getAttribute("aria-current")).toBe("page");
    await page.goBack();
    await page.locator(".bubble", { hasText: "Which rivers?" }).waitFor();

    await page.goForward();
    await page.getByLabel("Command", { exact: true }).waitFor();
    await page.getByRole("link", { name: "Chat" }).click();
    await page.locator(".bubble", { hasText: "Which rivers?" }).waitFor();
    expect(page.url()).toBe(`${gateway.url}/chat#${sessionId}`);
    expect(chat.complaints).toEqual([]);
  });

  test("asks before what is risky, and sends the arguments as they were changed", async () => {
    using gateway = startFakeGateway();
    gateway.agent.script = ({ decision }) => (decision === undefined ? pendingOf() : goneOn);
    await using chat = await openChat(gateway.url, { path });
    const { page } = chat;
    await order(page, "Delete the lunch");
    const asked = page.getByRole("form", { name: "Waits for your confirmation" });
    await asked.waitFor();
    expect(await textOf(asked)).toContain("Expires in 3 hours");
    // It is still there after a reload.
    await page.reload();
    const field = asked.getByLabel("Arguments, which you can change (JSON)");

    await field.fill('{ "id": ');
    await asked.getByText("This is no JSON yet").waitFor();
    expect(await asked.getByRole("button", { name: "Confirm" }).isDisabled()).toBe(true);
    await field.fill('["e1"]');
    await asked.getByText("Arguments are a JSON object").waitFor();
    await field.fill('{ "id": "e2" }');
    await asked.getByRole("button", { name: "Confirm with changes" }).click();
    await page.locator(".run .prose", { hasText: "It is deleted." }).waitFor();

    expect(gateway.agent.asked.at(-1)).toEqual({
      confirmation_id: "question-1",
      decision: "approve",
      arguments: { id: "e2" },
    });
    expect(await textOf(lastRun(page))).toContain("You confirmed it.");
    expect(await page.evaluate(() => document.activeElement?.getAttribute("aria-label"))).toBe("Command");
    expect(chat.complaints).toEqual([]);
  });

  test("confirms as it stands, rejects, and asks on when the gateway does not take the arguments", async () => {
    using gateway = startFakeGateway();
    gateway.agent.script = ({ decision }) =>
      decision === undefined
        ? pendingOf()
        : decision === "approve"
          ? goneOn
          : [{ done: { answer: "Not done, as you wished: delete_event." } }];
    await using chat = await openChat(gateway.url, { path, expected: /status of 400/ });
    const { page } = chat;
    await order(page, "Delete the lunch");
    const asked = page.getByRole("form", { name: "Waits for your confirmation" });
    await asked.getByLabel(/^Arguments/).fill('{ "name": "e1" }');
    gateway.agent.refusal = { status: 400, message: 'Invalid request: "arguments" do not fit: "id" is missing' };
    await asked.getByRole("button", { name: "Confirm with changes" }).click();
    await asked.getByRole("alert").getByText('"id" is missing').waitFor();
    // What was typed is not lost.
    expect(await asked.getByLabel(/^Arguments/).inputValue()).toBe('{ "name": "e1" }');

    await asked.getByRole("button", { name: "Undo the changes" }).click();
    await asked.getByRole("button", { name: "Confirm", exact: true }).click();
    await page.locator(".run .prose", { hasText: "It is deleted." }).waitFor();
    expect(gateway.agent.asked.at(-1)).toEqual({ confirmation_id: "question-1", decision: "approve" });
    await order(page, "Delete the dinner");
    await asked.getByRole("button", { name: "Reject" }).click();
    await page.locator(".run .prose", { hasText: "Not done, as you wished" }).waitFor();

    expect(gateway.agent.asked.at(-1)).toEqual({ confirmation_id: "question-1", decision: "reject" });
    expect(await textOf(lastRun(page))).toContain("You rejected it.");
    expect(chat.complaints).toEqual([]);
  });

  test("shows several commands that wait as they are, and a question that nobody answered in time", async () => {
    using gateway = startFakeGateway();
    const commands = ["e1", "e2"].map((id) => ({ service: "calendar", command: "delete_event", arguments: { id } }));
    gateway.agent.script = ({ query }) =>
      query === "late" ? pendingOf({ expires_at: Date.now() - 1000 }) : pendingOf({ commands });
    await using chat = await openChat(gateway.url, { path });
    const { page } = chat;
    await order(page, "both");
    const asked = page.getByRole("form", { name: "Waits for your confirmation" });
    await asked.waitFor();
    expect(await asked.getByRole("region", { name: "Arguments of delete_event" }).count()).toBe(2);
    expect(await asked.locator("textarea").count()).toBe(0);

    await order(page, "late");
    await page.getByText("Nobody has answered in time").waitFor();
    await page.getByRole("button", { name: "Ask once more" }).click();
    await page.locator(".run").nth(2).waitFor();
    expect(gateway.agent.asked.at(-1)).toMatchObject({ query: "late" });
    expect(chat.complaints).toEqual([]);
  });

  test("answers a service's question with data of its schema", async () => {
    using gateway = startFakeGateway();
    const schema = {
      type: "object",
      properties: { name: { type: "string", description: "Who it is for" }, seats: { type: "integer", minimum: 1 } },
      required: ["name"],
    };
    const question = { message: "For whom is the table?", schema };
    gateway.agent.script = ({ decision }) => (decision === undefined ? pendingOf({ commands: [], question }) : goneOn);
    await using chat = await openChat(gateway.url, { path });
    const { page } = chat;
    await order(page, "Book a table");
    const asked = page.getByRole("form", { name: "A service asks" });
    await asked.getByText("For whom is the table?").waitFor();
    expect(await textOf(asked.locator("dl"))).toBe("nameWho it is for, stringseatsinteger, optional");
    const field = asked.getByLabel("Your data (JSON)");
    expect(JSON.parse(await field.inputValue())).toEqual({ name: "" });
    await field.fill('{ "name": "Mira" }');
    await asked.getByRole("button", { name: "Send" }).click();
    await ended(page);

    expect(gateway.agent.asked.at(-1)).toMatchObject({ decision: "approve", arguments: { name: "Mira" } });
    expect(chat.complaints).toEqual([]);
  });

  test("answers a question of the agent where it is asked, in the same session", async () => {
    using gateway = startFakeGateway();
    gateway.agent.script = ({ query }) =>
      query === "On Monday"
        ? [{ done: { answer: "Done for Monday." } }]
        : [{ done: { needsClarification: true, clarificationQuestion: "On which day?" } }];
    await using chat = await openChat(gateway.url, { path });
    const { page } = chat;
    await order(page, "Lunch");
    const asked = page.getByRole("form", { name: "The agent asks" });
    await asked.getByText("On which day?").waitFor();
    await asked.getByLabel("Your answer").fill("On Monday");
    await page.keyboard.press("Enter");
    await page.locator(".run .prose", { hasText: "Done for Monday." }).waitFor();

    const [first, second] = gateway.agent.asked;
    expect(second).toEqual({ query: "On Monday", session_id: first?.["session_id"] });
    expect(await asked.getByLabel("Your answer").count()).toBe(0);
    await page.getByRole("button", { name: "New task" }).click();
    await page.getByText("What should be done?").waitFor();
    await order(page, "On Monday");
    await ended(page);
    expect(gateway.agent.asked.at(-1)?.["session_id"]).not.toBe(first?.["session_id"]);
    expect(chat.complaints).toEqual([]);
  });

  test("stops by Escape and by the button, and runs once more", async () => {
    using gateway = startFakeGateway();
    gateway.agent.script = ({ query }) => (query === "quick" ? [{ done: { answer: "Quick." } }] : whole);
    await using chat = await openChat(gateway.url, { path });
    const { page } = chat;
    await order(page, "Lunch");
    await page.locator(".step.is-current", { hasText: "Selecting" }).waitFor();
    await page.keyboard.press("Escape");
    await page.getByText("You stopped this command.").waitFor();
    const [{ session_id: sessionId } = {}] = gateway.agent.asked;
    expect(gateway.agent.asked.at(-1)).toEqual({ session_id: sessionId });

    await page.getByRole("button", { name: "Run it once more" }).click();
    await page.locator(".step.is-current", { hasText: "Selecting" }).waitFor();
    await page.getByRole("button", { name: "Stop (Escape)" }).click();
    await page.getByText("You stopped this command.").nth(1).waitFor();
    await order(page, "quick");
    await page.locator(".run .prose", { hasText: "Quick." }).waitFor();
    expect(chat.complaints).toEqual([]);
  });

  test("says what went wrong and what to do, keeps what was done, and tries again", async () => {
    using gateway = startFakeGateway();
    gateway.agent.script = () => failing;
    await using chat = await openChat(gateway.url, { path, expected: /status of 503|ERR_/ });
    const { page } = chat;
    await order(page, "Lunch");
    const trouble = page.locator(".run .trouble").last();
    await trouble.waitFor();
    expect(await textOf(trouble)).toContain("it took longer than 60 s. Ask for less at once");
    expect(await textOf(page.locator(".call"))).toContain("Failed:");

    gateway.agent.refusal = { status: 503, message: "The upstream is overloaded" };
    await trouble.getByRole("button", { name: "Try again" }).click();
    await trouble.getByText("The upstream is overloaded. Try again in a moment.").waitFor();
    gateway.agent.script = () => [...begun, { gate: "a" }, { drop: true }];
    await trouble.getByRole("button", { name: "Try again" }).click();
    await page.locator(".step.is-current", { hasText: "Selecting" }).waitFor();
    gateway.openGate("a");
    await trouble.getByText("The connection to the gateway was lost.").waitFor();
    expect(gateway.agent.asked).toHaveLength(3);
    // What is at work when the page is left is not begun anew.
    gateway.agent.script = () => [...begun, { gate: "b" }];
    await trouble.getByRole("button", { name: "Try again" }).click();
    await page.locator(".step.is-current", { hasText: "Selecting" }).waitFor();
    await page.reload();
    await trouble.getByText("The page was left while this ran.").waitFor();

    expect(gateway.agent.asked).toHaveLength(4);
    expect(chat.complaints).toEqual([]);
  });

  test("lists services with their state, their commands with the risk, and examples to click", async () => {
    using gateway = startFakeGateway();
    const broken = { name: "mail", state: "failed", tools: 0, error: "The command was not found", commands: [] };
    gateway.agent.services = [calendar, broken];
    await using chat = await openChat(gateway.url, { path });
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

  test("asks for the agent's token, which goes to the agent alone", async () => {
    using gateway = startFakeGateway();
    gateway.agent.access = "token";
    await using chat = await openChat(gateway.url, { path, expected: /status of 401/ });
    const { page } = chat;
    const field = page.getByLabel("The agent wants its token");
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
    await using chat = await openChat(gateway.url, { path, expected: /status of 401/ });
    const { page } = chat;
    await page.getByLabel("This gateway wants an API key").fill("key");
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
      await using chat = await openChat(gateway.url, { path, expected: /status of 401/ });
      const { page } = chat;
      await page.getByRole("heading", { name: "No tool server is configured" }).waitFor();
      expect(await textOf(page.locator(".agent-setup"))).toContain("docs/mcp.md");
      expect(await breaches(page)).toEqual([]);
      expect(chat.complaints).toEqual([]);
    },
  );

  test("counts what is left of 500 characters, and runs no more than that", async () => {
    using gateway = startFakeGateway();
    await using chat = await openChat(gateway.url, { path });
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
    await using chat = await openChat(gateway.url, { path });
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
    await using chat = await openChat(gateway.url, { path });
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
      path,
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
