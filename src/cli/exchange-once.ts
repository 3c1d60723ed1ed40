// One short question to an upstream through its wing, for the cost of a few tokens.

import type { Clock } from "../contract/clock.ts";
import type { UpstreamEvent } from "../contract/events.ts";
import type { Upstream } from "../contract/upstream.ts";
import { decodeInto } from "../outbound/decode-into.ts";
import { parseRequest } from "../surfaces/openai-chat/parse-request.ts";

/** A local server may have to load its model first. */
const exchangeTimeoutMs = 90_000;
/** Enough for a word, and for a thinking model to begin. */
const maxTokens = 48;
const question = "Reply with the single word: ready";

/** What came of it. */
export type Said = "text" | "thoughts" | "nothing";

/** @throws {GatewayError} classified, or the timeout */
export async function exchangeOnce(wing: Upstream, model: string | undefined, clock: Clock): Promise<Said> {
  const signal = AbortSignal.timeout(exchangeTimeoutMs);
  const messages = [{ role: "user", content: question }];
  const request = parseRequest({
    ...(model === undefined ? {} : { model }),
    messages,
    max_tokens: maxTokens,
    stream: true,
  });
  const reply = await wing.open(request, {
    signal,
    caller: "doctor",
    requestId: crypto.randomUUID(),
    deadlineMs: clock() + exchangeTimeoutMs,
    resume: undefined,
    toldModel: model ?? "",
    // It has one limit for everything.
    onWholeAnswer() {},
  });
  const { promise, resolve, reject } = Promise.withResolvers<Said>();
  let said: Said = "nothing";
  const onEvent = (event: UpstreamEvent): void => {
    if (event.type === "text-delta" && event.text.text.trim() !== "") said = "text";
    else if (event.type === "reasoning-delta" && said === "nothing") said = "thoughts";
    else if (event.type === "reply-end") resolve(said);
    else if (event.type === "reply-error") reject(event.error);
  };
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  reply.body.start(decodeInto(reply.decoder, onEvent, reject));
  try {
    return await promise;
  } finally {
    signal.removeEventListener("abort", onAbort);
    // Whatever is still to come is not waited for.
    await reply.onEnd("aborted");
  }
}
