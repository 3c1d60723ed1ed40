// A typed chat with a real store and real replays, over a gateway whose replies say what a test tells them to.

import type { ChatRequest } from "../../../src/contract/chat-request.ts";
import type { ChatSource } from "../../../src/contract/chat-stream.ts";
import type { ChatEvent } from "../../../src/contract/events.ts";
import type { GatewayError } from "../../../src/contract/gateway-error.ts";
import { jsonText } from "../../../src/contract/json.ts";
import type { EventEncoder, Surface } from "../../../src/contract/surface.ts";
import type { OpenOutlet } from "../../../src/gateway/replies/reply-outlet.ts";
import type { ComposedExchange } from "../../../src/gateway/exchange-request.ts";
import { definePipeline, type Pipeline } from "../../../src/pipeline/step.ts";
import { followUps } from "../../../src/pipeline/steps/follow-ups.ts";
import { generation } from "../../../src/pipeline/steps/generation.ts";
import { quality } from "../../../src/pipeline/steps/quality.ts";
import { queryAnalysis } from "../../../src/pipeline/steps/query-analysis.ts";
import { retrieval } from "../../../src/pipeline/steps/retrieval.ts";
import { createTypedChat, type TypedChat, type TypedChatOptions } from "../../../src/pipeline/typed-chat.ts";
import { createReplays } from "../../../src/replay/create-replays.ts";
import { openChatDatabase } from "../../../src/store/chat-database.ts";
import type { ChatMessage, ChatStore } from "../../../src/store/chat-store.ts";
import { inMemory } from "../../../src/store/open-database.ts";
import { createSqliteChat } from "../../../src/store/sqlite/chat.ts";
import { createSqliteReplayIndex } from "../../../src/store/sqlite/replay-index.ts";
import { type Log, silentLog } from "../../../src/telemetry/log.ts";
import { BodyReader } from "../replay/stage.ts";

export const source: ChatSource = {
  chunk_id: "d1:0",
  document_id: "d1",
  document_name: "contract.txt",
  text: "The notice period is two months.",
  score: 0.9,
};

/** Of what a surface without a stream is answered with. */
type Asked = (request: ChatRequest) => string | Promise<string>;

/** One streamed reply, which the test tells. */
export class Reply {
  readonly composed: ComposedExchange;
  readonly #encoder: EventEncoder;
  readonly #outlet: OpenOutlet;
  /** Resolves when it is hung up on. */
  readonly left: Promise<void>;

  constructor(composed: ComposedExchange, encoder: EventEncoder, outlet: OpenOutlet, left: Promise<void>) {
    this.composed = composed;
    this.#encoder = encoder;
    this.#outlet = outlet;
    this.left = left;
  }

  /** All in one chunk. */
  say(...texts: readonly string[]): this {
    for (const text of texts) this.#write({ type: "text-delta", index: 0, text: jsonText(text) });
    return this.#flush();
  }

  think(text: string): this {
    this.#write({ type: "reasoning-delta", index: 0, text: jsonText(text) });
    return this.#flush();
  }

  end(): void {
    this.#write({
      type: "reply-end",
      finishReason: "stop",
      usage: { inputTokens: 3, outputTokens: 4, totalTokens: 7, reasoningTokens: 0, isEstimated: false },
    } as ChatEvent);
    this.#flush();
    this.#outlet.close();
  }

  fail(error: GatewayError): void {
    this.#write({ type: "reply-error", error });
    this.#flush();
    this.#outlet.close();
  }

  /** The body ends in the middle. */
  breakOff(): void {
    this.#outlet.close();
  }

  #write(event: ChatEvent): void {
    this.#encoder.write(event);
  }

  #flush(): this {
    const bytes = this.#encoder.take();
    if (bytes.length > 0) this.#outlet.enqueue(bytes);
    return this;
  }
}

export interface ChatStage {
  readonly chat: TypedChat;
  readonly store: ChatStore;
  /** Errors that were logged. */
  readonly logged: { readonly message: string; readonly error: unknown }[];
  /** What was asked beside the conversation. */
  readonly asked: ChatRequest[];
  readonly forgotten: string[];
  /** The next reply that is asked for. */
  nextReply(): Promise<Reply>;
  /** Sends a message; the reader of its stream. */
  send(body: Record<string, unknown>, caller?: string): Promise<{ reader: BodyReader; response: Response }>;
  /** The same, from a client that may have left. */
  request(body: Record<string, unknown>, client: { caller?: string; signal?: AbortSignal }): Promise<Response>;
  /** The same with a reply that says this at once, read to its end. */
  talk(body: Record<string, unknown>, answer?: string): Promise<ChatFrames>;
  messagesOf(sessionId: string, caller?: string): Promise<readonly ChatMessage[]>;
  close(): Promise<void>;
}

export interface StageOptions {
  readonly pipeline?: Pipeline;
  readonly ask?: Asked;
  readonly changeStore?: (store: ChatStore) => Partial<ChatStore>;
  readonly change?: Partial<TypedChatOptions>;
}

const allSteps: Pipeline = definePipeline([queryAnalysis(), retrieval(), generation(), quality(), followUps()]);

export function startChat({ pipeline = allSteps, ask, changeStore, change }: StageOptions = {}): ChatStage {
  const database = openChatDatabase(inMemory, silentLog);
  const sqlite = createSqliteChat(database, { clock: Date.now, sessionTimeoutMs: 3_600_000 });
  const store: ChatStore = { ...sqlite, ...changeStore?.(sqlite) };
  const logged: ChatStage["logged"] = [];
  const log: Log = {
    ...silentLog,
    error: (message, _fields, error) => void logged.push({ message, error }),
    with: () => log,
  };
  const replays = createReplays({
    index: createSqliteReplayIndex(database),
    clock: Date.now,
    log,
    interruptedFrames: (lastId) => [endingFrame(lastId, "interrupted")],
    stoppedFrames: (lastId) => [endingFrame(lastId, "stopped")],
  });
  const replies: Reply[] = [];
  const waiting: ((reply: Reply) => void)[] = [];
  const asked: ChatRequest[] = [];
  const forgotten: string[] = [];

  async function converse(surface: Surface, composed: ComposedExchange): Promise<Response> {
    composed.signal.throwIfAborted();
    const { request } = composed;
    if (!request.stream) {
      asked.push(request);
      const text = (await ask?.(request)) ?? '["And then?","Who says so?"]';
      return Response.json(surface.encodeReply(request, { text } as never));
    }
    const encoder = surface.createEncoder(request, {} as never);
    const left = Promise.withResolvers<void>();
    const outlet = composed.outlet!;
    outlet.open({ pull() {}, cancel: () => left.resolve() });
    const reply = new Reply(composed, encoder, outlet, left.promise);
    const take = waiting.shift();
    if (take === undefined) replies.push(reply);
    else take(reply);
    return new Response(null, { headers: { "x-upstream": "u1" } });
  }

  const chat = createTypedChat({
    pipeline,
    gateway: {
      converse,
      async forget(_caller, sessionId) {
        forgotten.push(sessionId);
      },
    },
    store,
    turns: { getSession: async () => undefined },
    replays,
    search: async () => [source],
    upstreamNames: () => ["u1"],
    defaultModel: "qwen3-max",
    clock: Date.now,
    log,
    ...change,
  });

  function nextReply(): Promise<Reply> {
    const reply = replies.shift();
    return reply === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(reply);
  }

  function request(body: Record<string, unknown>, client: { caller?: string; signal?: AbortSignal }) {
    return chat.answer({
      body: new TextEncoder().encode(JSON.stringify(body)),
      headers: new Headers(),
      signal: client.signal ?? new AbortController().signal,
      caller: client.caller ?? "c",
      requestId: "r1",
      onCut() {},
    });
  }

  async function send(body: Record<string, unknown>, caller = "c") {
    const response = await request(body, { caller });
    return { response, reader: new BodyReader(response.body!) };
  }

  return {
    chat,
    store,
    logged,
    asked,
    forgotten,
    nextReply,
    send,
    request,
    async talk(body, answer = "Two months.") {
      const { reader } = await send(body);
      (await nextReply()).say(answer).end();
      return framesOf(await reader.toEnd());
    },
    async messagesOf(sessionId, caller = "c") {
      return (await chat.findMessages(caller, sessionId)) ?? [];
    },
    async close() {
      await replays.close();
      await chat.drain();
      database.close();
    },
  };
}

function endingFrame(lastId: number, sentence: string): Uint8Array {
  return new TextEncoder().encode(`id: ${lastId + 1}\ndata: ${JSON.stringify({ error: sentence })}\n\n`);
}

/** One key each; "[DONE]" is the end mark. */
export type ChatFrame = Readonly<Record<string, unknown>> | "[DONE]";

export interface ChatFrames {
  readonly ids: readonly number[];
  readonly events: readonly ChatFrame[];
  /** The key of each event, runs of tokens as one; a stage by its name. */
  readonly kinds: readonly string[];
  readonly text: string;
  readonly sessionId: string;
  readonly messageId: string;
  readonly userMessageId: string;
}

export function framesOf(body: string): ChatFrames {
  const frames = [...body.matchAll(/(?<=^|\n\n)id: (\d+)\ndata: ([^\n]*)\n(?=\n)/g)];
  const events = frames.map(([, , data = ""]): ChatFrame => (data === "[DONE]" ? data : JSON.parse(data)));
  const kinds = events.map((event) =>
    typeof event === "string" ? event : typeof event["stage"] === "string" ? event["stage"] : Object.keys(event)[0]!,
  );
  const opening = ((typeof events[0] === "object" && events[0]["metadata"]) || {}) as Record<string, string>;
  return {
    ids: frames.map(([, id]) => Number(id)),
    events,
    kinds: kinds.filter((kind, index) => kind !== "token" || kinds[index - 1] !== "token"),
    text: events.map((event) => (typeof event === "object" ? (event["token"] ?? "") : "")).join(""),
    sessionId: opening["session_id"] ?? "",
    messageId: opening["message_id"] ?? "",
    userMessageId: opening["user_message_id"] ?? "",
  };
}

export function errorOf({ events }: ChatFrames): unknown {
  const last = events.at(-1);
  return typeof last === "object" ? last["error"] : undefined;
}
