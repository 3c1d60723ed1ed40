// Tools on a backend that has none: told in the chat's text, called in the answer's text, and whole for the client.

import { describe, expect, test } from "bun:test";
import { startHarness } from "../support/harness.ts";
import {
  acceptedTurns,
  allTurns,
  bodyOf,
  callsOf,
  lastTurn,
  openReplies,
  readError,
  untilIdle,
  user,
} from "./client.ts";
import { askWithTools, resultOf, tool, tools, weather } from "./tool-client.ts";

const called = (name: string, values: object) => ({ name, arguments: JSON.parse(JSON.stringify(values)) });
const parsed = (calls: readonly { name: string; arguments: string }[]) =>
  calls.map((call) => called(call.name, JSON.parse(call.arguments)));

/** @see https://platform.openai.com/docs/guides/function-calling#tool-choice */
const allowed = (mode: string, ...names: string[]) => ({
  type: "allowed_tools",
  allowed_tools: { mode, tools: names.map((name) => ({ type: "function", function: { name } })) },
});

describe("a call in the answer's text", () => {
  for (const stream of [true, false]) {
    test(`is a call for the client, ${stream ? "streamed" : "whole"}`, async () => {
      await using harness = await startHarness();
      const answer = await askWithTools(harness, [user("Call get_weather with city=Paris")], { stream });

      expect(parsed(answer.calls)).toEqual([called("get_weather", { city: "Paris" })]);
      expect(answer.calls[0]?.id).toMatch(/^call_\w{24}$/);
      expect(answer.finishReason).toBe("tool_calls");
      expect(answer.content).not.toContain("<");
      expect(answer.content).toBe(answer.content.trimEnd());
    });
  }

  test.each(["told", "compact", "function", "fenced", "bare", "open"] as const)(
    "is found in the form %s, cut at every sign",
    async (callForm) => {
      await using harness = await startHarness();
      const calls = [called("get_weather", { city: "São Paulo <b>", days: 2 })];
      harness.emulator.script({ reply: { calls, callForm, deltaChars: 1 } });
      const answer = await askWithTools(harness, [user("Weather?")]);

      expect(parsed(answer.calls)).toEqual(calls);
      expect(answer).toMatchObject({ content: "", finishReason: "tool_calls" });
    },
  );

  test("may be one of several: each has its own id and index, and words before them stay", async () => {
    await using harness = await startHarness();
    const calls = [called("get_weather", { city: "Rome" }), called("get_time", { zone: "CET" })];
    harness.emulator.script({ times: 2, reply: { text: "Both at once.", calls, deltaChars: 3 } });
    for (const stream of [true, false]) {
      const answer = await askWithTools(harness, [user("Weather and time?")], { stream });
      expect(parsed(answer.calls)).toEqual(calls);
      expect(answer.content).toBe("Both at once.");
      expect(new Set(answer.calls.map((call) => call.id)).size).toBe(2);
    }
  });

  test("streams the words before it while it is still being written", async () => {
    await using harness = await startHarness();
    const reply = { text: "One moment.", calls: [called("get_time", { zone: "CET" })], deltaChars: 4 };
    harness.emulator.script({ gate: "step", reply });
    harness.emulator.release("step", 4);
    const body = { model: "qwen3-max", stream: true, tools, messages: [user("Time?")] };
    const reader = (await harness.chat(body)).body!.pipeThrough(new TextDecoderStream()).getReader();
    let seen = "";
    while (!seen.includes("One")) seen += (await reader.read()).value ?? "";
    expect(seen).not.toContain("tool_calls");
    harness.emulator.release("step", "all");
    for (let next = await reader.read(); !next.done; next = await reader.read()) seen += next.value;
    expect(seen).toContain('"name":"get_time"');
    expect(seen).not.toContain("tool_call>");
  });

  test("that names no declared tool is text, and so is every tag of a tool that is named like markup", async () => {
    await using harness = await startHarness();
    const undeclared = '<tool_call>\n{"name": "rm", "arguments": {}}\n</tool_call>';
    harness.emulator.script({ reply: { text: undeclared } });
    expect(await askWithTools(harness, [user("Go")])).toMatchObject({
      content: undeclared,
      calls: [],
      finishReason: "stop",
    });

    const odd = tool("tool_call", { text: { type: "string" } });
    const calls = [called("tool_call", { text: "</tool_call>" })];
    harness.emulator.script({ reply: { text: "So:", calls, deltaChars: 2 } });
    const answer = await askWithTools(harness, [user("Go on")], { tools: [odd] });
    expect(parsed(answer.calls)).toEqual(calls);
    expect(answer.content).toBe("So:");
  });

  test("that breaks off is no call: the client is told that the answer broke off", async () => {
    await using harness = await startHarness({ environment: { RETRY_MAX_ATTEMPTS: "1" } });
    const reply = { text: "Wait.", calls: [called("get_time", { zone: "CET" })], deltaChars: 5 };
    for (const stored of ["delivered", "complete"] as const) {
      harness.emulator.script({ reply: { ...reply, stored, faults: [{ kind: "drop", after: 7 }] } });
      const asked = askWithTools(harness, [user("Time?")]);
      expect(await asked.then(String, (error: Error) => error.message)).toContain("broke off");
    }
  });
});

describe("what the backend is told", () => {
  test("is the schemas once, above the first message, with its own tools and search off", async () => {
    await using harness = await startHarness();
    const first = await askWithTools(harness, [user("Hello")], { web_search: true, model: "qwen3-max-search" });
    const { content, body } = lastTurn(harness);
    expect(content).toStartWith("# Tools\n\nYou may call these tools.");
    expect(content).toContain(
      JSON.stringify({ name: "get_weather", description: "The tool get_weather." }).slice(0, -1),
    );
    expect(content).toEndWith("\n\n# Message\nHello");
    expect(body.messages[0]).toMatchObject({
      chat_type: "t2t",
      feature_config: { auto_search: false, enable_tools: false, function_calling: false, code_interpreter: false },
    });

    await askWithTools(harness, [user("Hello"), first.message, user("And?")], { tools: [...tools].reverse() });
    expect(lastTurn(harness).content).toBe("And?");
  });

  test("is the schemas again when they change, and none when they are gone", async () => {
    await using harness = await startHarness();
    const history = [user("Hello")];
    const say = async (text: string, body: Readonly<Record<string, unknown>>): Promise<string> => {
      history.push((await askWithTools(harness, history, body)).message, user(text));
      await askWithTools(harness, history, body);
      return lastTurn(harness).content;
    };
    expect(await say("two", {})).toBe("two");
    const changed = await say("three", { tools: [weather] });
    // The turn before said so already: what was told then is not told again.
    expect(changed).toBe("three");
    const contents = acceptedTurns(harness).map((turn) => turn.content);
    const told = contents.filter((content) => content.includes("<tools>"));
    expect(told).toHaveLength(2);
    expect(told[1]).toContain("take the place of the earlier ones");
    expect(told[1]).not.toContain("get_time");
    expect(await say("four", { tools: [] })).toBe(
      "# Tools\nDo not call a tool this time: answer in words.\n\n# Message\nfour",
    );
    expect(await say("five", { tools: [weather] })).toBe("five");
    expect(new Set(acceptedTurns(harness).map((turn) => turn.chatId)).size).toBe(1);
  });

  test("is the schemas again when 100,000 characters have been said, once", async () => {
    await using harness = await startHarness();
    const history = [user("Hello")];
    const contents: string[] = [];
    for (const text of ["x".repeat(60_000), "y".repeat(60_000), "short"]) {
      history.push((await askWithTools(harness, history)).message, user(text));
      await askWithTools(harness, history);
      contents.push(lastTurn(harness).content);
    }
    expect(contents.map((content) => content.includes("<tools>"))).toEqual([false, true, false]);
  });

  test("is the schemas again behind a call that nobody could read", async () => {
    await using harness = await startHarness();
    harness.emulator.script({ reply: { text: '<tool_call>\n{"name": "get_time", "arguments": {"zone": "CE' } });
    const broken = await askWithTools(harness, [user("Time?")]);
    expect(broken.calls).toEqual([]);
    const history = [user("Time?"), broken.message, user("Try again")];
    const next = await askWithTools(harness, history);
    expect(lastTurn(harness).content).toContain("<tools>");
    await askWithTools(harness, [...history, next.message, user("Fine")]);
    expect(lastTurn(harness).content).toBe("Fine");
  });

  test("is what the legacy fields say as well, and the answer has theirs", async () => {
    await using harness = await startHarness();
    const functions = [{ name: "get_time", parameters: { type: "object", properties: {} } }];
    const body = { model: "qwen3-max", functions, messages: [user("Hello")] };
    const answer = await bodyOf(await harness.chat({ ...body, function_call: { name: "get_time" } }));
    // The shape is what is asserted.
    const [choice] = (JSON.parse(answer) as { choices: { message: { role: string } }[] }).choices;
    expect(choice).toMatchObject({
      finish_reason: "function_call",
      message: { function_call: { name: "get_time", arguments: "{}" } },
    });
    expect(choice?.message).not.toHaveProperty("tool_calls");
    const messages = [user("Hello"), choice?.message, { role: "function", name: "get_time", content: "noon" }];
    await bodyOf(await harness.chat({ ...body, messages, function_call: "auto" }));
    expect(lastTurn(harness).content).toBe(
      '# Tools\nCall one tool at most.\n\n# Message\n<tool_response name="get_time">\nnoon\n</tool_response>',
    );
  });
});

describe("tool_choice", () => {
  const ask = "Call get_weather with city=Paris";

  test("none: no schemas, no calls, and markup is text", async () => {
    await using harness = await startHarness();
    const answer = await askWithTools(harness, [user(ask)], { tool_choice: "none" });
    expect(answer).toMatchObject({ calls: [], finishReason: "stop" });
    expect(lastTurn(harness).content).toBe(
      `# Tools\nDo not call a tool this time: answer in words.\n\n# Message\n${ask}`,
    );
    await askWithTools(harness, [user(ask), answer.message, user("Call get_time now")]);
    expect(lastTurn(harness).content).toContain("<tools>");
  });

  test.each([
    ["required", "get_weather"],
    [{ type: "function", function: { name: "get_time" } }, "get_time"],
  ])("%j: a call, also where the user asked for none", async (choice, name) => {
    await using harness = await startHarness();
    const answer = await askWithTools(harness, [user("Hello")], { tool_choice: choice });
    expect(answer.calls.map((call) => call.name)).toEqual([name]);
    expect(allTurns(harness)).toHaveLength(1);
  });

  test.each([{ type: "function", function: { name: "nothing" } }, allowed("auto", "get_time", "nothing")])(
    "of a tool that is not declared is refused, and names the field: %j",
    async (choice) => {
      await using harness = await startHarness();
      const body = { model: "qwen3-max", tools, tool_choice: choice, messages: [user("Hello")] };
      const { status, error } = await readError(await harness.chat(body));
      expect([status, error.param]).toEqual([400, "tool_choice"]);
    },
  );

  test.each([
    ["auto", "Hello", []],
    ["auto", ask, []],
    ["auto", "Call get_time with zone=CET", ["get_time"]],
    ["required", "Hello", ["get_time"]],
    ["required", ask, ["get_time"]],
  ])("allowed_tools, %s: none but these are told and called, asked: %s", async (mode, question, names) => {
    await using harness = await startHarness();
    const answer = await askWithTools(harness, [user(question)], { tool_choice: allowed(mode, "get_time") });
    expect(answer.calls.map((call) => call.name)).toEqual(names);
    expect(lastTurn(harness).content).not.toContain('{"name":"get_weather"');
  });

  test.each([true, false])(
    "a demanded call that does not come is asked for once more, unseen (streamed: %p)",
    async (stream) => {
      await using harness = await startHarness();
      harness.emulator.script({ reply: { text: "I will look that up for you." } });
      const answer = await askWithTools(harness, [user(ask)], { tool_choice: "required", stream });

      expect(parsed(answer.calls)).toEqual([called("get_weather", { city: "Paris" })]);
      expect(answer.content).not.toContain("I will look that up");
      const [first, second] = acceptedTurns(harness);
      expect(second).toMatchObject({ chatId: first?.chatId, parentId: null });
      expect(second?.content).toContain("Begin your answer with <tool_call>");
      expect(callsOf(harness, "chats/new")).toHaveLength(1);

      const history = [user(ask), answer.message, resultOf(answer.calls[0], "sunny")];
      await askWithTools(harness, history, { stream });
      expect(lastTurn(harness)).toMatchObject({ chatId: first?.chatId, parentId: second?.responseId });
    },
  );

  test("asks once: a second answer in words is the answer", async () => {
    await using harness = await startHarness();
    harness.emulator.script({ times: 2, reply: { text: "No, I will not." } });
    const history = [user("Hello")];
    const answer = await askWithTools(harness, history, { tool_choice: "required" });
    expect(answer).toMatchObject({ content: "No, I will not.", calls: [], finishReason: "stop" });
    expect(acceptedTurns(harness)).toHaveLength(2);
  });

  test("asks once more in the middle of a conversation, at the same node", async () => {
    await using harness = await startHarness();
    const first = await askWithTools(harness, [user("Hello")]);
    const node = lastTurn(harness).responseId;
    harness.emulator.script({ reply: { text: "Let me see." } });
    const history = [user("Hello"), first.message, user(ask)];
    const answer = await askWithTools(harness, history, { tool_choice: "required" });
    expect(answer.calls).toHaveLength(1);
    expect(
      acceptedTurns(harness)
        .slice(1)
        .map((turn) => turn.parentId),
    ).toEqual([node, node]);
  });

  test("auto: an answer that only announces a call is the answer", async () => {
    await using harness = await startHarness();
    harness.emulator.script({ reply: { text: "I will call get_weather." } });
    const answer = await askWithTools(harness, [user(ask)]);
    expect(answer.content).toBe("I will call get_weather.");
    expect(acceptedTurns(harness)).toHaveLength(1);
  });
});

describe("a client that leaves", () => {
  test("inside a call that is held back stops the upstream", async () => {
    await using harness = await startHarness();
    harness.emulator.script({ gate: "step", reply: { calls: [called("get_time", { zone: "CET" })], deltaChars: 2 } });
    harness.emulator.release("step", 12);
    const controller = new AbortController();
    const body = { model: "qwen3-max", stream: true, tools, messages: [user("Time?")] };
    const asked = harness.chat(body, { signal: controller.signal }).then(
      (response) => response.text(),
      (error: Error) => error.name,
    );
    await harness.emulator.until((requests) => requests.some((request) => request.eventsDelivered === 12));
    controller.abort();
    expect(await asked).toBe("AbortError");
    await harness.emulator.until((requests) => requests.some((request) => request.on === "stop"));
    await untilIdle(harness);
    expect(await openReplies(harness)).toBe(0);
  });
});
