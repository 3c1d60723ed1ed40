// A reply of the gateway as frames of the typed chat, and what of it is noted.

import { describe, expect, test } from "bun:test";
import type { ChatEvent } from "../../../src/contract/events.ts";
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

describe("askingSurface", () => {
  test("its answer is the text, and requests do not come in by it", () => {
    expect(askingSurface.encodeReply({} as never, { text: "a" } as never)).toEqual({ text: "a" });
    expect(() => askingSurface.parseRequest({})).toThrow(GatewayError);
  });
});
