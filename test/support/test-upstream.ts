// What every upstream must do, whatever it speaks. A wing's own test calls testUpstream and adds only its oddities.

import { describe, expect, test } from "bun:test";
import type { ChatRequest } from "../../src/contract/chat-request.ts";
import type { UpstreamEvent } from "../../src/contract/events.ts";
import { type ErrorKind, GatewayError } from "../../src/contract/gateway-error.ts";
import type { OpenContext, Upstream, UpstreamReply } from "../../src/contract/upstream.ts";

/** What the server behind an upstream does with the next request. */
export type Behaviour =
  /** Answers, and tells its usage. */
  | "answers"
  /** Begins to answer and then says nothing more. */
  | "stalls"
  /** Not even a head comes. */
  | "is-silent"
  /** Begins to answer and ends the body without its finish mark. */
  | "breaks-off"
  | "refuses-credentials"
  | "limits"
  | "filters"
  | "fails";

export interface UpstreamUnderTest extends AsyncDisposable {
  readonly upstream: Upstream;
  /** Resolves as soon as the server works on no completion any more. */
  untilIdle(): Promise<void>;
}

export interface ExpectedAnswer {
  readonly text: string;
  readonly reasoning?: string;
  /** Name and arguments of each. */
  readonly calls?: readonly (readonly [toolName: string, argumentsText: string])[];
}

export interface UpstreamSetup {
  start(behaviour: Behaviour): Promise<UpstreamUnderTest>;
  /** What the answer of "answers" is. */
  readonly answer: ExpectedAnswer;
  /** Stands in the credentials: no message may hold it. */
  readonly secret: string;
}

export const helloRequest: ChatRequest = {
  surface: "openai-chat",
  model: undefined,
  messages: [{ role: "user", content: [{ type: "text", text: "Hello" }] }],
  tools: [],
  toolChoice: undefined,
  stream: true,
  includeUsage: true,
  maxTokens: undefined,
  reasoning: {},
  webSearch: undefined,
  session: {},
  body: {},
};

export function openContext(changes: Partial<OpenContext> = {}): OpenContext {
  return {
    signal: AbortSignal.timeout(15_000),
    caller: "caller",
    requestId: "request",
    deadlineMs: Date.now() + 10_000,
    resume: undefined,
    toldModel: "asked-model",
    onWholeAnswer() {},
    ...changes,
  };
}

export type SeenEvent =
  | Exclude<UpstreamEvent, { readonly text: unknown }>
  | { readonly type: "text-delta" | "reasoning-delta" | "refusal-delta"; readonly text: string };

export interface RunningReply {
  readonly events: readonly SeenEvent[];
  /** Resolves at the reply's own end. */
  readonly ended: Promise<void>;
  /** Resolves with the first event that holds words. */
  readonly begun: Promise<void>;
}

/** Reads a reply as the gateway does; texts are decoded at once, since their views die. */
export function run(reply: UpstreamReply): RunningReply {
  const events: SeenEvent[] = [];
  const [ended, begun] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const onEvent = (event: UpstreamEvent): void => {
    events.push("text" in event ? { type: event.type, text: event.text.text } : event);
    if (event.type.endsWith("-delta")) begun.resolve();
    if (event.type === "reply-end" || event.type === "reply-error") ended.resolve();
  };
  const { body, decoder } = reply;
  body.start({
    chunk: (bytes) => decoder.feed(bytes, onEvent),
    end: () => decoder.end(onEvent),
    fail: () => decoder.end(onEvent),
  });
  return { events, ended: ended.promise, begun: begun.promise };
}

function joined(events: readonly SeenEvent[], type: "text-delta" | "reasoning-delta"): string {
  return events.map((event) => (event.type === type ? event.text : "")).join("");
}

function callsIn(events: readonly SeenEvent[]): (readonly [string, string])[] {
  return events
    .filter((event) => event.type === "tool-call-start")
    .map(({ callId, toolName }) => {
      const pieces = events.map((event) =>
        event.type === "tool-call-delta" && event.callId === callId ? event.argumentsText : "",
      );
      return [toolName, pieces.join("")];
    });
}

const isEnd = ({ type }: SeenEvent): boolean => type === "reply-end" || type === "reply-error";

/** The error of a request that is refused, wherever it comes: instead of the answer, or as its first event. */
async function refusalOf(upstream: Upstream): Promise<unknown> {
  try {
    const reply = await upstream.open(helloRequest, openContext());
    const { events, ended } = run(reply);
    await ended;
    await reply.onEnd("failed");
    const last = events.at(-1);
    return last?.type === "reply-error" ? last.error : undefined;
  } catch (error) {
    // What is asked for.
    return error;
  }
}

export function testUpstream(name: string, { start, answer, secret }: UpstreamSetup): void {
  describe(`${name} as an upstream`, () => {
    test("says one start, then the answer, then one end", async () => {
      await using started = await start("answers");
      const reply = await started.upstream.open(helloRequest, openContext());
      const { events, ended } = run(reply);
      await ended;
      await reply.onEnd("complete");

      expect(events.findIndex(({ type }) => type === "reply-start")).toBe(0);
      expect(events.filter(({ type }) => type === "reply-start")).toHaveLength(1);
      expect(joined(events, "text-delta")).toBe(answer.text);
      expect(joined(events, "reasoning-delta")).toBe(answer.reasoning ?? "");
      expect(callsIn(events)).toEqual([...(answer.calls ?? [])]);
      expect(events.filter(isEnd)).toHaveLength(1);
      const finishReason = answer.calls === undefined ? "stop" : "tool_calls";
      expect(events.at(-1)).toMatchObject({ type: "reply-end", finishReason });
      expect(reply.decoder.pendingBytes).toBe(0);
    });

    test("tells the usage before the end", async () => {
      await using started = await start("answers");
      const reply = await started.upstream.open(helloRequest, openContext());
      const { events, ended } = run(reply);
      await ended;
      await reply.onEnd("complete");

      const usage = events.find((event) => event.type === "usage-update")?.usage;
      expect(usage?.inputTokens).toBeGreaterThan(0);
      expect(usage?.outputTokens).toBeGreaterThan(0);
    });

    test("a hang-up in the middle ends the request at the server, and frees the account", async () => {
      await using started = await start("stalls");
      const reply = await started.upstream.open(helloRequest, openContext());
      const { events, begun } = run(reply);
      await begun;
      await reply.onEnd("aborted");
      await started.untilIdle();

      expect(events.filter(isEnd)).toEqual([]);
      for (const { openReplies } of started.upstream.accounts?.() ?? []) expect(openReplies).toBe(0);
    });

    test("a hang-up before the head ends the request, and open tells the reason", async () => {
      await using started = await start("is-silent");
      const controller = new AbortController();
      const reason = new Error("The client left");
      const opening = started.upstream.open(helloRequest, openContext({ signal: controller.signal }));
      setTimeout(() => controller.abort(reason), 50);

      expect(await opening.catch((error: unknown) => error)).toBe(reason);
      await started.untilIdle();
      for (const { openReplies } of started.upstream.accounts?.() ?? []) expect(openReplies).toBe(0);
    });

    test("a body without its end is an error that may be repeated, never a stop", async () => {
      await using started = await start("breaks-off");
      const reply = await started.upstream.open(helloRequest, openContext());
      const { events, ended } = run(reply);
      await ended;
      await reply.onEnd("failed");

      expect(events.filter(isEnd)).toHaveLength(1);
      expect(events.at(-1)).toMatchObject({ type: "reply-error", error: { kind: "upstream-failed", retryable: true } });
    });

    const refusals: readonly (readonly [Behaviour, ErrorKind])[] = [
      ["refuses-credentials", "upstream-auth"],
      ["limits", "upstream-quota"],
      ["filters", "content-filtered"],
      ["fails", "upstream-failed"],
    ];
    test.each([...refusals])("a server that %s is the error %s", async (behaviour, kind) => {
      await using started = await start(behaviour);
      const error = await refusalOf(started.upstream);

      expect(error).toBeInstanceOf(GatewayError);
      expect(error).toMatchObject({ kind, upstream: started.upstream.name });
      expect(String(error)).not.toContain(secret);
      for (const { openReplies } of started.upstream.accounts?.() ?? []) expect(openReplies).toBe(0);
    });

    test("lists models, each once", async () => {
      await using started = await start("answers");
      const ids = (await started.upstream.listModels(AbortSignal.timeout(5000))).map(({ id }) => id);

      expect(ids.length).toBeGreaterThan(0);
      expect(new Set(ids).size).toBe(ids.length);
      expect(ids).not.toContain("");
    });
  });
}
