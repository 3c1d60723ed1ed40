// OpenAI's agents package, by chat and by responses, over either kind of upstream.

import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import {
  Agent,
  applyDiff,
  applyPatchTool,
  OpenAIChatCompletionsModel,
  OpenAIResponsesCompactionSession,
  OpenAIResponsesModel,
  Runner,
  shellTool,
  tool,
} from "@openai/agents";
import OpenAI from "openai";
import { type ModelStage, startModelStage, upstreamKinds } from "../support/model-stage.ts";
import {
  askBoth,
  callsInTurn,
  citySchema,
  saysBoth,
  saysLast,
  tellTime,
  tellWeather,
  zoneSchema,
} from "./city-tools.ts";

setDefaultTimeout(20_000);

const tools = [
  tool({
    name: "get_weather",
    description: "weather",
    parameters: citySchema,
    execute: async (input) => tellWeather(input),
  }),
  tool({ name: "get_time", description: "time", parameters: zoneSchema, execute: async (input) => tellTime(input) }),
];

const models = { chat: OpenAIChatCompletionsModel, responses: OpenAIResponsesModel } as const;

describe.each(upstreamKinds)("@openai/agents over %s", (kind) => {
  let stage: ModelStage;
  beforeAll(async () => {
    stage = await startModelStage(kind);
  });
  beforeEach(() => stage.reset());
  afterAll(() => stage[Symbol.asyncDispose]());

  // Traces would go to OpenAI.
  const runner = new Runner({ tracingDisabled: true });

  describe.each(["chat", "responses"] as const)("%s", (protocol) => {
    const agent = () => {
      const client = new OpenAI({ baseURL: stage.baseUrl, apiKey: "none", maxRetries: 0 });
      return new Agent({
        name: "Guide",
        instructions: "Be brief.",
        tools,
        model: new models[protocol](client, stage.model),
      });
    };

    test("run: two calls at once, and the answer from their results", async () => {
      const result = await runner.run(agent(), askBoth);

      expect(result.finalOutput).toBe(saysBoth);
      expect(stage.asked()).toHaveLength(2);
      expect(stage.asked()[0]).toContain("Be brief.");
    });

    test("run with a stream: one call in each of two turns", async () => {
      for (const call of callsInTurn) stage.script({ calls: [call] });
      const result = await runner.run(agent(), "What is it like in Paris, and how late?", { stream: true });
      let words = "";
      for await (const piece of result.toTextStream()) words += piece;
      await result.completed;

      expect(result.finalOutput).toContain(saysLast);
      expect(words).toContain(saysLast);
      expect(stage.asked()).toHaveLength(3);
    });

    test("a second turn knows the first", async () => {
      const first = await runner.run(agent(), "My name is Mira.");
      const second = await runner.run(agent(), [...first.history, { role: "user", content: "What is my name?" }]);

      expect(second.finalOutput).toContain("Mira");
    });
  });

  test.each([true, false])("OpenAI's shell and patches are run by the client, streamed: %p", async (stream) => {
    const files = new Map([["a.txt", "one\ntwo\n"]]);
    const written = (path: string, diff: string, mode?: "create") => {
      files.set(path, applyDiff(files.get(path) ?? "", diff, mode));
      return Promise.resolve({ status: "completed" as const, output: `wrote ${path}` });
    };
    const editor = {
      createFile: ({ path, diff }: { path: string; diff: string }) => written(path, diff, "create"),
      updateFile: ({ path, diff }: { path: string; diff: string }) => written(path, diff),
      deleteFile: async ({ path }: { path: string }) => void files.delete(path),
    };
    const shell = {
      run: async ({ commands }: { commands: string[] }) => ({
        output: commands.map((command) => ({
          stdout: `ran ${command}`,
          stderr: "",
          outcome: { type: "exit" as const, exitCode: 0 },
        })),
      }),
    };
    const client = new OpenAI({ baseURL: stage.baseUrl, apiKey: "none", maxRetries: 0 });
    const agent = new Agent({
      name: "Guide",
      tools: [shellTool({ shell }), applyPatchTool({ editor })],
      model: new OpenAIResponsesModel(client, stage.model),
    });
    const patches = [
      { type: "update_file", path: "a.txt", diff: "@@\n one\n-two\n+three\n" },
      { type: "create_file", path: "b.txt", diff: "+new" },
      { type: "delete_file", path: "b.txt" },
    ];
    stage.script({ calls: [{ name: "shell", arguments: { commands: ["ls", "pwd"] } }] });
    for (const patch of patches) stage.script({ calls: [{ name: "apply_patch", arguments: patch }] });
    stage.script({ text: "All done." });

    const result = stream ? await runner.run(agent, "Go", { stream }) : await runner.run(agent, "Go");
    if ("completed" in result) await result.completed;

    expect(result.finalOutput).toBe("All done.");
    expect(Object.fromEntries(files)).toEqual({ "a.txt": "one\nthree\n" });
    const asked = stage.asked();
    expect(asked).toHaveLength(5);
    for (const words of ["ran ls", "ran pwd"]) expect(asked[1]).toContain(words);
    expect(asked[2]).toContain("wrote a.txt");
    // The web backend knows what it was told before.
    if (kind === "web") expect(asked[2]).not.toContain("ran ls");
  });

  test("a session that compacts itself goes on from the summary", async () => {
    stage.script({ text: "Hello, Mira." });
    stage.script({ text: "The user is Mira." }, "Summarize this conversation");
    const client = new OpenAI({ baseURL: stage.baseUrl, apiKey: "none", maxRetries: 0 });
    // By a name of OpenAI's: the package takes no other.
    const session = new OpenAIResponsesCompactionSession({
      client,
      model: "gpt-5.4",
      shouldTriggerCompaction: () => true,
    });
    const agent = new Agent({ name: "Guide", model: new OpenAIResponsesModel(client, stage.model) });
    await runner.run(agent, "I am Mira", { session });
    const items = await session.getItems();
    await runner.run(agent, "Who am I?", { session });

    expect(items.map(({ type }) => type)).toEqual(["message", "compaction"]);
    expect(stage.asked().at(-1)).toContain("The user is Mira.");
    expect(stage.asked().at(-1)).not.toContain("Hello, Mira.");
  });
});
