// docs/troubleshooting.md quotes the product: each sentence is one that it says, and each symptom has a reason and a remedy.

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import type { ScriptEntry } from "../../../src/emulator/qwen-web-emulator.ts";
import { startDialectStage } from "../../support/dialect-stage.ts";
import { startHarness } from "../../support/harness.ts";
import { listSources, readProjectFile } from "./source-files.ts";

// Far beyond what they need, for machines that are busy with something else.
setDefaultTimeout(60_000);

const page = readProjectFile("docs/troubleshooting.md");
const symptoms = page
  .split(/^### /m)
  .slice(1)
  .map((text) => ({
    title: text.slice(0, text.indexOf("\n")),
    text,
    sentences: [...text.matchAll(/^> `(.+)`$/gm)].map(([, sentence = ""]) => sentence),
  }));

const flattened = (folder: string): string[] =>
  listSources(folder).map((path) => flatten(readProjectFile(`${folder}/${path}`)));
const sources = flattened("src");

describe("docs/troubleshooting.md", () => {
  test("has thirty symptoms and more, the commonest first", () => {
    const titles = symptoms.map(({ title }) => title);

    expect(titles.slice(0, 3)).toEqual(["Events do not arrive", "Events arrive twice", "The stream drops"]);
    expect(new Set(titles).size).toBe(titles.length);
    expect(titles.length).toBeGreaterThanOrEqual(30);
  });

  test.each(symptoms)("$title: has a sentence, a reason and a remedy", ({ text, sentences }) => {
    expect(sentences.length).toBeGreaterThan(0);
    expect(text).toMatch(/^\*\*Why\.\*\* \S.{30,}/m);
    expect(text).toMatch(/^\*\*Do\.\*\*/m);
  });

  test("quotes sentences of the source, or of an answer", async () => {
    const quoted = symptoms.flatMap(({ sentences }) => sentences);
    const notInSource = quoted.filter((sentence) => !sources.some((source) => holds(source, sentence)));
    // Those that are put together of several pieces: a test of the product has read them whole in an answer.
    const read = [...flattened("test/http"), ...flattened("test/e2e"), ...flattened("test/unit"), await someAnswers()];

    expect(quoted.length).toBeGreaterThanOrEqual(30);
    expect(notInSource.filter((sentence) => !read.some((text) => holds(text, sentence)))).toEqual([]);
  });

  test("would notice a sentence that nobody says", () => {
    expect(sources.some((source) => holds(source, "Qwen said nothing for … s: send the message again"))).toBe(false);
  });
});

/** Pieces of a sentence stand in one text in their order; `…` is whatever is put in at run time. */
function holds(text: string, sentence: string): boolean {
  let from = 0;
  for (const piece of sentence.split("…")) {
    const at = piece.trim().length < 3 ? from : text.indexOf(piece.trim(), from);
    if (at < 0) return false;
    from = at + piece.trim().length;
  }
  return sentence.split("…").some((piece) => piece.trim().length >= 10);
}

/** Texts in one piece: what is joined by `+` is joined, and what stands in a constant is put in where it is used. */
function flatten(source: string): string {
  const constants = new Map(
    [...source.matchAll(/const (\w+) =\s*["`]([^"`\n]+)["`]/g)].map(([, name = "", text = ""]) => [name, text]),
  );
  const joined = source.replaceAll(/["`'] \+\s*["`']/g, "");
  const filled = joined.replaceAll(/\$\{(\w+)\}/g, (whole, name: string) => constants.get(name) ?? whole);
  return filled.replaceAll('\\"', '"');
}

/** What no single text holds: an error that is put together, a session of one message, a reply that was cut. */
async function someAnswers(): Promise<string> {
  const turn = { stream: true, messages: [{ role: "user", content: "Hello" }] };
  const answers: string[] = [];
  await using web = await startHarness();
  await (await web.chat(turn)).text();
  answers.push(await (await web.get("/v1/sessions")).text());
  await web.restart({ API_KEY: "secret" });
  answers.push(await (await web.get("/v1/sessions")).text());

  const once = { RETRY_MAX_ATTEMPTS: "1", QWEN_RECOVER: "false" };
  const stalls: ScriptEntry = { reply: { text: "one two three", faults: [{ kind: "stall", after: 2 }] } };
  const clocks: readonly (readonly [Record<string, string>, ScriptEntry])[] = [
    [{ FIRST_BYTE_TIMEOUT_MS: "50" }, { refuse: "silence" }],
    [{ STALL_TIMEOUT_MS: "50" }, stalls],
    [{ REPLY_TIMEOUT_MS: "50" }, stalls],
  ];
  for (const [environment, order] of clocks) {
    await using late = await startHarness({ environment: { ...once, ...environment } });
    late.emulator.script({ times: "always", ...order });
    answers.push(await (await late.chat(turn)).text());
  }

  await using vllm = await startDialectStage({ dialect: "vllm" });
  vllm.emulator.script({ reply: { text: "One two", finishReason: "length" } });
  answers.push(await (await vllm.chat({ ...turn, model: "Qwen/Qwen3.6-27B" })).text());
  return answers.join("\n").replaceAll('\\"', '"');
}
