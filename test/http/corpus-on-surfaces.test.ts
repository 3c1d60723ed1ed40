// The corpus of tool markup on every surface that has tools, streamed and whole: a client reads the words and the calls that
// the corpus expects, and the checkers find nothing.

import { expect, test } from "bun:test";
import { isJsonObject } from "../../src/contract/json.ts";
import { chatSamples, messagesSamples, responsesSamples } from "../support/surface/surface-samples.ts";
import { playBytes, startSurfaceStage } from "../support/surface/surface-stage.ts";
import { writeWebPieces } from "../support/surface/wire-replies.ts";
import { piecesOf, readCorpus, toolsNamed } from "../unit/tools/corpus.ts";

/** The web backend knows no other end than a stop. What models write that nothing can read is a case of its own. */
const cases = readCorpus().filter(
  ({ finish = "stop", expect: { calls = [] } }) =>
    finish === "stop" && calls.every((call) => isJsonObject(call.arguments)),
);

const surfaces = [
  {
    path: "/v1/chat/completions",
    samples: chatSamples,
    tools: (names: readonly string[]) => toolsNamed(names).map((tool) => ({ type: "function", function: tool })),
  },
  {
    path: "/v1/messages",
    samples: messagesSamples,
    tools: (names: readonly string[]) =>
      toolsNamed(names).map(({ name, description, parameters }) => ({ name, description, input_schema: parameters })),
  },
  {
    path: "/v1/responses",
    samples: responsesSamples,
    tools: (names: readonly string[]) => toolsNamed(names).map((tool) => ({ type: "function", ...tool })),
  },
];

test.each(surfaces)(
  "$path: every case is read as the corpus expects it",
  async ({ path, samples, tools }) => {
    await using stage = await startSurfaceStage({ lane: "web" });
    expect(cases.length).toBeGreaterThan(250);
    for (const { file, name, input, expect: expected, tools: names } of cases) {
      stage.play(playBytes(writeWebPieces(piecesOf(input))));
      for (const stream of [true, false]) {
        const body = samples.body({ text: "Go on", stream, model: "qwen3-max" });
        const response = await stage.post(path, { ...body, tools: tools(names) });
        const text = await response.text();
        const problems = stream ? samples.checkStream(text) : samples.checkAnswer(JSON.parse(text));
        const { status, headers } = response;
        const answer = await samples.read(new Response(text, { status, headers }), stream);

        const { text: said = "", calls = [] } = expected;
        // A mark that ends thoughts which nobody began is taken out before tools are looked for.
        const words = said.replace(/^<\/think>/, "");
        expect({ file, name, stream, problems, words: answer.text, calls: answer.calls }).toEqual({
          file,
          name,
          stream,
          problems: [],
          words,
          calls: calls.map((call) => ({ name: call.name, input: call.arguments })),
        });
      }
    }
  },
  60_000,
);

test("what nothing can read is no input on messages, and the model's own words elsewhere", async () => {
  await using stage = await startSurfaceStage({ lane: "web" });
  const input = '<tool_call>\n{"name": "run", "arguments": {"command": @@, "x": }}\n</tool_call>';
  stage.play(playBytes(writeWebPieces([{ channel: "text", text: input }])));
  for (const { path, samples, tools } of surfaces) {
    for (const stream of [true, false]) {
      const body = samples.body({ text: "Go on", stream, model: "qwen3-max" });
      const text = await (await stage.post(path, { ...body, tools: tools(["run"]) })).text();
      const problems = stream ? samples.checkStream(text) : samples.checkAnswer(JSON.parse(text));

      const isMessage = path === "/v1/messages";
      expect(problems).toEqual(isMessage ? [] : ["the arguments of a call are no JSON"]);
      expect(text.includes("@@")).toBe(!isMessage);
    }
  }
});
