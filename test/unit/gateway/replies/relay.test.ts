// What a client sees of a relay whose source is faster or slower than it.

import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../../src/contract/gateway-error.ts";
import { jsonText } from "../../../../src/contract/json.ts";
import { fingerprintHistory } from "../../../../src/conversation/fingerprints.ts";
import { createReplyDigest } from "../../../../src/conversation/reply-digest.ts";
import { Relay } from "../../../../src/gateway/replies/relay.ts";
import { SentReply } from "../../../../src/gateway/turns/sent-reply.ts";
import { createEventEncoder } from "../../../../src/surfaces/openai-chat/event-encoder.ts";
import { parseRequest } from "../../../../src/surfaces/openai-chat/parse-request.ts";
import { parseChatStream } from "../../../support/sse-frames.ts";

const request = parseRequest({ messages: [{ role: "user", content: "x" }], stream: true });
const identity = { replyId: "r", model: "m", createdAtMs: 0 };
const history = fingerprintHistory("local", [], []);
const usage = { inputTokens: 1, outputTokens: 1, totalTokens: 2 };
const long = "x".repeat(20_000);

/** A source of so many long texts that says the next one within the very call that asks it to go on. */
function startSource(texts: number) {
  let left = texts;
  let isSaying = false;
  const relay: Relay = new Relay({
    createEncoder: () => createEventEncoder(request, identity),
    isPassThrough: false,
    createSent: () => new SentReply(() => createReplyDigest(history)),
    clientReads: () => say(),
    clientLeft() {},
  });
  function say(): void {
    if (isSaying) return;
    isSaying = true;
    while (left > 0 && relay.wantsMore) {
      left--;
      relay.event({ type: "text-delta", text: jsonText(long) });
      relay.flush();
    }
    isSaying = false;
    if (left === 0) relay.complete("stop", usage);
  }
  return { relay, left: () => left };
}

describe("Relay", () => {
  test("goes on with a source that answers within the call that resumes it", async () => {
    const { relay } = startSource(20);

    const told = parseChatStream(await new Response(relay.open()).text());

    expect(told.text).toBe(long.repeat(20));
    expect(told.doneCount).toBe(1);
  });

  test("asks for no more than its bound while nobody reads", async () => {
    const { relay, left } = startSource(20);
    const reader = relay.open().getReader();

    const first = await reader.read();

    expect(first.done).toBe(false);
    expect(left()).toBeGreaterThanOrEqual(17);
  });
});

describe("Relay with frames that are passed on", () => {
  const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
  const passThrough = { estimatedTokens: 1, closingFrames: () => "data: [DONE]\n\n" };
  const frames = (text: string, isSemantic = true, start = 0, end = text.length) =>
    ({ type: "frames", bytes: encode(text), start, end, isSemantic }) as const;

  function start(): Relay {
    return new Relay({
      createEncoder: () => createEventEncoder(request, identity),
      createSent: () => new SentReply(() => createReplyDigest(history)),
      isPassThrough: true,
      clientReads() {},
      clientLeft() {},
    });
  }

  test("sends runs in their order, as they are, and closes them", async () => {
    const relay = start();
    relay.event(frames("role", false));
    const body = new Response(relay.open()).text();
    relay.event(frames("-one-two", true, 1, 4));
    relay.event(frames("three"));
    relay.flush();
    relay.event(frames("four", false));
    relay.complete("stop", usage, passThrough);

    expect(await body).toBe(": keepalive\n\nroleonethreefourdata: [DONE]\n\n");
  });

  test("forgets what an attempt said that never began, and says how the last one failed", async () => {
    const relay = start();
    const body = new Response(relay.open()).text();
    relay.event(frames("role", false));
    expect(relay.heartbeat()).toBe(true);
    relay.restart();
    relay.event(frames("role", false));
    relay.fail(new GatewayError("upstream-failed", "Broken"));

    expect(await body).toBe(
      `${": keepalive\n\n".repeat(2)}event: error\ndata: {"error":"Broken","type":"streaming_error","code":"upstream-failed"}\n\n`,
    );
  });

  test("ends words that break off in the surface's own way, behind them", async () => {
    const relay = start();
    relay.event(frames("word\n\n"));
    relay.fail(new GatewayError("upstream-failed", "Broken"));

    expect(await new Response(relay.open()).text()).toBe(
      `word\n\ndata: {"error":{"message":"Broken","type":"upstream_error","param":null,"code":"upstream_failed"}}\n\ndata: [DONE]\n\n`,
    );
  });
});
