// What serves Qwen, as the gateway sees it. One folder under upstreams/ implements it for one kind of server.

import type { ByteSource } from "./byte-source.ts";
import type { ChatRequest } from "./chat-request.ts";
import type { Continuation } from "./continuation.ts";
import type { TokenUsage, UpstreamEvent } from "./events.ts";
import type { Forwarding } from "./forward.ts";
import type { GatewayError } from "./gateway-error.ts";
import type { LimitListener, UpstreamLimits } from "./limits.ts";

/** Longer lists are cut: each entry is looked at, kept and told to everybody who asks. */
export const mostModels = 10_000;

export interface ModelInfo {
  readonly id: string;
  readonly displayName: string;
  readonly ownedBy: string;
  /** Unix seconds; undefined when the upstream does not say. */
  readonly createdAtSeconds: number | undefined;
  readonly contextTokens: number | undefined;
  readonly maxOutputTokens: number | undefined;
  readonly vision: boolean;
  readonly thinking: boolean;
}

/**
 * How the system messages differ from those that the upstream has seen: more of them; some in a new form while others
 * stay; all of them new, or fewer than before; or none left.
 */
export type SystemChange = "none" | "added" | "changed" | "replaced" | "removed";

/**
 * What an upstream knows of the tools that a request brings. `known`: them, or there are none to know. `unknown`: none have
 * been told. `changed`: others have been told. `distant`: told, but so much has been said since that a model may have
 * forgotten them. `gone`: some have been told, and the request brings none.
 */
export type ToolKnowledge = "known" | "unknown" | "changed" | "distant" | "gone";

/** How far an upstream has seen the conversation. */
export interface Resume {
  readonly continuation: Continuation;
  /** The account whose chat it is. */
  readonly account: string;
  /** Index into `request.messages` of the first message that the upstream has not seen. */
  readonly unseenFrom: number;
  /** Indexes into `request.messages` of the system messages to tell, as `systemChange` says. */
  readonly unseenSystem: readonly number[];
  readonly systemChange: SystemChange;
  /** Tools that are not known count as told by this turn, unless its choice is "none". */
  readonly tools: ToolKnowledge;
  /** A reply that a killed process left running in this chat: to be stopped first. */
  readonly interrupted: Continuation | undefined;
  /** Epoch milliseconds before which the chat is not expected to accept a message. */
  readonly readyAtMs: number;
  /** Of the question whose answer this one mends, where that went on from something. */
  readonly mends?: Resume | undefined;
}

export interface OpenContext {
  /** Aborted when the client leaves, or the upstream is silent for too long: the reason is the GatewayError that says which. */
  readonly signal: AbortSignal;
  /** Who asks; scopes conversations. */
  readonly caller: string;
  readonly requestId: string;
  /** Epoch milliseconds by which the first semantic event must have come: retries and waits included. */
  readonly deadlineMs: number;
  readonly resume: Resume | undefined;
  /** Wants to hear what the upstream tells of its limits. */
  readonly limits?: LimitListener;
  /** What the client calls the model: replies that are passed on name it so. */
  readonly toldModel: string;
  /**
   * Told of a chat that was made for the request and came to nothing, also when nobody waits for it any more. Absent where it may
   * stay for a repetition.
   */
  leaveChat?(account: string, chatId: string): void;
  /** Nothing will come before the whole answer: the clock of the first byte does not count for this request. */
  onWholeAnswer(): void;
}

/** How a reply ended. */
export type ReplyOutcome = "complete" | "failed" | "aborted";

/** `cut`: whole for its client, which wanted no more of it. Its turn counts, and the generation is to be stopped. */
export type ReplyEnding = ReplyOutcome | "cut";

export interface EventDecoder {
  /** Synchronous; all state of one reply. Events and their views are valid only during `emit`. */
  feed(chunk: Uint8Array, emit: (event: UpstreamEvent) => void): void;
  /** The body ended: says `reply-error` unless `reply-end` or `reply-error` has been said. */
  end(emit: (event: UpstreamEvent) => void): void;
  /** Bytes of an unfinished line that are kept, for whoever debugs a stream. */
  readonly pendingBytes: number;
}

/** A reply whose frames are those of the client's protocol: they are passed on, and only watched. */
export interface PassThrough {
  /** The tokens of what was passed on, estimated for upstreams that do not count. */
  readonly estimatedTokens: number;
  /** What the client still lacks behind the last frame: the usage if it asked for it, and the mark of the end. */
  closingFrames(usage: TokenUsage): string;
}

/** The text that a reply has said so far, for whoever looks the whole of it up. */
export interface SaidText {
  /** What follows it in `whole`; undefined when `whole` does not begin with exactly what was said. */
  restOf(whole: string): string | undefined;
}

export interface UpstreamReply {
  /** Id of the account that serves it; "" where the upstream has none. */
  readonly account: string;
  /** The model that is really asked. */
  readonly model: string;
  readonly body: ByteSource;
  readonly decoder: EventDecoder;
  /** Present when `decoder` says `frames` in the place of deltas. */
  readonly passThrough?: PassThrough;
  /** Strings of the client before which its answer is to end, where the upstream was not told them. */
  readonly cutAt?: readonly string[];
  /**
   * The body broke off: looks once whether the upstream holds the whole answer nevertheless. Called at most once, before
   * `onEnd`; bounds its own time. Resolves with the text that is still to be said, undefined when the answer is not whole.
   */
  recover?(said: SaidText): Promise<string | undefined>;
  /**
   * Called exactly once. After "complete" the caller reads `body` up to its end, so that its connection may serve again;
   * otherwise it is for this method to cancel. Resolves when the upstream is known to be at rest (a running generation has
   * been stopped), with the milliseconds its chat still needs to settle.
   * @param error what a failed one failed by
   */
  onEnd(ending: ReplyEnding, error?: GatewayError): Promise<number>;
}

/** An account as others may see it: no credential in it. */
export interface AccountView {
  readonly id: string;
  /** What its owner calls it; bounded and safe to log. */
  readonly alias: string;
  readonly state: "ready" | "cooling-down" | "needs-sign-in" | "challenged" | "paused";
  /** Epoch milliseconds when the state ends by itself; absent: it does not, or is unknown. */
  readonly untilMs?: number;
  /** Why it is not ready, in words for its owner. */
  readonly reason?: string;
  /** Replies that it serves now. */
  readonly openReplies: number;
}

export interface Upstream {
  readonly name: string;
  /** It remembers what was said: its replies tell a continuation, and a turn is sent what it has not seen. */
  readonly keepsConversations?: boolean;
  /** Name of the surface whose protocol it speaks itself: what nothing has to be changed about is passed on. */
  readonly protocol?: string;
  /** It knows by itself what serves a request that names no model. Otherwise the first of its list does. */
  readonly choosesModel?: boolean;
  /** It can be held to JSON by means of its own: to any object, or to a schema too. Absent: it has to be asked in words. */
  readonly jsonAnswers?: "object" | "schema";
  /** How much it takes; beyond it requests wait in line. Absent: as much as comes, until its server says otherwise. */
  readonly limits?: UpstreamLimits;
  /** @throws {GatewayError} when neither the upstream nor a built-in list can tell. */
  listModels(signal: AbortSignal): Promise<readonly ModelInfo[]>;
  /**
   * A model was asked for that its list does not tell: reads the list again, unless it has just done so. Resolves when
   * `listModels` tells the new one. Never rejects. Absent: its list does not change.
   */
  renewModels?(): Promise<void>;
  /** Id of the listed model that is meant by a name of this upstream's own, such as one with an ending. Absent: names are ids. */
  modelIdOf?(name: string): string | undefined;
  /**
   * Sends the request and returns as soon as the upstream has accepted it.
   * @throws {GatewayError} on every refusal, classified.
   */
  open(request: ChatRequest, context: OpenContext): Promise<UpstreamReply>;
  /** Deletes a chat that this gateway created. Used by session deletion where it is configured. */
  deleteChat?(account: string, chatId: string, signal: AbortSignal): Promise<void>;
  /**
   * Asks whether it is ready, by a question that costs its server next to nothing; resolves with false when the server
   * says that it is not. Present where it may be asked on a timer: at servers of one's own.
   * @throws {GatewayError} when nothing answers
   */
  checkHealth?(signal: AbortSignal): Promise<boolean>;
  /** The accounts behind it, where it has any. Cheap: asks nobody. */
  accounts?(): readonly AccountView[];
  /** The endpoints beside chat, where it has any. */
  readonly forwarding?: Forwarding;
}
