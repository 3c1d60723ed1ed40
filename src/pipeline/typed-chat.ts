// The typed chat: a message becomes an answer that streams, is kept, and can be read on. The server's routes call it.

import type { Access } from "../contract/access.ts";
import type { Clock } from "../contract/clock.ts";
import type { ChatSource } from "../contract/chat-stream.ts";
import { parseRequestBody } from "../conversation/parse-body.ts";
import { orderedId } from "../contract/random-id.ts";
import type { Gateway } from "../gateway/gateway.ts";
import { headerText } from "../gateway/replies/reply-head.ts";
import type { Replays, StartOptions } from "../replay/replays.ts";
import { eventStreamHeaders } from "../sse/event-stream-headers.ts";
import type { Attachment, ChatMessage, ChatStore, MessagePath } from "../store/chat-store.ts";
import { invalid } from "../surfaces/check-body.ts";
import type { Store } from "../store/store.ts";
import type { Log } from "../telemetry/log.ts";
import { Answer } from "./answer.ts";
import { beginningOf } from "../contract/excerpt.ts";
import { attachmentsIn, type Place, placeNamedBy, placeOf } from "./message-tree.ts";
import { contentOf, joinAttachments, parseTypedChatRequest, type TypedChatRequest } from "./parse-request.ts";
import { recoverAnswers } from "./recover-answers.ts";
import type { Pipeline, Step } from "./step.ts";

export interface IncomingMessage {
  readonly body: Uint8Array;
  readonly headers: Headers;
  readonly signal: AbortSignal;
  readonly caller: string;
  readonly access?: Access | undefined;
  readonly requestId: string;
  /** The client does not read: its connection may be closed. */
  readonly onCut: () => void;
}

export interface TypedChat {
  /** Answers a message. @throws {GatewayError} what is wrong with the request itself */
  answer(incoming: IncomingMessage): Promise<Response>;
  /** The events behind that id; 204 where it has ended and there are none. @throws {GatewayError} `not-found`, `gone` */
  readOn(
    caller: string,
    streamId: string,
    afterId: number,
    client: Pick<IncomingMessage, "signal" | "onCut">,
  ): Promise<Response>;
  /** @returns false when it has ended already. @throws {GatewayError} `not-found` */
  stop(caller: string, streamId: string): Promise<boolean>;
  /** The messages of a session, oldest first; undefined when there is no such session of this caller. */
  findMessages(caller: string, sessionId: string): Promise<readonly ChatMessage[] | undefined>;
  /** With the streams of its answers; what still runs is stopped. @returns false when there is no such session */
  deleteSession(caller: string, sessionId: string): Promise<boolean>;
  /** Resolves when the store knows what became of every answer. To be called when no stream runs any more. */
  drain(): Promise<void>;
}

/** Answers that are not kept yet, by their streams: what the store says of them is about to change. */
export type RunningAnswers = Map<string, Promise<void>>;

export interface TypedChatOptions {
  readonly pipeline: Pipeline;
  readonly gateway: Pick<Gateway, "converse" | "forget">;
  readonly store: ChatStore;
  /** Of all surfaces: knows sessions that were begun elsewhere. */
  readonly turns: Pick<Store, "getSession">;
  readonly replays: Pick<Replays, "start" | "open" | "openRest" | "stop" | "forget">;
  /** Of all typed chats over this store. @defaultValue there is no other */
  readonly running?: RunningAnswers;
  /** @param ids undefined: all documents of the caller */
  search(
    caller: string,
    query: string,
    options: { readonly ids: readonly string[] | undefined; readonly limit: number; readonly signal: AbortSignal },
  ): Promise<readonly ChatSource[]>;
  /** Of the upstreams that may be asked for. */
  readonly upstreamNames: () => readonly string[];
  readonly defaultModel: string;
  readonly clock: Clock;
  readonly log: Log;
}

const titleChars = 80;

export function createTypedChat(options: TypedChatOptions): TypedChat {
  const { store, replays, running = new Map<string, Promise<void>>(), clock } = options;

  async function findMessages(caller: string, sessionId: string): Promise<readonly ChatMessage[] | undefined> {
    const messages = await store.findMessages(caller, sessionId);
    return messages && recoverAnswers(messages, { caller, sessionId, running, replays, store });
  }

  /** @throws {GatewayError} `invalid-request` */
  function stepsFor({ steps: names }: TypedChatRequest): readonly Step[] {
    const { steps } = options.pipeline;
    if (names === undefined) return steps;
    const known = steps.map(({ name }) => name);
    const unknown = names.findIndex((name) => !known.includes(name));
    if (unknown < 0) return steps.filter(({ name }) => names.includes(name));
    const param = `options.steps[${unknown}]`;
    throw invalid(param, `Invalid request: "${param}" must be one of ${known.join(", ")}`);
  }

  /** @throws {GatewayError} `invalid-request` */
  function requireKnown(upstream: string | undefined): void {
    const known = options.upstreamNames();
    if (upstream === undefined || known.includes(upstream)) return;
    throw invalid("upstream", `Invalid request: "upstream" must be one of ${known.join(", ")}`);
  }

  async function continuesElsewhere(request: TypedChatRequest, caller: string, path: MessagePath): Promise<boolean> {
    if (path.newestId !== undefined) return path.continuesElsewhere;
    return request.isNamed && (await options.turns.getSession(caller, request.sessionId)) !== undefined;
  }

  /**
   * Whether nothing was said behind that place. Where a question is answered once more, its earlier answers do not count: who
   * knows what came before it knows them too, and nobody else does.
   */
  async function isAtHead(
    { parentId, repeated }: Place,
    { newestId }: MessagePath,
    caller: string,
    sessionId: string,
  ): Promise<boolean> {
    if (repeated === undefined || newestId === undefined) return parentId === (newestId ?? null);
    return (await store.findMessage(caller, sessionId, newestId))?.parentId === repeated.id;
  }

  async function earlierAttachments(
    { attachmentsOf, sessionId }: TypedChatRequest,
    caller: string,
  ): Promise<readonly Attachment[]> {
    if (attachmentsOf === undefined) return [];
    return attachmentsIn(await store.findMessage(caller, sessionId, attachmentsOf));
  }

  async function begin(
    incoming: IncomingMessage,
  ): Promise<{ request: TypedChatRequest; answer: Answer; streamId: string }> {
    const { caller, access, requestId } = incoming;
    const request = parseTypedChatRequest(parseRequestBody(incoming.body), incoming.headers);
    const steps = stepsFor(request);
    requireKnown(request.upstream);
    const { sessionId } = request;
    const path = await store.findPath(caller, sessionId, placeNamedBy(request));
    if (path.newestId === undefined) requireNoEarlier(request);
    const place = placeOf(request, await recoverAnswers(path.messages, { caller, sessionId, running, replays, store }));
    const attachments = joinAttachments(await earlierAttachments(request, caller), request.attachments);
    const isElsewhere = await continuesElsewhere(request, caller, path);
    const isThin = isElsewhere && (await isAtHead(place, path, caller, sessionId));
    const streamId = orderedId();
    const nowMs = clock();
    const question = place.repeated ?? questionOf(request, place, attachments, nowMs, isElsewhere);
    const begun = answerOf(request, question, streamId, nowMs, options.defaultModel);
    const answer = new Answer({
      request,
      steps,
      message: question.content,
      content: contentOf(question.content, question.extras.attachments ?? []),
      history: place.history,
      isThin,
      question,
      begun,
      streamId,
      caller,
      access,
      requestId,
      defaultModel: options.defaultModel,
      gateway: options.gateway,
      store,
      search: (query, limit, signal) => searchFor(request, caller, query, limit, signal),
      log: options.log.with({ requestId }),
    });
    running.set(streamId, answer.kept);
    try {
      await store.beginTurn(caller, {
        sessionId,
        title: titleOf(question.content),
        question: place.repeated === undefined ? question : undefined,
        answer: begun,
      });
    } catch (error) {
      running.delete(streamId);
      throw error;
    }
    void answer.kept.then(() => running.delete(streamId));
    return { request, answer, streamId };
  }

  function searchFor(
    { documents }: TypedChatRequest,
    caller: string,
    query: string,
    limit: number,
    signal: AbortSignal,
  ): Promise<readonly ChatSource[]> {
    if (documents === false) return Promise.resolve([]);
    return options.search(caller, query, { ids: documents === true ? undefined : documents, limit, signal });
  }

  function start(
    caller: string,
    streamId: string,
    answer: Answer,
    startOptions: StartOptions,
  ): ReadableStream<Uint8Array> {
    try {
      return replays.start(caller, streamId, answer, startOptions);
    } catch (error) {
      // Nobody will ask for it: it must not count as running.
      answer.cancel(error);
      throw error;
    }
  }

  return {
    async answer(incoming) {
      const { request, answer, streamId } = await begin(incoming);
      const { isResumable: resumable } = request;
      const { onCut } = incoming;
      const body = start(incoming.caller, streamId, answer, { resumable, onCut });
      const sessionId = headerText(request.sessionId);
      return respond(body, incoming.signal, { "x-stream-id": streamId, "x-session-id": sessionId });
    },
    async readOn(caller, streamId, afterId, { signal, onCut }) {
      const body = await replays.openRest(caller, streamId, afterId, { onCut });
      const headers = { "x-stream-id": streamId };
      return body === undefined ? respondWithNothing(headers) : respond(body, signal, headers);
    },
    stop: (caller, streamId) => replays.stop(caller, streamId),
    async deleteSession(caller, sessionId) {
      // In one tick: of an answer that begins between the two the stream would stay.
      const [streams, wasThere] = await Promise.all([
        store.listStreams(caller, sessionId),
        store.deleteSession(caller, sessionId),
      ]);
      await Promise.all(streams.map((streamId) => replays.forget(caller, streamId)));
      return wasThere;
    },
    findMessages,
    async drain() {
      while (running.size > 0) await Promise.all(running.values());
    },
  };
}

/** A client that has left meanwhile hangs up here: the server does so only on bodies that it has begun to send. */
function respond(body: ReadableStream<Uint8Array>, client: AbortSignal, headers: Record<string, string>): Response {
  if (client.aborted) void body.cancel();
  return new Response(client.aborted ? null : body, { headers: { ...eventStreamHeaders, ...headers } });
}

/**
 * An `EventSource` comes back for ever to a stream that is empty; by this it is told to stay away.
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html#server-sent-events-intro
 */
function respondWithNothing(headers: Record<string, string>): Response {
  return new Response(null, { status: 204, headers: { "cache-control": "no-cache", ...headers } });
}

/**
 * For a session without a message. A page may show one for long after it was deleted.
 * @throws {GatewayError} `invalid-request`
 */
function requireNoEarlier({ retryOf, parentId, attachmentsOf }: TypedChatRequest): void {
  const named = { retry_of: retryOf, parent_id: parentId, attachments_of: attachmentsOf };
  const param = Object.entries(named).find(([, id]) => typeof id === "string")?.[0];
  if (param === undefined) return;
  throw invalid(
    param,
    `Cannot continue this conversation by "${param}": it was deleted, has expired or never was; begin a new one`,
  );
}

function questionOf(
  { message }: TypedChatRequest,
  place: Place,
  attachments: readonly Attachment[],
  nowMs: number,
  isElsewhere: boolean,
): ChatMessage {
  return {
    id: orderedId(),
    parentId: place.parentId,
    role: "user",
    content: message,
    status: "complete",
    createdAtMs: nowMs,
    streamId: undefined,
    extras: {
      ...(attachments.length > 0 && { attachments }),
      ...(isElsewhere && { continuesElsewhere: true }),
    },
  };
}

function answerOf(
  { model }: TypedChatRequest,
  question: ChatMessage,
  streamId: string,
  nowMs: number,
  defaultModel: string,
): ChatMessage {
  return {
    id: orderedId(),
    parentId: question.id,
    role: "assistant",
    content: "",
    status: "running",
    createdAtMs: nowMs,
    streamId,
    extras: { model: model ?? defaultModel },
  };
}

function titleOf(message: string): string {
  const line = message.trim().split(/\s+/u).join(" ");
  return line.length <= titleChars ? line : `${beginningOf(line, titleChars)}…`;
}
