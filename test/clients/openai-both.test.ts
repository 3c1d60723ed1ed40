// The official client's chat and responses helpers, over either kind of upstream.

import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import OpenAI from "openai";
import { zodResponseFormat, zodTextFormat } from "openai/helpers/zod";
import { z } from "zod";
import { type ModelStage, startModelStage, upstreamKinds } from "../support/model-stage.ts";
import { askBoth, citySchema, saysBoth, tellTime, tellWeather, zoneSchema } from "./city-tools.ts";

setDefaultTimeout(20_000);

const hello = [{ role: "user" as const, content: "Say hello there" }];

function parameters(field: "city" | "zone") {
  return { type: "object", properties: { [field]: { type: "string" } }, required: [field] };
}

const chatTools = [
  {
    type: "function" as const,
    function: {
      name: "get_weather",
      description: "weather",
      parameters: parameters("city"),
      parse: (text: string) => citySchema.parse(JSON.parse(text)),
      function: tellWeather,
    },
  },
  {
    type: "function" as const,
    function: {
      name: "get_time",
      description: "time",
      parameters: parameters("zone"),
      parse: (text: string) => zoneSchema.parse(JSON.parse(text)),
      function: tellTime,
    },
  },
];

const responseTools = [
  { type: "function" as const, name: "get_weather", parameters: parameters("city"), strict: false },
  { type: "function" as const, name: "get_time", parameters: parameters("zone"), strict: false },
];

function run({ name, arguments: text }: { readonly name: string; readonly arguments: string }): string {
  const input: unknown = JSON.parse(text);
  return name === "get_weather" ? tellWeather(citySchema.parse(input)) : tellTime(zoneSchema.parse(input));
}

describe.each(upstreamKinds)("openai over %s", (kind) => {
  let stage: ModelStage;
  beforeAll(async () => {
    stage = await startModelStage(kind);
  });
  beforeEach(() => stage.reset());
  afterAll(() => stage[Symbol.asyncDispose]());

  const client = () => new OpenAI({ baseURL: stage.baseUrl, apiKey: "none", maxRetries: 0 });

  describe("chat.completions", () => {
    test("create: an answer with usage, and its stream with usage as its last chunk", async () => {
      const whole = await client().chat.completions.create({ model: stage.model, messages: hello });
      const stream = await client().chat.completions.create({
        model: stage.model,
        messages: hello,
        stream: true,
        stream_options: { include_usage: true },
      });
      const chunks = await Array.fromAsync(stream);

      expect(whole.choices[0]).toMatchObject({ finish_reason: "stop", message: { content: "hello there" } });
      expect(chunks.map(({ choices }) => choices[0]?.delta.content ?? "").join("")).toBe("hello there");
      expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { total_tokens: expect.any(Number) } });
      expect(whole.usage?.total_tokens).toBeGreaterThan(0);
    });

    test("stream: the helper puts words and finish together", async () => {
      const runner = client().chat.completions.stream({ model: stage.model, messages: hello });
      let words = "";
      runner.on("content", (delta) => {
        words += delta;
      });
      const completion = await runner.finalChatCompletion();

      expect(words).toBe("hello there");
      expect(completion.choices[0]).toMatchObject({ finish_reason: "stop", message: { content: "hello there" } });
    });

    test.each([true, false])(
      "runTools: two calls at once and the answer from their results, stream: %p",
      async (on) => {
        const body = { model: stage.model, messages: [{ role: "user" as const, content: askBoth }], tools: chatTools };
        const { completions } = client().chat;
        const runner = on ? completions.runTools({ ...body, stream: true }) : completions.runTools(body);

        expect(await runner.finalContent()).toBe(saysBoth);
        expect(stage.asked()).toHaveLength(2);
        expect(stage.asked()[1]).toContain("rain in Paris");
      },
    );

    test("parse: what the schema says", async () => {
      const schema = z.object({ city: z.string(), degrees: z.number() });
      const completion = await client().chat.completions.parse({
        model: stage.model,
        messages: [{ role: "user", content: "As JSON: where?" }],
        response_format: zodResponseFormat(schema, "place"),
      });

      expect(Object.keys(completion.choices[0]?.message.parsed ?? {})).toEqual(["city", "degrees"]);
    });
  });

  describe("responses", () => {
    test("stream: the helper puts the items together, numbered without a gap", async () => {
      const runner = client().responses.stream({ model: stage.model, input: "Say hello there" });
      const numbers: number[] = [];
      let words = "";
      runner.on("event", (event) => numbers.push(event.sequence_number));
      runner.on("response.output_text.delta", ({ delta }) => {
        words += delta;
      });
      const response = await runner.finalResponse();

      expect([words, response.output_text, response.status]).toEqual(["hello there", "hello there", "completed"]);
      expect(numbers).toEqual(numbers.map((_, index) => index));
      expect(response.usage?.output_tokens).toBeGreaterThan(0);
    });

    test("tools by previous_response_id: only the results are sent", async () => {
      const { responses } = client();
      const first = await responses.create({ model: stage.model, input: askBoth, tools: responseTools });
      const calls = first.output.flatMap((item) => (item.type === "function_call" ? [item] : []));
      const input = calls.map((call) => ({
        type: "function_call_output" as const,
        call_id: call.call_id,
        output: run(call),
      }));
      const body = { model: stage.model, tools: responseTools, input, previous_response_id: first.id };
      const second = await responses.stream(body).finalResponse();

      expect(calls.map(({ name }) => name)).toEqual(["get_weather", "get_time"]);
      expect(second.output_text).toBe(saysBoth);
    });

    test("stream: shells and patches as the package's own types have them", async () => {
      const { responses } = client();
      const tools = [{ type: "shell" as const }, { type: "local_shell" as const }, { type: "apply_patch" as const }];
      const operation = { type: "create_file" as const, path: "a.txt", diff: "+a" };
      stage.script({
        calls: [
          { name: "shell", arguments: { commands: ["ls", "pwd"] } },
          { name: "local_shell", arguments: { command: ["ls"] } },
          { name: "apply_patch", arguments: operation },
        ],
      });
      stage.script({ text: "I see." });
      const first = await responses.stream({ model: stage.model, input: "Go", tools }).finalResponse();
      const input = first.output.flatMap((item): OpenAI.Responses.ResponseInputItem[] => {
        switch (item.type) {
          case "shell_call": {
            const output = item.action.commands.map((command) => ({
              stdout: `ran ${command}`,
              stderr: "",
              outcome: { type: "exit" as const, exit_code: 0 },
            }));
            return [{ type: "shell_call_output", call_id: item.call_id, output }];
          }
          case "local_shell_call":
            return [
              { type: "local_shell_call_output", id: item.call_id, output: `ran ${item.action.command[0]} alone` },
            ];
          case "apply_patch_call":
            return [{ type: "apply_patch_call_output", call_id: item.call_id, status: "failed", output: "no folder" }];
          default:
            return [];
        }
      });
      const body = { model: stage.model, tools, input, previous_response_id: first.id };
      const second = await responses.stream(body).finalResponse();

      expect(first.output).toMatchObject([
        { type: "shell_call", status: "completed", action: { commands: ["ls", "pwd"] } },
        { type: "local_shell_call", status: "completed", action: { type: "exec", command: ["ls"] } },
        { type: "apply_patch_call", status: "completed", operation },
      ]);
      expect(second.output_text).toBe("I see.");
      for (const words of ["ran ls", "ran pwd", "ran ls alone", "no folder"]) {
        expect(stage.asked()[1]).toContain(words);
      }
    });

    test("previous_response_id branches: two answers go on from the same one", async () => {
      const { responses } = client();
      const first = await responses.create({ model: stage.model, input: "My name is Mira." });
      const ask = (input: string) => responses.create({ model: stage.model, input, previous_response_id: first.id });
      const [one, two] = [await ask("What is my name?"), await ask("What was my first message?")];

      expect(one.output_text).toContain("Mira");
      expect(two.output_text).toContain("My name is Mira.");
      expect(one.previous_response_id).toBe(first.id);
    });

    test("background: polled until it is there, and cancelled", async () => {
      const { responses } = client();
      stage.script({ text: "word ", isEndless: true });
      const { id } = await responses.create({ model: stage.model, input: "Go on", background: true });
      // Cancelled before that, nothing would be asked, and nothing given up.
      await stage.begun();
      const cancelled = await responses.cancel(id);
      await stage.aborted();
      let response = await responses.create({ model: stage.model, input: "Say hello there", background: true });
      while (response.status === "in_progress" || response.status === "queued")
        response = await responses.retrieve(response.id);

      expect([response.status, response.output_text]).toEqual(["completed", "hello there"]);
      expect(cancelled.status).toBe("cancelled");
    });

    test("parse: what the schema says", async () => {
      const schema = z.object({ city: z.string(), degrees: z.number() });
      const response = await client().responses.parse({
        model: stage.model,
        input: "As JSON: where?",
        text: { format: zodTextFormat(schema, "place") },
      });

      expect(Object.keys(response.output_parsed ?? {})).toEqual(["city", "degrees"]);
    });
  });
});
