// Responses that are kept: what a request refers to is looked up before it is parsed, and what was answered is written
// before its client is told the end. The gateway and the surface know nothing of either.

import type { Clock } from "../../contract/clock.ts";
import type { JsonObject } from "../../contract/json.ts";
import { settledWithin } from "../../contract/settled-within.ts";
import { estimatePrompt } from "../../conversation/estimate-prompt.ts";
import { parseRequestBody } from "../../conversation/parse-body.ts";
import type { IncomingExchange } from "../../gateway/exchange-request.ts";
import type { Gateway } from "../../gateway/gateway.ts";
import type { ReaderHooks, Replays } from "../../replay/replays.ts";
import { eventStreamHeaders } from "../../sse/event-stream-headers.ts";
import type { ConversationStore } from "../../store/conversation-store.ts";
import type { FoundResponse, ResponseStore } from "../../store/response-store.ts";
import type { StopWishes } from "../../store/stop-wishes.ts";
import { parseCountRequest } from "../../surfaces/openai-responses/parse-request.ts";
import type { Log } from "../../telemetry/log.ts";
import { createAnswerLater } from "./answer-later.ts";
import { createAnswerNow } from "./answer-now.ts";
import { createBackgroundResponses } from "./background.ts";
import { createCancelling } from "./cancelling.ts";
import { createCompacting } from "./compacting.ts";
import { createResponseConversations } from "./conversations.ts";
import { notStreamed, streamNotFound } from "./errors.ts";
import { createForgetting } from "./forgetting.ts";
import { createKeptResponses } from "./kept-responses.ts";
import { createKnownItems } from "./known-items.ts";
import { createRequestReader, type ReadRequest } from "./read-request.ts";
import { createSharedInputs } from "./shared-inputs.ts";
import { surfaceRefusing } from "./surface-for.ts";
import { UnwantedResponses } from "./unwanted.ts";

export interface ResponsesOptions {
  readonly gateway: Pick<Gateway, "exchange" | "forget" | "showFiles">;
  /** Asked for when something is to be kept or looked up. @throws {GatewayError} when it cannot be opened */
  openStore(): Promise<ResponseStore>;
  /** The same of streams that can be read on. */
  openReplays(): Promise<Replays>;
  /** The same of stops that other gateways wish. Undefined: there are none. @defaultValue there are none */
  openWishes?(): Promise<StopWishes | undefined>;
  /** The same of conversations. */
  openConversations(): Promise<ConversationStore>;
  /** How long the end of an answer waits until it is kept. @defaultValue it does not: it is written to a file at once */
  readonly keptWithinMs?: number | undefined;
  /** Told while nobody knows yet who will answer. */
  readonly defaultModel: string;
  /** One was deleted that may run in another worker. @defaultValue there is none */
  readonly forgottenHere?: ((caller: string, id: string) => void) | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

export interface Responses {
  /** @throws {GatewayError} for a body that is no JSON, and for what refers to something that is not kept */
  answer(incoming: IncomingExchange): Promise<Response>;
  /** What was said, and a summary in its place. It is not kept. */
  compact(incoming: IncomingExchange): Promise<Response>;
  /**
   * Tokens of what a request says and refers to, estimated.
   * @throws {GatewayError} as `answer`
   */
  countInput(caller: string, body: Uint8Array): Promise<number>;
  /** @throws {GatewayError} `not-found`, for another caller as well */
  find(caller: string, id: string): Promise<FoundResponse>;
  /** @throws {GatewayError} `not-found`, for another caller as well */
  forget(caller: string, id: string): Promise<void>;
  /**
   * Ends one that runs in the background, and returns what has become of it.
   * @param signal nobody waits for that any more; it is ended all the same
   * @throws {GatewayError} `not-found`, for another caller as well; `invalid-request` for one that somebody waited for
   */
  cancel(caller: string, id: string, signal: AbortSignal): Promise<JsonObject>;
  /**
   * The stream of one that was begun with `background` and `stream`.
   * @param afterId of the last frame that is known; 0 gives all
   * @throws {GatewayError} `not-found`, `gone`, `invalid-request` for one that has no such stream
   */
  readOn(caller: string, id: string, afterId: number, hooks: ReaderHooks): Promise<Response>;
  /** Ends one that runs here and that another worker has forgotten. Never rejects. */
  stopForgotten(id: string): Promise<void>;
  /** @param atMs when another worker has forgotten that session */
  sessionForgotten(caller: string, sessionId: string, atMs: number): void;
  /** Forgets those that were made in a session of the gateway's own. @returns whether there was one */
  forgetSession(caller: string, sessionId: string): Promise<boolean>;
  /** Resolves when everything is written. */
  settled(): Promise<void>;
}

export function createResponses(options: ResponsesOptions): Responses {
  const { gateway, openStore, openReplays, keptWithinMs, defaultModel, forgottenHere, clock, log } = options;
  const openWishes = async (): Promise<StopWishes | undefined> => options.openWishes?.();
  const background = createBackgroundResponses(log, openWishes);
  const { asTold } = background;
  const conversations = createResponseConversations(options.openConversations, log);
  const sharedInputs = createSharedInputs();
  const unwanted = new UnwantedResponses(clock);
  const kept = createKeptResponses({ openStore, conversations, sharedInputs, unwanted, asTold, log });
  const knownItems = createKnownItems({ storeFor: kept.storeFor, asTold, conversations });
  const requests = createRequestReader({ knownItems, sharedInputs, unwanted });
  const forgetting = createForgetting({
    kept,
    background,
    unwanted,
    openReplays,
    openWishes,
    forgottenHere,
    clock,
    log,
  });
  const answering = { gateway, kept, forgetting, keptWithinMs };
  const answerNow = createAnswerNow(answering);
  const answerLater = createAnswerLater({ ...answering, background, openReplays, defaultModel, clock });

  return {
    async answer(incoming) {
      let read: ReadRequest;
      try {
        read = await requests.read(incoming);
      } catch (error) {
        return gateway.exchange(surfaceRefusing(error), { ...incoming, parsed: {} });
      }
      const { forLater } = read;
      return forLater === undefined ? answerNow(incoming, read) : answerLater(incoming, forLater, read);
    },
    compact: createCompacting(gateway, knownItems),
    async countInput(caller, body) {
      const parsed = parseRequestBody(body, caller);
      const request = parseCountRequest(parsed, await knownItems.find(caller, parsed));
      return estimatePrompt(await gateway.showFiles(request, caller));
    },
    find: kept.find,
    forget: forgetting.forget,
    async readOn(caller, id, afterId, hooks) {
      const { response } = await kept.find(caller, id);
      if (response["background"] !== true) throw notStreamed();
      const replays = await openReplays();
      const stream = await replays.open(caller, id, afterId, hooks).catch((error: unknown) => {
        throw streamNotFound(error);
      });
      return new Response(stream, { headers: eventStreamHeaders });
    },
    cancel: createCancelling({ kept, background, openWishes }),
    stopForgotten(id) {
      unwanted.note(id);
      return background.stop(id);
    },
    sessionForgotten: (...deleted) => unwanted.noteDeletedElsewhere(...deleted),
    forgetSession: forgetting.forgetSession,
    async settled() {
      await Promise.all([kept.settled(), settledWithin(background.settled(), 5000)]);
      await conversations.settled();
    },
  };
}
