// When a prompt goes out shortened: after which refusals, how often, for whom; and what is left of the request besides.

import { describe, expect, test } from "bun:test";
import type { ChatRequest, Message } from "../../../src/contract/chat-request.ts";
import type { PromptLengths } from "../../../src/contract/context-too-long.ts";
import { GatewayError } from "../../../src/contract/gateway-error.ts";
import { ContextTrim, type ContextTrimSettings } from "../../../src/gateway/context-trim.ts";
import type { Candidate } from "../../../src/gateway/candidates/model-routes.ts";
import { silentLog } from "../../../src/telemetry/log.ts";
import { assistant, user } from "../conversation/messages.ts";

const words = (tokens: number): string => "word".repeat(tokens - 4);
/** Ten turns of 1000 tokens, and a question. */
const turns = Array.from({ length: 10 }, (): Message[] => [user(words(500)), assistant(words(500))]).flat();
const messages = [...turns, user("and now?")];
const raw = messages.map(({ role }, index) => ({ role, content: "x", name: `n${index}` }));

const request: ChatRequest = {
  surface: "openai-chat",
  model: "m",
  messages,
  tools: [],
  toolChoice: undefined,
  stream: true,
  includeUsage: false,
  maxTokens: 100,
  reasoning: {},
  webSearch: undefined,
  session: {},
  body: { model: "m", messages: raw },
  received: Buffer.from("{}"),
};

function candidate(more: Partial<Candidate["upstream"]> = {}): Candidate {
  const open = () => Promise.reject(new Error("nobody opens"));
  return { upstream: { name: "home", listModels: async () => [], open, ...more }, model: "m" };
}

const home = candidate();
const tooLong = (lengths: PromptLengths = { contextTokens: 5000, promptTokens: 10_005 }): GatewayError =>
  new GatewayError("context-too-long", "too long", { lengths });

/** The messages of each attempt; each is answered by the next of `answers`, undefined where it begins. */
async function attempts(
  answers: readonly (Error | undefined)[],
  options: Partial<ContextTrimSettings> & { readonly at?: Candidate; readonly mayRepeat?: boolean } = {},
) {
  const { at = home, mayRepeat = true, ...settings } = options;
  const trim = new ContextTrim({ strategy: "oldest-turns", contextTokens: () => undefined, ...settings }, silentLog);
  const sent: ChatRequest[] = [];
  const tryOnce = async (): Promise<void> => {
    sent.push(trim.fit(at, request));
    const answer = answers[sent.length - 1];
    if (answer !== undefined) throw answer;
  };
  const run = () => trim.attempt(at, tryOnce, () => mayRepeat);
  const error = await run().then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  return { trim, sent, error, run, changed: trim.changed(at) };
}

describe("ContextTrim", () => {
  test("sends a refused prompt once more, shortened to what the refusal told", async () => {
    const { sent, error, changed } = await attempts([tooLong(), undefined]);
    expect(error).toBeUndefined();
    expect(sent[0]).toBe(request);
    expect(sent[1]?.messages).toEqual(messages.slice(12));
    expect(changed).toBe(12);
  });

  test("leaves nothing of the received body, and in the parsed one what belongs to the messages that are left", async () => {
    const { sent } = await attempts([tooLong(), undefined]);
    expect(sent[1] && "received" in sent[1]).toBe(false);
    expect(sent[1]?.body).toEqual({ model: "m", messages: raw.slice(12) });
    expect(sent[1]).toMatchObject({ model: "m", stream: true, maxTokens: 100 });
  });

  test("sends it a third time to nobody: the first refusal, which has the client's own numbers, stands", async () => {
    const first = tooLong();
    const { sent, error } = await attempts([first, tooLong({ contextTokens: 5000, promptTokens: 5001 })]);
    expect(sent).toHaveLength(2);
    expect(error).toBe(first);
  });

  test("tells how the shortened one failed where that had other reasons, and keeps it for the next attempt", async () => {
    const busy = new GatewayError("overloaded", "busy", { retryable: true });
    const { sent, error, run } = await attempts([tooLong(), busy, undefined]);
    expect(error).toBe(busy);
    await run();
    expect(sent[2]).toBe(sent[1]!);
  });

  test("sends nothing again that was refused for other reasons, or that is about to be sent again anyhow", async () => {
    const repaired = new GatewayError("context-too-long", "x", { retryable: true, lengths: { contextTokens: 5000 } });
    for (const error of [new GatewayError("too-large", "x"), repaired, new Error("a fault of our own")]) {
      expect(await attempts([error])).toMatchObject({ error, changed: 0, sent: { length: 1 } });
    }
  });

  test("sends nothing again when no attempt is left", async () => {
    const refusal = tooLong();
    expect(await attempts([refusal], { mayRepeat: false })).toMatchObject({ error: refusal, sent: { length: 1 } });
  });

  test("sends nothing again when it would still be too long, or nobody knows how long it may be", async () => {
    for (const refusal of [
      tooLong({ contextTokens: 4, promptTokens: 10_005 }),
      tooLong({}),
      tooLong({ promptTokens: 10_005 }),
    ]) {
      expect(await attempts([refusal])).toMatchObject({ error: refusal, changed: 0, sent: { length: 1 } });
    }
    const nothingOld = tooLong();
    expect(await attempts([nothingOld], { strategy: "tool-results" })).toMatchObject({ error: nothingOld });
  });

  test("goes by the model's known context where the refusal tells none", async () => {
    // Known, and yet the estimate does not clearly exceed it.
    const { sent, changed } = await attempts([tooLong({}), undefined], { contextTokens: () => 8000 });
    expect(sent[0]).toBe(request);
    expect(changed).toBe(10);
  });

  test("shortens at once what clearly exceeds the known context", async () => {
    const { sent, changed, error } = await attempts([undefined], { contextTokens: () => 5000 });
    expect([error, sent.length]).toEqual([undefined, 1]);
    expect(sent[0]?.messages).toEqual(messages.slice(12));
    expect(changed).toBe(12);
  });

  test("shortens it further by the server's own count, once", async () => {
    const { sent, changed, error } = await attempts([tooLong({ contextTokens: 5000, promptTokens: 8010 }), undefined], {
      contextTokens: () => 5000,
    });
    expect(error).toBeUndefined();
    expect(sent.map((one) => one.messages.length)).toEqual([9, 5]);
    expect(changed).toBe(16);
  });

  test("sends all of it where shortening would not help", async () => {
    const { sent, changed } = await attempts([undefined], { contextTokens: () => 5000, strategy: "tool-results" });
    expect([sent[0], changed]).toEqual([request, 0]);
  });

  test("leaves alone what is sent to an upstream that keeps the conversation itself", async () => {
    const refusal = tooLong();
    const keeper = { at: candidate({ keepsConversations: true }), contextTokens: () => 100 };
    const { sent, error } = await attempts([refusal], keeper);
    expect([sent, error]).toEqual([[request], refusal]);
  });

  test("counts the tools, which stay", async () => {
    const tools = [{ name: "t", description: words(3000), parameters: {} }];
    const trim = new ContextTrim({ strategy: "oldest-turns", contextTokens: () => 5000 }, silentLog);
    const sent = trim.fit(home, { ...request, tools });
    expect(sent.tools).toBe(tools);
    expect(sent.messages).toEqual(messages.slice(18));
  });

  test("keeps what was shortened for one candidate from another one", async () => {
    const other = candidate({ name: "other" });
    const { trim } = await attempts([tooLong(), undefined]);
    expect(trim.fit(other, request)).toBe(request);
    expect([trim.changed(home), trim.changed(other)]).toEqual([12, 0]);
  });
});
