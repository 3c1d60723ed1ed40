// One streamed completion over collaborators of the caller's choice: the gateway's own exchange, without its server.

import { errorHeaders } from "../contract/error-headers.ts";
import { httpStatus, toGatewayError } from "../contract/gateway-error.ts";
import type { OpenContext, Upstream, UpstreamReply } from "../contract/upstream.ts";
import { fingerprintHistory } from "../conversation/fingerprints.ts";
import { createReplyDigest } from "../conversation/reply-digest.ts";
import { Exchange } from "../gateway/exchange.ts";
import { createLiveness } from "../gateway/replies/liveness.ts";
import { createTimeLimit, type TimeLimit } from "../gateway/time-limit.ts";
import type { Turn } from "../gateway/turns/turn.ts";
import { fromBytes, fromStream } from "../outbound/fetch-client.ts";
import { openaiChat } from "../surfaces/openai-chat/surface.ts";
import { type Log, silentLog } from "../telemetry/log.ts";
import { acceptCompletion } from "../upstreams/qwen-web/client.ts";
import { decoderFor } from "../upstreams/qwen-web/reply/decoder-for.ts";
import type { QwenCompletionBody } from "../wire/qwen-web.ts";
import type { QwenClient } from "./qwen-client.ts";
import type { SessionManager } from "./sessions.ts";
import { defaultModel } from "./transform.ts";

/**
 * Settles at the end of the stream: resolves when the answer was complete or the client left, rejects when it failed,
 * although the client was told.
 */
export interface StreamedCompletion extends Promise<void> {
  /** The answer for the client: an event stream, or a JSON error while the status could still be chosen. Never rejects. */
  readonly response: Promise<Response>;
}

const liveness = {
  firstByteMs: 90_000,
  stallMs: 120_000,
  replyMs: 1_800_000,
  heartbeatMs: 15_000,
  clientStallMs: 60_000,
};

/** How long a session manager may hold back the end of an answer. */
const updateMs = 250;

/**
 * Streams one answer of Qwen to an OpenAI client and moves the session on when it is complete.
 * @example
 * const handler = new SSEHandler(await getQwenClient(), await getSessionManager());
 * const completion = handler.streamCompletion(payload, request, session.sessionId, "qwen3-max");
 * completion.catch(() => {}); // the client has been told already
 * return completion.response;
 */
export class SSEHandler {
  readonly #client: Pick<QwenClient, "sendMessage">;
  readonly #sessions: Pick<SessionManager, "updateSession">;
  readonly #log: Log;
  readonly #withinLimit: TimeLimit = createTimeLimit(updateMs, "update the session");

  constructor(
    qwenClient: Pick<QwenClient, "sendMessage">,
    sessionManager: Pick<SessionManager, "updateSession">,
    log: Log = silentLog,
  ) {
    this.#client = qwenClient;
    this.#sessions = sessionManager;
    this.#log = log;
  }

  /**
   * Sends the message and relays the answer while it is being generated. One handler serves any number of streams.
   * @param qwenMessage the completion body, as `transformToQwenRequest` makes it
   * @param request the client's request; its signal ends the completion until there is a response, then cancelling the response's body does
   * @param sessionId the session that moves on when the answer is complete
   */
  streamCompletion(
    qwenMessage: QwenCompletionBody,
    request: Request,
    sessionId: string,
    model: string = defaultModel,
  ): StreamedCompletion {
    const requestId = crypto.randomUUID();
    const settled = Promise.withResolvers<void>();
    const clocks = createLiveness(liveness);
    const exchange = new Exchange({
      surface: openaiChat,
      candidates: [{ upstream: this.#upstreamOf(qwenMessage), model }],
      request: openaiChat.parseRequest({
        model,
        stream: true,
        stream_options: { include_usage: true },
        messages: [{ role: "user", content: qwenMessage.messages[0].content }],
      }),
      turn: this.#turnOf(sessionId),
      identity: { replyId: requestId.replaceAll("-", ""), model, createdAtMs: Date.now() },
      caller: "library",
      requestId,
      clientSignal: request.signal,
      liveness: clocks,
      retry: { maxAttempts: 1, baseDelayMs: 0, maxDelayMs: 0 },
      retryBudgetMs: 60_000,
      holdHeadersMs: 15_000,
      log: this.#log,
      debugStreaming: false,
      onEnd(error) {
        clocks.stop();
        if (error === undefined || request.signal.aborted) settled.resolve();
        else settled.reject(error);
      },
    });
    const response = exchange.respond().catch((error: unknown) => {
      const known = toGatewayError(error);
      const body = openaiChat.encodeError(known, requestId);
      return Response.json(body, { status: httpStatus[known.kind], headers: errorHeaders(known) });
    });
    return Object.assign(settled.promise, { response });
  }

  #upstreamOf(payload: QwenCompletionBody): Upstream {
    const client = this.#client;
    const log = this.#log;
    return {
      name: "qwen-web",
      listModels: async () => [],
      async open(_request, context: OpenContext): Promise<UpstreamReply> {
        const answer = await client.sendMessage(payload, { signal: context.signal });
        const body = answer.body === null ? fromBytes(new Uint8Array()) : fromStream(answer.body);
        const outbound = { status: answer.status, headers: answer.headers, body };
        const completion = await acceptCompletion(outbound, context.signal);
        const { source, decoder } = decoderFor(completion, {
          chatId: payload.chat_id,
          model: payload.model,
          onSkipped: (reason) => log.warn("Skipped an event of Qwen's stream", { reason }),
        });
        return {
          account: "",
          model: payload.model,
          body: source,
          decoder,
          async onEnd() {
            source.cancel();
            return 0;
          },
        };
      },
    };
  }

  #turnOf(sessionId: string): Turn {
    const sessions = this.#sessions;
    const log = this.#log;
    const withinLimit = this.#withinLimit;
    async function update(nodeId: string, responseId: string | null): Promise<void> {
      await sessions.updateSession(sessionId, { parentId: nodeId, responseId });
    }
    return {
      async begin() {},
      sessionId,
      upstream: undefined,
      resume: undefined,
      async started() {},
      leaveChat: undefined,
      leave() {},
      createDigest: () => createReplyDigest(fingerprintHistory("library", [], [])),
      keepsText: false,
      mayServe: () => true,
      recall: async () => [],
      async commit({ continuation }) {
        if (continuation === undefined || continuation.nodeId === null) return;
        try {
          await withinLimit(update(continuation.nodeId, continuation.responseId));
        } catch (error) {
          // The answer is complete and goes out; the next turn starts where this one did.
          log.error("Cannot update the session", { session: sessionId }, error);
        }
      },
      async release() {},
    };
  }
}
