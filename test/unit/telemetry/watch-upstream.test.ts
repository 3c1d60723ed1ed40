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
  onEnd: async () => 7,
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
  function open(kind?: ErrorKind, signal = new AbortController().signal): Promise<UpstreamReply> {
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
    return watched.open(request, context);
  }
  const ask = (...what: Parameters<typeof open>): Promise<unknown> => open(...what).catch((error: unknown) => error);
  return { watched, open, ask };
}

describe("watchUpstream", () => {
  test("watchUpstream knows nothing before the first request, and asks for none", () => {
    const { watched } = createWatched();

    expect(watched.reachability()).toEqual({ state: "unknown", lastAnswerAtMs: undefined, lastFailure: undefined });
  });

  test("watchUpstream passes replies and errors on as they are", async () => {
    const { ask } = createWatched();

    const { onEnd: _, ...passed } = reply;
    expect(await ask()).toMatchObject(passed);
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

  test("watchUpstream takes the gateway's own clock, by which it gives up, for silence of the upstream", async () => {
    const { watched, ask } = createWatched();
    await ask("upstream-failed", AbortSignal.abort(new GatewayError("upstream-timeout", "nothing for 90 s")));

    expect(watched.reachability()).toMatchObject({ state: "failing", lastFailure: { kind: "upstream-timeout" } });
  });

  test.each<[ErrorKind | undefined, "answering" | "failing"]>([
    ["upstream-timeout", "failing"],
    ["upstream-failed", "failing"],
    ["upstream-quota", "answering"],
    ["internal", "answering"],
    [undefined, "answering"],
  ])("watchUpstream hears how a reply ended that had begun: %p", async (kind, state) => {
    const { watched, open } = createWatched();
    const begun = await open();

    const settleMs = await begun.onEnd("failed", kind && new GatewayError(kind, "no"));

    expect(settleMs).toBe(7);
    expect(watched.reachability().state).toBe(state);
  });

  test("watchUpstream believes checks that see an upstream go and come back", async () => {
    const { watched, ask } = createWatched();
    watched.noteCheck(undefined);
    expect(watched.reachability().state).toBe("answering");
    watched.noteCheck("overloaded");
    expect(watched.reachability()).toMatchObject({ state: "failing", lastFailure: { kind: "overloaded" } });
    await ask("upstream-failed");
    watched.noteCheck(undefined);

    expect(watched.reachability().state).toBe("answering");
  });

  test("watchUpstream takes no good check for the end of a failure that requests alone have seen", async () => {
    const { watched, ask } = createWatched();
    await ask("upstream-timeout");
    watched.noteCheck(undefined);
    expect(watched.reachability().state).toBe("failing");
    await ask();
    watched.noteCheck(undefined);

    expect(watched.reachability().state).toBe("answering");
  });

  test("watchUpstream learns nothing from a client that left, nor from a request that is wrong", async () => {
    const { watched, ask } = createWatched();
    await ask("upstream-failed", AbortSignal.abort());
    await ask("upstream-failed", AbortSignal.abort(new GatewayError("internal", "The client left")));
    await ask("invalid-request");

    expect(watched.reachability().state).toBe("unknown");
  });
});
