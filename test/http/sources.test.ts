// Pages that an upstream has searched, on each surface in its own form: as annotations, citations and source events.

import { describe, expect, test } from "bun:test";
import { serveCompatible } from "../support/fake-compatible-server.ts";
import { startHarness } from "../support/harness.ts";
import { bodyOf, readCompletion } from "./client.ts";
import { says, send } from "./message-client.ts";
import { respond } from "./responses-client.ts";

const sources = [
  { url: "https://a.example/1", title: "Page A", snippet: "About A" },
  { url: "https://b.example/2", title: "Page B", snippet: "About B" },
];
const text = "Riga has rain [[2]].";
const at = text.indexOf("[[");

const chatAnnotations = [
  { type: "url_citation", url_citation: { url: sources[1]?.url, title: "Page B", start_index: at, end_index: at + 5 } },
  { type: "url_citation", url_citation: { url: sources[0]?.url, title: "Page A", start_index: 0, end_index: 0 } },
];
const responseAnnotations = chatAnnotations.map(({ type, url_citation: page }) => ({ type, ...page }));
const citations = sources.map(({ url, title, snippet }) => ({
  type: "web_search_result_location",
  url,
  title,
  cited_text: snippet,
  encrypted_index: "",
}));

interface Chunk {
  readonly choices: readonly { readonly delta: { readonly annotations?: unknown }; readonly finish_reason: unknown }[];
}

function chunksIn(body: string): Chunk[] {
  return body
    .split("\n\n")
    .filter((frame) => frame.startsWith("data: {"))
    .map((frame) => JSON.parse(frame.slice(6)) as Chunk);
}

describe("over the Qwen web backend", () => {
  async function start() {
    const harness = await startHarness();
    harness.emulator.script({ reply: { text, sources } });
    return harness;
  }

  test("chat completions have annotations, in a stream before its finish", async () => {
    await using harness = await start();
    const body = { model: "qwen3-max-search", messages: [{ role: "user", content: "Weather?" }] };
    const chunks = chunksIn(await bodyOf(await harness.chat({ ...body, stream: true })));
    const told = chunks.filter(({ choices }) => choices[0]?.delta.annotations !== undefined);
    expect(told).toHaveLength(1);
    expect(told[0]?.choices[0]?.delta.annotations).toEqual(chatAnnotations);
    expect(chunks.indexOf(told[0]!)).toBe(chunks.findIndex(({ choices }) => choices[0]?.finish_reason === "stop") - 1);

    harness.emulator.script({ reply: { text, sources } });
    const whole = await readCompletion(await harness.chat(body));
    expect(whole.choices[0]?.message).toMatchObject({ content: text, annotations: chatAnnotations });
  });

  test.each([true, false])("responses have annotations and their events, streamed: %p", async (stream) => {
    await using harness = await start();
    const { items } = await respond(harness, { model: "qwen3-max-search", input: "Weather?", stream });
    expect(items).toMatchObject([{ content: [{ text, annotations: responseAnnotations }] }]);
  });

  test("each annotation is an event of the response", async () => {
    await using harness = await start();
    const body = { model: "qwen3-max", input: "Weather?", stream: true, tools: [{ type: "web_search" }] };
    const frames = (await bodyOf(await harness.post("/v1/responses", body))).split("\n\n");
    const added = frames.filter((frame) => frame.startsWith("event: response.output_text.annotation.added"));
    expect(added.map((frame) => JSON.parse(frame.split("data: ")[1] ?? ""))).toMatchObject(
      responseAnnotations.map((annotation, index) => ({ annotation, annotation_index: index, content_index: 0 })),
    );
  });

  test.each([true, false])("messages have citations of their text, and chain, streamed: %p", async (stream) => {
    await using harness = await start();
    const tools = [{ type: "web_search_20250305", name: "web_search" }];
    const message = await send(harness, [says("Weather?")], { stream, tools });
    expect(message.content).toEqual([{ type: "text", text, citations }]);

    await send(harness, [says("Weather?"), { role: "assistant", content: message.content }, says("And now?")], {
      tools,
    });
    const turns = harness.emulator.requests.filter(({ on }) => on === "completions");
    expect(turns.at(-1)?.body).toMatchObject({ parent_id: turns.at(-2)?.turn?.responseId });
  });

  test("pages that are found twice are told once", async () => {
    await using harness = await startHarness();
    harness.emulator.script({ reply: { text: "x", sources: [...sources, ...sources] } });
    const message = await send(harness, [says("Weather?")], {});
    expect(message.content).toEqual([{ type: "text", text: "x", citations }]);
  });
});

describe("over a server of OpenAI's protocol", () => {
  const frame = (delta: object, more: object = {}): string =>
    `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", created: 1, model: "qwen-plus", choices: [{ index: 0, delta, finish_reason: null }], ...more })}\n\n`;
  const end = `data: ${JSON.stringify({ id: "c", created: 1, model: "qwen-plus", choices: [{ index: 0, delta: {}, finish_reason: "stop" }] })}\n\ndata: [DONE]\n\n`;
  const searchInfo = {
    search_info: { search_results: sources.map(({ url, title }, index) => ({ index, url, title })) },
  };
  const told = [
    [
      "search_info of its first chunk",
      frame({ role: "assistant", content: "" }, searchInfo) + frame({ content: text }) + end,
    ],
    [
      "annotations behind the text",
      frame({ role: "assistant", content: text }) +
        frame({
          annotations: sources.map(({ url, title }) => ({ type: "url_citation", url_citation: { url, title } })),
        }) +
        end,
    ],
  ] as const;

  async function start(body: string) {
    const server = serveCompatible([{ body }]);
    const harness = await startHarness({
      environment: {
        QWEN_TOKEN: "",
        QWEN_BASE_URL: "https://chat.qwen.ai",
        UPSTREAM_BASE_URL: server.url,
        UPSTREAM_DIALECT: "generic",
        UPSTREAM_MODELS: "qwen-plus",
      },
    });
    return {
      harness,
      async [Symbol.asyncDispose]() {
        await harness[Symbol.asyncDispose]();
        await server[Symbol.asyncDispose]();
      },
    };
  }

  test.each(told)("%s become citations and annotations of other surfaces", async (_name, body) => {
    await using stage = await start(body);
    const flat = citations.map((citation) => ({ ...citation, cited_text: citation.title }));
    const message = await send(stage.harness, [says("Weather?")], { model: "qwen-plus" });
    expect(message.content).toEqual([{ type: "text", text, citations: flat }]);
    const { items } = await respond(stage.harness, { model: "qwen-plus", input: "Weather?" });
    expect(items).toMatchObject([{ content: [{ text, annotations: responseAnnotations }] }]);
  });

  test.each(told)("%s are passed on to a client of the same protocol as they stand", async (_name, body) => {
    await using stage = await start(body);
    const messages = [{ role: "user", content: "Weather?" }];
    const passed = await bodyOf(await stage.harness.chat({ model: "qwen-plus", messages, stream: true }));
    expect(chunksIn(passed)).toEqual(chunksIn(body));
  });
});
