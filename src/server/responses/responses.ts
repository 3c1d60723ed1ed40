// Responses that are kept: what a request refers to is looked up before it is parsed, and what was answered is written
// before its client is told the end. The gateway and the surface know nothing of either.

import type { Clock } from "../../contract/clock.ts";
import type { GatewayError } from "../../contract/gateway-error.ts";
import { isJsonObject, type JsonObject } from "../../contract/json.ts";
import type { ChatRequest } from "../../contract/chat-request.ts";
import { estimatePrompt } from "../../conversation/estimate-prompt.ts";
import { parseRequestBody } from "../../conversation/parse-body.ts";
import { orderedId, randomId } from "../../contract/random-id.ts";
import type { IncomingExchange } from "../../gateway/exchange-request.ts";
import type { Gateway } from "../../gateway/gateway.ts";
import { eventStreamHeaders } from "../../sse/event-stream-headers.ts";
import type { ReaderHooks, Replays } from "../../replay/replays.ts";
import { passingSessionId } from "../../store/passing-session.ts";
import type { ConversationStore } from "../../store/conversation-store.ts";
import type { FoundResponse, NewResponse, ResponseStore, SharedBeginning } from "../../store/response-store.ts";
import { inputItemsFrom, withItemIds } from "../../surfaces/openai-responses/input-items.ts";
import { replyIdOf, responseId } from "../../surfaces/openai-responses/items.ts";
import type { KnownItems } from "../../surfaces/openai-responses/parse-input.ts";
import { parseCountRequest, parseRequest } from "../../surfaces/openai-responses/parse-request.ts";
import { echoOf, type ResponseObject, responseObject } from "../../surfaces/openai-responses/response-object.ts";
import { sleep } from "../../outbound/retry.ts";
import { settledWithin } from "../../contract/settled-within.ts";
import type { LeaseOwner } from "../../store/lease-owner.ts";
import type { StopWishes } from "../../store/stop-wishes.ts";
import type { Log } from "../../telemetry/log.ts";
import { createBackgroundResponses } from "./background.ts";
import { askingToCompact, surfaceCompacting } from "./compacting.ts";
import { notInBackground, notStreamed, responseNotFound, runsInAnotherProcess, streamNotFound } from "./errors.ts";
import { exactAnswer } from "./exact-answer.ts";
import { holdEnd } from "../hold-end.ts";
import { createKnownItems, outputOf } from "./known-items.ts";
import { createResponseConversations } from "./conversations.ts";
import { PendingWrites } from "./pending-writes.ts";
import { readToTheEnd, replaySource } from "./replayed-stream.ts";
import { createSharedInputs } from "./shared-inputs.ts";
import { surfaceFor, surfaceRefusing } from "./surface-for.ts";
import { refuseTakenIds } from "./taken-ids.ts";
import { tellItemIds } from "./tell-item-ids.ts";
import { type Moment, UnwantedResponses } from "./unwanted.ts";

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
  /**
   * What was said, and a summary in its place. It is not kept.
   * @throws {GatewayError} `upstream-failed` where there is no whole summary
   */
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

/** A request that has been read, and what it refers to. */
interface ReadRequest {
  readonly body: unknown;
  readonly known: KnownItems;
  readonly shared: SharedBeginning | undefined;
  /** When it came. */
  readonly moment: Moment;
  /** Of one that nobody waits for: what is wrong with it is told at once. */
  readonly forLater: ChatRequest | undefined;
}

/** The session that the gateway tells with an answer. */
const sessionHeader = "x-session-id";

export function createResponses(options: ResponsesOptions): Responses {
  const { gateway, openReplays, log } = options;
  const openStore = async (): Promise<ResponseStore> => tellItemIds(await options.openStore());
  const openWishes = async (): Promise<StopWishes | undefined> => options.openWishes?.();
  const background = createBackgroundResponses(log, openWishes);
  /** By response: what waits for another process to end its writing. */
  const writing = new PendingWrites();
  const conversations = createResponseConversations(options.openConversations, log);
  const knownItems = createKnownItems({ storeFor, asTold: background.asTold, conversations });
  const sharedInputs = createSharedInputs();
  const unwanted = new UnwantedResponses(options.clock);

  async function storeFor(id: string): Promise<ResponseStore> {
    await writing.settled(id);
    return openStore();
  }

  async function find(caller: string, id: string): Promise<FoundResponse> {
    const kept = await (await storeFor(id)).find(caller, id);
    if (kept === undefined) throw responseNotFound();
    return { ...kept, response: background.asTold(kept) };
  }

  /** @throws {GatewayError} `RunsElsewhere` where no wish reaches the one that runs it */
  async function cancelElsewhere(
    caller: string,
    id: string,
    owner: LeaseOwner,
    signal: AbortSignal,
  ): Promise<JsonObject> {
    const wishes = await openWishes();
    if (wishes === undefined) throw runsInAnotherProcess(owner);
    await wishes.wish(id);
    // Told as it is then: cancelling goes on beside, whoever asks again sees its end.
    const untilMs = performance.now() + elsewhereMs;
    let { response } = await find(caller, id);
    while (response["status"] === "in_progress" && performance.now() < untilMs) {
      await sleep(elsewhereLookMs, signal);
      ({ response } = await find(caller, id));
    }
    return response;
  }

  /** Where nothing can be kept, the answer is worth more than its being kept. */
  async function storeToKeep(body: unknown): Promise<ResponseStore | undefined> {
    if (!isJsonObject(body) || body["store"] === false) return undefined;
    try {
      return await openStore();
    } catch (error) {
      log.error("Cannot keep responses: they are answered all the same", {}, error);
      return undefined;
    }
  }

  /** What a response that has been answered adds to the conversation that its request names. */
  function noteEnd(
    caller: string,
    body: unknown,
    known: KnownItems,
    response: JsonObject,
  ): Promise<unknown> | undefined {
    const { conversationId } = known;
    const { status } = response;
    if (conversationId === undefined || (status !== "completed" && status !== "incomplete")) return undefined;
    const { id, inputFrom } = newResponse(body, known, response);
    const input = withItemIds(inputFrom(0), replyIdOf(id));
    return conversations.append(caller, conversationId, [...input, ...outputOf(response).filter(isJsonObject)]);
  }

  async function write(store: ResponseStore, caller: string, body: unknown, response: NewResponse): Promise<void> {
    await store.remember(caller, response);
    sharedInputs.noteKept(body, response);
  }

  function keep(store: ResponseStore, caller: string, body: unknown, response: NewResponse): Promise<unknown> {
    const { id } = response;
    if (unwanted.take(id)) return Promise.resolve();
    return writing.add(id, write(store, caller, body, response), (error) => tellUnkept(id, error));
  }

  /** @throws {GatewayError} what is wrong with the request, or with what it refers to */
  async function readRequest({ caller, body }: IncomingExchange): Promise<ReadRequest> {
    const { moment } = unwanted;
    const parsed = parseRequestBody(body, caller);
    // At once: of the next request that begins as this one it would not be told any more.
    const shared = sharedInputs.find(parsed);
    const known = await knownItems.find(caller, parsed);
    if (known.conversationId !== undefined && isJsonObject(parsed))
      refuseTakenIds(parsed["input"], known.byId, "input");
    const forLater = isForLater(parsed) ? parseRequest(parsed, known) : undefined;
    return { body: parsed, known, shared, moment, forLater };
  }

  function isForLater(body: unknown): body is JsonObject {
    return isJsonObject(body) && body["background"] === true && body["store"] !== false;
  }

  /** Kept before it is asked for: whoever is told its id can read it. */
  async function begin(caller: string, request: ChatRequest, { body, known, shared }: ReadRequest) {
    const store = await openStore();
    const model = request.model ?? options.defaultModel;
    const identity = { replyId: orderedId(), model, createdAtMs: options.clock() };
    const begun = responseObject(echoOf(request), identity, { status: "in_progress" }, []);
    const kept = newResponse(body, known, begun, shared);
    await write(store, caller, body, kept);
    const { id } = kept;
    const end = async (response: JsonObject): Promise<void> => {
      await Promise.all([noteEnd(caller, body, known, response), store.change(caller, id, response)]);
    };
    return { id, begun, store, end, replyId: identity.replyId };
  }

  async function answerLater(incoming: IncomingExchange, request: ChatRequest, read: ReadRequest): Promise<Response> {
    const { body, known } = read;
    const { id, begun, end, replyId } = await begin(incoming.caller, request, read);
    background.start({
      id,
      begun,
      async ask(signal) {
        let ended: ResponseObject | undefined;
        const onEnd = (response: ResponseObject): void => {
          ended = response;
        };
        const asking = { ...incoming, parsed: body, signal, replyId, onAbandoned: undefined, toSocket: false };
        const answer = await gateway.exchange(surfaceFor(known, { onEnd }), asking);
        await linkSession(incoming.caller, id, answer, read.moment);
        return { answer, ended };
      },
      end,
    });
    return exactAnswer(begun);
  }

  /** Told as it comes, and on when its client has gone. What fails before the first word is the answer, and not kept. */
  async function streamLater(incoming: IncomingExchange, request: ChatRequest, read: ReadRequest): Promise<Response> {
    const { caller, onAbandoned } = incoming;
    const { body, known } = read;
    const { id, begun, store, end, replyId } = await begin(caller, request, read);
    let kept: Promise<void> | undefined;
    const onEnd = (response: ResponseObject): void => {
      kept = end(response).catch((error: unknown) => tellUnkept(id, error));
    };
    const { signal } = new AbortController();
    const asking = { ...incoming, parsed: body, signal, replyId, onAbandoned: undefined, toSocket: false };
    const exchanged = await gateway.exchange(surfaceFor(known, { onEnd, hasIds: true }), asking);
    const answer = await holdEnd(exchanged, () => kept, options.keptWithinMs);
    if (answer.status !== 200) await store.forget(caller, id);
    const isStream = answer.headers.get("content-type")?.startsWith("text/event-stream") === true;
    if (answer.body === null || !isStream) return answer;
    const replays = await openReplays();
    const stream = replays.start(caller, id, replaySource(answer.body), { resumable: true, onCut: onAbandoned });
    // A reader that never leaves: else it would end soon after its client has left.
    const done = readToTheEnd(await replays.open(caller, id, 0));
    background.follow(id, done, async () => {
      if (await replays.stop(caller, id)) await end({ ...begun, status: "cancelled" });
    });
    // Not before: a session that is deleted from now on finds what it has to end.
    if (!(await linkSession(caller, id, answer, read.moment))) await endAll(caller, id);
    return new Response(stream, { headers: answer.headers });
  }

  /**
   * Where it cannot be noted the response stays when its session goes, which is told.
   * @returns false when its session is gone already: the response is forgotten, or will not be kept
   */
  async function linkSession(caller: string, id: string, { headers }: Response, moment: Moment): Promise<boolean> {
    const sessionId = headers.get(sessionHeader);
    if (sessionId === null) return true;
    try {
      const ageMs = options.clock() - moment.atMs;
      const isWanted =
        !unwanted.isDeletedSince(moment, caller, sessionId) &&
        (await (await openStore()).linkSession(caller, id, sessionId, ageMs));
      if (!isWanted && !(await (await storeFor(id)).forget(caller, id))) unwanted.note(id);
      return isWanted;
    } catch (error) {
      log.error("Cannot note the session of a response", { responseId: id }, error);
      return true;
    }
  }

  function tellUnkept(responseId: string, error: unknown): void {
    log.error("Cannot keep a response", { responseId }, error);
  }

  /** Of one that is forgotten: what still runs, and its stream. */
  async function endAll(caller: string, id: string): Promise<void> {
    await background.cancel(id);
    await (await openReplays()).forget(caller, id);
    options.forgottenHere?.(caller, id);
    await (await openWishes())?.wish(id);
  }

  return {
    async answer(incoming) {
      let read: ReadRequest;
      try {
        read = await readRequest(incoming);
      } catch (error) {
        return gateway.exchange(surfaceRefusing(error), { ...incoming, parsed: {} });
      }
      const { body: parsed, known, shared, moment, forLater } = read;
      if (forLater !== undefined) {
        const answerApart = forLater.stream ? streamLater : answerLater;
        return await answerApart(incoming, forLater, read);
      }
      const { caller } = incoming;
      const store = await storeToKeep(parsed);
      const isNoted = store !== undefined || known.conversationId !== undefined;
      let kept: Promise<unknown> | undefined;
      const onEnd = (response: ResponseObject): void => {
        const added = noteEnd(caller, parsed, known, response);
        const stored = store && keep(store, caller, parsed, newResponse(parsed, known, response, shared));
        kept = Promise.all([added, stored]);
      };
      const replyId = orderedId();
      const keptWithinMs = isNoted ? options.keptWithinMs : undefined;
      // What is held passes through here.
      const toSocket = incoming.toSocket === true && keptWithinMs === undefined;
      const asking = { ...incoming, parsed, replyId, toSocket };
      const exchanged = await gateway.exchange(surfaceFor(known, { onEnd: isNoted ? onEnd : undefined }), asking);
      const answer = await holdEnd(exchanged, () => kept, keptWithinMs);
      if (store !== undefined && answer.status === 200)
        await linkSession(caller, responseId({ replyId }), answer, moment);
      return answer;
    },
    async compact(incoming) {
      const { caller } = incoming;
      // Asked in the conversation's chat, which knows all of it: whoever goes on from before it takes another branch there. One
      // that is not known gets a chat that passes with the answer, since the compacted input goes on in none.
      const beginsIn = passingSessionId("compact", randomId());
      let missing: GatewayError | undefined;
      try {
        const parsed = parseRequestBody(incoming.body, caller);
        const known = await knownItems.find(caller, parsed);
        const surface = surfaceCompacting(known, (error) => {
          missing = error;
        });
        const answer = await gateway.exchange(surface, { ...incoming, parsed: askingToCompact(parsed), beginsIn });
        if (missing === undefined) return answer;
      } catch (error) {
        return gateway.exchange(surfaceRefusing(error), { ...incoming, parsed: {} });
      } finally {
        void gateway.forget(caller, beginsIn);
      }
      throw missing;
    },
    async countInput(caller, body) {
      const parsed = parseRequestBody(body, caller);
      const request = parseCountRequest(parsed, await knownItems.find(caller, parsed));
      return estimatePrompt(await gateway.showFiles(request, caller));
    },
    find,
    async forget(caller, id) {
      if (!(await (await storeFor(id)).forget(caller, id))) throw responseNotFound();
      await endAll(caller, id);
    },
    async readOn(caller, id, afterId, hooks) {
      const { response } = await find(caller, id);
      if (response["background"] !== true) throw notStreamed();
      const replays = await openReplays();
      const stream = await replays.open(caller, id, afterId, hooks).catch((error: unknown) => {
        throw streamNotFound(error);
      });
      return new Response(stream, { headers: eventStreamHeaders });
    },
    async cancel(caller, id, signal) {
      const { response, runsElsewhere } = await find(caller, id);
      if (response["background"] !== true) throw notInBackground();
      if (runsElsewhere !== undefined) return cancelElsewhere(caller, id, runsElsewhere, signal);
      await background.cancel(id);
      return (await find(caller, id)).response;
    },
    stopForgotten(id) {
      unwanted.note(id);
      return background.stop(id);
    },
    sessionForgotten: (...deleted) => unwanted.noteDeletedElsewhere(...deleted),
    async forgetSession(caller, sessionId) {
      unwanted.noteDeleted(caller, sessionId);
      const ids = await (await openStore()).takeSession(caller, sessionId);
      // The newest first: an older one would hand on what they share before they go themselves.
      for (const id of ids.toSorted().reverse()) {
        const wasKept = await (await storeFor(id)).forget(caller, id);
        if (!wasKept) unwanted.note(id);
        await endAll(caller, id);
        // Before the others were told it may have been kept.
        if (!wasKept) await (await storeFor(id)).forget(caller, id);
      }
      return ids.length > 0;
    },
    async settled() {
      await Promise.all([writing.allSettled(), settledWithin(background.settled(), 5000)]);
      await conversations.settled();
    },
  };
}

/** How long the end of a response at another gateway is waited for, and how often it is looked for. */
const elsewhereMs = 5000;
const elsewhereLookMs = 200;

function newResponse(body: unknown, { byId }: KnownItems, response: JsonObject, shared?: SharedBeginning): NewResponse {
  const { input, previous_response_id: previousId }: JsonObject = isJsonObject(body) ? body : {};
  return {
    id: String(response["id"]),
    previousId: typeof previousId === "string" ? previousId : null,
    response,
    shared,
    inputFrom: (start) => inputItemsFrom(start, input, byId),
  };
}
