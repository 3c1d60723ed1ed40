// A reply of the gateway as frames of the typed chat, and what of it is noted.

import { describe, expect, test } from "bun:test";
import type { ChatSource } from "../../../src/contract/chat-stream.ts";
import type { ChatEvent, Source } from "../../../src/contract/events.ts";
import { GatewayError } from "../../../src/contract/gateway-error.ts";
import { jsonText } from "../../../src/contract/json.ts";
import { FrameWriter } from "../../../src/pipeline/frame-writer.ts";
import { emptyState } from "../../../src/pipeline/run-pipeline.ts";
import { askingSurface, Generation, tokenSurface } from "../../../src/pipeline/token-surface.ts";

function start() {
  const frames = new FrameWriter();
  const state = emptyState("q");
  const generation = new Generation(frames, state);
  const encoder = tokenSurface(generation, frames).createEncoder({} as never, {} as never);
  return { frames, state, generation, encoder };
}

function text(value: string): ChatEvent {
  return { type: "text-delta", index: 0, text: jsonText(value) };
}

const usage = { inputTokens: 3, outputTokens: 4, totalTokens: 7 };
const end: ChatEvent = { type: "reply-end", finishReason: "length", usage };

describe("tokenSurface", () => {
  test("each delta is a frame as it comes, and its text is noted [R3-018]", () => {
    const { encoder, generation, state } = start();

    encoder.write({ type: "reasoning-delta", text: jsonText("hm") } as ChatEvent);
    encoder.write(text("两 "));
    encoder.write(text('"months"\n🗓'));

    expect(encoder.pendingBytes).toBeGreaterThan(0);
    expect(new TextDecoder().decode(encoder.take())).toBe(
      'id: 1\ndata: {"reasoning":"hm"}\n\nid: 2\ndata: {"token":"两 "}\n\nid: 3\ndata: {"token":"\\"months\\"\\n🗓"}\n\n',
    );
    expect([generation.text, generation.reasoning, generation.isComplete]).toEqual(['两 "months"\n🗓', "hm", false]);
    expect(state.answer).toBe("");
  });

  test("its end is noted and writes nothing: the pipeline goes on", () => {
    const { encoder, generation, state } = start();

    encoder.write(end);

    expect(encoder.take()).toHaveLength(0);
    expect(generation.isComplete).toBe(true);
    expect(state).toMatchObject({ finishReason: "length", usage });
  });

  test("an error is noted and writes nothing: the pipeline tells it", () => {
    const { encoder, generation } = start();
    const error = new GatewayError("upstream-failed", "It broke");

    encoder.write(text("a"));
    encoder.write({ type: "reply-error", error } as ChatEvent);

    expect(new TextDecoder().decode(encoder.take())).toBe('id: 1\ndata: {"token":"a"}\n\n');
    expect([generation.error, generation.isComplete]).toEqual([error, false]);
  });

  test("what is no text is no frame, and a heartbeat neither", () => {
    const { encoder } = start();

    encoder.write({ type: "block-start" } as ChatEvent);
    encoder.write({ type: "block-end" } as ChatEvent);
    encoder.write({ type: "tool-call-delta" } as ChatEvent);
    encoder.writeHeartbeat();

    expect(encoder.take()).toHaveLength(0);
  });

  test("goes on counting behind the frames of the steps", () => {
    const { encoder, frames } = start();
    frames.event({ stage: "generation" });
    frames.take();

    encoder.write(text("a"));

    expect(new TextDecoder().decode(encoder.take())).toStartWith("id: 2\n");
    expect(frames.lastId).toBe(2);
  });
});

function page(url: string, change: Partial<Source> = {}): ChatEvent {
  return { type: "source", source: { url, title: "A page", snippet: "What it says", ...change } };
}

describe("pages that the upstream has searched", () => {
  const found = { chunk_id: "d1:0", document_name: "contract.txt", text: "Two months.", score: 0.9 };
  const sourcesIn = (bytes: Uint8Array): readonly ChatSource[] =>
    JSON.parse(/data: (\{"sources":.*)/.exec(new TextDecoder().decode(bytes))?.[1] ?? '{"sources":[]}').sources;

  test("are told behind those that were found before, in one event before the first token [R3-025]", () => {
    const { encoder, state } = start();
    state.sources = [found];

    encoder.write(page("https://a.example/1"));
    encoder.write({ type: "reasoning-delta", text: jsonText("hm") } as ChatEvent);
    encoder.write(page("https://a.example/2", { title: "Another", snippet: undefined }));
    encoder.write(text("Two"));
    encoder.write(text(" months"));

    const sources = [
      found,
      {
        chunk_id: "web-1",
        document_name: "A page",
        text: "What it says",
        score: 1,
        url: "https://a.example/1",
      },
      { chunk_id: "web-2", document_name: "Another", text: "Another", score: 1, url: "https://a.example/2" },
    ];
    expect(new TextDecoder().decode(encoder.take())).toBe(
      `id: 1\ndata: {"reasoning":"hm"}\n\nid: 2\ndata: ${JSON.stringify({ sources })}\n\nid: 3\ndata: {"token":"Two"}\n\nid: 4\ndata: {"token":" months"}\n\n`,
    );
    expect(state.sources).toEqual(sources);
  });

  test("are left out behind the first token, also behind that of an earlier reply", () => {
    const late = start();
    late.encoder.write(text("Two"));
    late.encoder.write(page("https://a.example/1"));
    late.encoder.write(text(" months"));
    const second = start();
    second.state.answer = "Two months";
    second.encoder.write(page("https://a.example/1"));
    second.encoder.write(text("Or three"));

    expect([sourcesIn(late.encoder.take()), sourcesIn(second.encoder.take())]).toEqual([[], []]);
    expect([late.state.sources, second.state.sources]).toEqual([[], []]);
  });

  test("are twenty at most, each once, and no longer than a reader wants", () => {
    const { encoder } = start();

    for (let index = 0; index < 30; index++) {
      encoder.write(page(`https://a.example/${index}`, { title: "t".repeat(900), snippet: "s".repeat(5000) }));
      encoder.write(page(`https://a.example/${index}`, { title: "once more" }));
    }
    encoder.write(text("Two"));

    const sources = sourcesIn(encoder.take());
    expect(sources.map(({ url }) => url)).toEqual(
      Array.from({ length: 20 }, (_, index) => `https://a.example/${index}`),
    );
    expect(sources.map(({ document_name, text }) => [document_name.length, text.length])[0]).toEqual([300, 1000]);
  });

  test.each(["javascript:alert(1)", "data:text/html,x", "/v1/models", "file:///etc/passwd", ""])(
    "with the address %j are told without it",
    (url) => {
      const { encoder } = start();

      encoder.write(page(url));
      encoder.write(text("Two"));

      expect(sourcesIn(encoder.take())).toEqual([
        { chunk_id: "web-1", document_name: "A page", text: "What it says", score: 1 },
      ]);
    },
  );
});

describe("askingSurface", () => {
  test("its answer is the text, and requests do not come in by it", () => {
    expect(askingSurface.encodeReply({} as never, { text: "a" } as never)).toEqual({ text: "a" });
    expect(() => askingSurface.parseRequest({})).toThrow(GatewayError);
  });
});
