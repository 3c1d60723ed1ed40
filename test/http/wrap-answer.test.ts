// Answers for agents of the old Roo Code protocol: words alone come as the call that they want, calls stay as they are.

import { describe, expect, test } from "bun:test";
import { startHarness } from "../support/harness.ts";
import { startDialectStage } from "../support/dialect-stage.ts";
import { acceptedTurns, assistant, bodyOf, readStream, user } from "./client.ts";
import { askJson, jsonSurfaces, rome } from "./json-client.ts";

const wraps = { headers: { "x-wrap-answer": "attempt_completion" } };
const wrapped = (text: string) => `<attempt_completion>\n<result>\n${text}\n</result>\n</attempt_completion>`;
const readFile = "I look first.\n\n<read_file>\n<path>src/main.ts</path>\n</read_file>";
const [chat, responses, messages] = jsonSurfaces;

/** A question without any form, on each surface. */
const surfaces = [
  {
    ...chat,
    plain: (history: readonly object[], stream: boolean) => ({ model: "qwen3-max", stream, messages: history }),
  },
  {
    ...responses,
    plain: (input: readonly object[], stream: boolean) => ({ model: "qwen3-max", stream, store: false, input }),
  },
  {
    ...messages,
    plain: (history: readonly object[], stream: boolean) => ({
      model: "qwen3-max",
      stream,
      max_tokens: 1000,
      messages: history,
    }),
  },
];
const cases = surfaces.flatMap((surface) => [true, false].map((stream) => ({ surface, stream, name: surface.name })));

describe.each(cases)("$name, streamed: $stream", ({ surface, stream }) => {
  test("words alone are wrapped, once [R0-062]", async () => {
    await using harness = await startHarness();
    harness.emulator.script({ reply: { text: "\nAll is <b>done</b>.\n\nSee <result>1</result>.\n", deltaChars: 4 } });
    const body = surface.plain([surface.ask("Do it")], stream);
    const { text } = await surface.read(await harness.post(surface.path, body, wraps));
    expect(text).toBe(wrapped("All is <b>done</b>.\n\nSee &lt;result&gt;1&lt;/result&gt;."));
    expect(text.match(/<result>/g)).toHaveLength(1);
  });

  test("the next turn continues the same chat [R0-062]", async () => {
    await using harness = await startHarness();
    harness.emulator.script({ reply: { text: "Done." } });
    const body = surface.plain([surface.ask("Do it")], stream);
    const first = await surface.read(await harness.post(surface.path, body, wraps));
    expect(first.text).toBe(wrapped("Done."));
    const history = [surface.ask("Do it"), ...first.kept, surface.ask("Say: thanks")];
    await surface.read(await harness.post(surface.path, surface.plain(history, stream), wraps));

    const [one, two] = acceptedTurns(harness);
    expect(two).toMatchObject({ chatId: one?.chatId, parentId: one?.responseId, content: "Say: thanks" });
  });

  test("an answer that holds a call of the agent stays as it is [R0-062]", async () => {
    await using harness = await startHarness();
    for (const text of [
      readFile,
      wrapped("Mine."),
      "<thinking>\nHm.\n</thinking>\n<list_files>\n<path>.</path>\n</list_files>",
    ]) {
      harness.emulator.script({ reply: { text, deltaChars: 3 } });
      const body = surface.plain([surface.ask(`Look ${text.length}`)], stream);
      expect((await surface.read(await harness.post(surface.path, body, wraps))).text).toBe(text);
    }
  });
});

describe("without the option", () => {
  test.each([true, false])("the bytes are those of the answer, streamed: %p [R0-062]", async (stream) => {
    const bare = async (headers: Record<string, string>) => {
      await using harness = await startHarness();
      harness.emulator.script({ reply: { chunks: ["Words alone. "] } });
      const body = { model: "qwen3-max", stream, messages: [user("Hi")] };
      const text = await bodyOf(await harness.chat(body, { headers }));
      return text.replaceAll(/chatcmpl-\w+|"created":\d+/g, "");
    };
    const plain = await bare({});
    expect(plain).toContain("Words alone. ");
    expect(await bare({ "x-wrap-answer": "off" })).toBe(plain);
    expect(plain).not.toContain("attempt_completion");
  });

  test("tags of the old protocol pass through everything else untouched", async () => {
    await using harness = await startHarness();
    const text = `<thinking>I see {"name": "x"}.</thinking>\n${readFile}`;
    harness.emulator.script({ times: "always", reply: { text, deltaChars: 2 } });
    const tool = { type: "function", function: { name: "get_weather", parameters: { type: "object" } } };
    const headers = { "x-reasoning-display": "tags" };
    const body = { model: "qwen3-max", stream: true, messages: [user("Go")] };
    expect((await readStream(await harness.chat({ ...body, tools: [tool] }))).text).toBe(text);
    expect((await readStream(await harness.chat({ ...body, tools: [tool] }, { headers }))).text).toBe(text);
  });
});

describe("the option", () => {
  test("is a setting, and a request may say otherwise [R0-062]", async () => {
    await using harness = await startHarness({ environment: { WRAP_ANSWER: "attempt_completion" } });
    harness.emulator.script({ times: "always", reply: { text: "Done." } });
    const body = { model: "qwen3-max", stream: true, messages: [user("Hi")] };
    expect((await readStream(await harness.chat(body))).text).toBe(wrapped("Done."));
    const off = { headers: { "x-wrap-answer": "off" } };
    expect((await readStream(await harness.chat(body, off))).text).toBe("Done.");
  });

  test("that nobody knows is named", async () => {
    await using harness = await startHarness();
    const body = { model: "qwen3-max", messages: [user("Hi")] };
    const response = await harness.chat(body, { headers: { "x-wrap-answer": "yes" } });
    expect(response.status).toBe(400);
    expect(await response.text()).toContain("x-wrap-answer");
  });

  test("leaves calls of tools and empty answers alone [R0-062]", async () => {
    await using harness = await startHarness();
    const tools = [{ type: "function", function: { name: "look_up", parameters: { type: "object", properties: {} } } }];
    harness.emulator.script({ reply: { text: "Moment.", calls: [{ name: "look_up", arguments: {} }] } });
    const body = { model: "qwen3-max", stream: true, tools, messages: [user("Go")] };
    const answer = await bodyOf(await harness.chat(body, wraps));
    expect(answer).toContain("Moment.");
    expect(answer).toContain('"name":"look_up"');
    expect(answer).not.toContain("attempt_completion");
    harness.emulator.script({ times: 2, reply: { text: "" } });
    const nothing = await readStream(await harness.chat({ ...body, messages: [user("Nothing")] }, wraps));
    expect(nothing.text).toBe("");
  });

  test("wraps no JSON that was asked for: it comes bare", async () => {
    await using harness = await startHarness();
    harness.emulator.script({ reply: { text: rome } });
    const answer = await askJson(harness, chat, [chat.ask("Where?")], { stream: true }, wraps.headers);
    expect(answer.text).toBe(rome);
  });

  test("tells what broke off as it came, and the error", async () => {
    await using harness = await startHarness({ environment: { QWEN_RECOVER: "false", RETRY_MAX_ATTEMPTS: "1" } });
    harness.emulator.script({ reply: { text: "Half of it", deltaChars: 2, faults: [{ kind: "end", after: 4 }] } });
    const response = await harness.chat({ model: "qwen3-max", stream: true, messages: [user("Go")] }, wraps);
    const body = await response.text();
    expect(body).toContain("upstream_failed");
    expect(body).not.toContain("attempt_completion");
  });

  test("works over servers whose frames are passed on otherwise [R0-062]", async () => {
    await using stage = await startDialectStage({ dialect: "vllm" });
    stage.emulator.script({ times: "always", reply: { text: "Done." } });
    const body = { messages: [user("Hi"), assistant("Yes?"), user("Go")] };
    for (const stream of [true, false]) {
      const { text } = await chat.read(await stage.harness.post(chat.path, { ...body, stream }, wraps));
      expect(text).toBe(wrapped("Done."));
    }
  });
});
