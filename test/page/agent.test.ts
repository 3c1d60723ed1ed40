// Commands on the agent's tab in the browser: steps, calls, questions, confirmations, stopping, failures.

import { describe, expect, test } from "bun:test";
import { textOf } from "./acting.ts";
import {
  agentPath,
  begun,
  breaches,
  ended,
  failing,
  goneOn,
  lastRun,
  lunch,
  order,
  pendingOf,
  whole,
} from "./agent-acting.ts";
import { hasBrowser, openChat, useBrowser } from "./browser.ts";
import { startFakeGateway } from "./fake-gateway.ts";

useBrowser();

describe.skipIf(!hasBrowser)("the agent's tab", () => {
  test("shows steps as they happen, then calls folded, and the answer [R4-062]", async () => {
    using gateway = startFakeGateway();
    gateway.agent.script = () => whole;
    await using chat = await openChat(gateway.url, { path: agentPath });
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
    // Told once the tab has been drawn.
    await page.waitForFunction((title) => document.title === title, "Agent · qwen-gateway");
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
    await using chat = await openChat(gateway.url, { path: agentPath });
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
    await using chat = await openChat(gateway.url, { path: agentPath, expected: /status of 400/ });
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
    await using chat = await openChat(gateway.url, { path: agentPath });
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
      properties: {
        name: { type: "string", title: "Name", description: "Who it is for" },
        seats: { type: "integer", minimum: 1 },
        place: { type: "string", enum: ["Inside", "Outside"], default: "Inside" },
        isCandlelit: { type: "boolean", title: "Candles" },
      },
      required: ["name"],
    };
    const question = { message: "For whom is the table?", schema };
    const odd = { message: "Which days?", schema: { properties: { days: { type: "array", description: "All" } } } };
    gateway.agent.script = ({ query, decision }) => {
      if (decision !== undefined) return goneOn;
      return pendingOf({ commands: [], question: query === "odd" ? odd : question });
    };
    await using chat = await openChat(gateway.url, { path: agentPath });
    const { page } = chat;
    await order(page, "Book a table");
    const asked = page.getByRole("form", { name: "A service asks" });
    await asked.getByText("For whom is the table?").waitFor();
    await asked.getByRole("button", { name: "Send" }).click();
    // What is required is asked for by the browser.
    expect(await asked.getByLabel("Name").evaluate((field) => field === document.activeElement)).toBe(true);
    expect(await breaches(page)).toEqual([]);
    await asked.getByLabel("Name").fill("Mira");
    await asked.getByLabel("seats (optional)").fill("4");
    await asked.getByLabel("Candles").check();
    await asked.getByRole("button", { name: "Send" }).click();
    await page.locator(".run .prose", { hasText: "It is deleted." }).waitFor();
    expect(gateway.agent.asked.at(-1)).toEqual({
      confirmation_id: "question-1",
      decision: "approve",
      arguments: { name: "Mira", seats: 4, place: "Inside", isCandlelit: true },
    });

    await order(page, "odd");
    expect(await textOf(asked.locator("dl"))).toBe("daysAll, array, optional");
    const field = asked.getByLabel("Your data (JSON)");
    expect(JSON.parse(await field.inputValue())).toEqual({ days: [] });
    await field.fill('{ "days": ["Monday"] }');
    await asked.getByRole("button", { name: "Send" }).click();
    await page.locator(".run .prose", { hasText: "It is deleted." }).nth(1).waitFor();

    expect(gateway.agent.asked.at(-1)).toMatchObject({ decision: "approve", arguments: { days: ["Monday"] } });
    expect(chat.complaints).toEqual([]);
  });

  test("answers a question of the agent where it is asked, in the same session", async () => {
    using gateway = startFakeGateway();
    gateway.agent.script = ({ query }) =>
      query === "On Monday"
        ? [{ done: { answer: "Done for Monday." } }]
        : [{ done: { needsClarification: true, clarificationQuestion: "On which day?" } }];
    await using chat = await openChat(gateway.url, { path: agentPath });
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
    await using chat = await openChat(gateway.url, { path: agentPath });
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

  test("says what went wrong and what to do, keeps what was done, and tries again [R4-062] [R4-068]", async () => {
    using gateway = startFakeGateway();
    gateway.agent.script = () => failing;
    await using chat = await openChat(gateway.url, { path: agentPath, expected: /status of 503|ERR_/ });
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
});
