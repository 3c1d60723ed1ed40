import { describe, expect, test } from "bun:test";
import type { ChatRequest } from "../../../src/contract/chat-request.ts";
import { type ErrorKind, GatewayError } from "../../../src/contract/gateway-error.ts";
import type { OpenContext, Upstream, UpstreamReply } from "../../../src/contract/upstream.ts";
import { watchUpstream } from "../../../src/telemetry/watch-upstream.ts";

const request: ChatRequest = {
  surface: "test",
  model: undefined,
  messages: [],
  tools: [],
  toolChoice: undefined,
  stream: true,
  includeUsage: false,
  maxTokens: undefined,
  reasoning: {},
  webSearch: undefined,
  session: {},
  body: {},
};

const reply: UpstreamReply = {
  account: "a1",
  model: "qwen3-max",
  body: { start() {}, pause() {}, resume() {}, cancel() {} },
  decoder: { feed() {}, end() {}, pendingBytes: 0 },
  onEnd: async () => 0,
};

function createWatched() {
  let nowMs = 1000;
  let refusal: ErrorKind | undefined;
  const upstream: Upstream = {
    name: "test",
    listModels: async () => [],
    async open() {
      if (refusal !== undefined) throw new GatewayError(refusal, "no");
      return reply;
    },
  };
  const watched = watchUpstream(upstream, () => nowMs);
  async function ask(kind?: ErrorKind, signal = new AbortController().signal): Promise<unknown> {
    refusal = kind;
    nowMs += 1000;
    const context: OpenContext = {
      signal,
      caller: "local",
      requestId: "r",
      deadlineMs: 0,
      resume: undefined,
      toldModel: "m",
      onWholeAnswer() {},
    };
    return watched.open(request, context).catch((error: unknown) => error);
  }
  return { watched, ask };
}

describe("watchUpstream", () => {
  test("watchUpstream knows nothing before the first request, and asks for none", () => {
    const { watched } = createWatched();

    expect(watched.reachability()).toEqual({ state: "unknown", lastAnswerAtMs: undefined, lastFailure: undefined });
  });

  test("watchUpstream passes replies and errors on as they are", async () => {
    const { ask } = createWatched();

    expect(await ask()).toBe(reply);
    expect(await ask("upstream-failed")).toMatchObject({ kind: "upstream-failed" });
  });

  test("watchUpstream takes a failure as silence and the next reply as its end", async () => {
    const { watched, ask } = createWatched();
    await ask("upstream-timeout");
    expect(watched.reachability()).toMatchObject({
      state: "failing",
      lastFailure: { atMs: 2000, kind: "upstream-timeout" },
    });
    await ask();

    expect(watched.reachability()).toMatchObject({ state: "answering", lastAnswerAtMs: 3000 });
  });

  test("watchUpstream takes a refusal as an answer", async () => {
    const { watched, ask } = createWatched();
    await ask("upstream-quota");

    expect(watched.reachability().state).toBe("answering");
  });

  test("watchUpstream learns nothing from a client that left, nor from a request that is wrong", async () => {
    const { watched, ask } = createWatched();
    await ask("upstream-failed", AbortSignal.abort());
    await ask("invalid-request");

    expect(watched.reachability().state).toBe("unknown");
  });
});
