// Whatever goes wrong or is odd at an upstream, each surface tells it in a way that no client breaks by: all faults and
// quirks that the emulators know, on every surface, streamed and whole, by the checkers and the official packages.

import { describe, expect, test } from "bun:test";
import type { Quirk } from "../../src/emulator/openai-compatible-emulator.ts";
import { type DialectStage, startDialectStage } from "../support/dialect-stage.ts";
import { chunks, endings, oddities } from "../support/fault-tables.ts";
import { type Harness, startHarness } from "../support/harness.ts";
import { callQuirks, textQuirks } from "../support/played-quirks.ts";
import { samplesByPath, type SurfaceSamples } from "../support/surface/surface-samples.ts";

const surfaces = Object.entries(samplesByPath());

/** Asks, checks the answer, and has the official package read it. */
async function ask(
  { post }: Pick<Harness, "post">,
  [path, samples]: readonly [string, SurfaceSamples],
  model: string,
  stream: boolean,
  tools: readonly string[] = [],
) {
  const declared = samples.lacks.includes("tools") ? [] : tools;
  const response = await post(path, samples.body({ text: "Go on", stream, model, tools: declared }));
  const { status, headers } = response;
  const body = await response.text();
  const isStream = headers.get("content-type")?.startsWith("text/event-stream") === true;
  expect(isStream).toBe(stream && status === 200);
  const problems = isStream
    ? samples.checkStream(body)
    : status === 200
      ? samples.checkAnswer(JSON.parse(body))
      : samples.checkError(JSON.parse(body), status);
  expect({ path, body, problems }).toEqual({ path, body, problems: [] });
  return samples.read(new Response(body, { status, headers }), stream);
}

describe.each([...endings])("$name in the middle of an answer", ({ fault, environment }) => {
  test.each(surfaces)("is an error on %s, streamed and whole", async (path, samples) => {
    for (const stream of [true, false]) {
      await using harness = await startHarness({ environment: { RETRY_MAX_ATTEMPTS: "1", ...environment } });
      harness.emulator.script({ reply: { chunks, faults: [fault] } });
      const answer = await ask(harness, [path, samples], "qwen3-max", stream);

      expect(answer.error?.message).toMatch(/./);
      expect(answer.finish).toBeUndefined();
      expect(answer.text).toBe(stream ? "one two " : "");
    }
  });
});

describe.each([...oddities])("$name", ({ reply }) => {
  test.each(surfaces)("changes nothing on %s, streamed or whole", async (path, samples) => {
    await using harness = await startHarness();
    for (const stream of [true, false]) {
      harness.emulator.script({ reply });

      expect(await ask(harness, [path, samples], "qwen3-max", stream)).toMatchObject({
        text: "one two three four",
        finish: "stop",
        error: undefined,
      });
    }
  });
});

/** Only servers of one's own are known to leave calls in the text. */
const textCallQuirks: readonly (readonly Quirk[])[] = [["calls-as-json-text"], ["calls-as-xml-text"]];
const calls = [
  { name: "read", arguments: { path: "a" } },
  { name: "list", arguments: { path: "b" } },
];
const models = { vllm: "Qwen/Qwen3.6-27B", dashscope: "qwen3.8-max" } as const;

describe.each(["vllm", "dashscope"] as const)("%s", (dialect) => {
  const askStage = (
    stage: DialectStage,
    surface: readonly [string, SurfaceSamples],
    stream: boolean,
    tools?: string[],
  ) => ask(stage.harness, surface, models[dialect], stream, tools);

  test.each(surfaces.filter(([, { lacks }]) => !lacks.includes("tools")))(
    "%s: calls are the same, however they are written",
    async (path, samples) => {
      await using stage = await startDialectStage({ dialect });
      for (const quirks of [[], ...callQuirks, ...(dialect === "vllm" ? textCallQuirks : [])]) {
        for (const stream of [true, false]) {
          stage.emulator.script({ reply: { reasoning: "Hm.", text: "Look.", calls, quirks: [...quirks] } });
          const answer = await askStage(stage, [path, samples], stream, ["read", "list"]);

          expect({ quirks, ...answer }).toMatchObject({
            quirks: [...quirks],
            calls: calls.map(({ name, arguments: input }) => ({ name, input })),
            finish: "tool_calls",
            error: undefined,
          });
        }
      }
    },
  );

  test.each(surfaces)("%s: words are the same, however they are written", async (path, samples) => {
    await using stage = await startDialectStage({ dialect });
    for (const quirks of [[], ...textQuirks]) {
      for (const stream of [true, false]) {
        stage.emulator.script({ reply: { reasoning: ["I think", " so."], chunks: ["A ", "b."], quirks: [...quirks] } });
        const answer = await askStage(stage, [path, samples], stream);

        // What stands around thoughts in tags is the template's.
        expect({ quirks, ...answer, reasoning: answer.reasoning.trim() }).toMatchObject({
          quirks: [...quirks],
          text: "A b.",
          reasoning: samples.lacks.includes("reasoning") ? "" : "I think so.",
          finish: "stop",
          error: undefined,
        });
        expect(answer.usage?.output).toBeGreaterThan(0);
      }
    }
  });
});
