// When the prompt of an exchange goes out shortened, if the settings allow it at all: once after a refusal, or before one
// where it clearly exceeds a known context. What is given up is decided by conversation/trim-messages.ts.

import type { ChatRequest } from "../contract/chat-request.ts";
import type { PromptLengths } from "../contract/context-too-long.ts";
import { GatewayError } from "../contract/gateway-error.ts";
import { estimatePrompt, estimateTools } from "../conversation/estimate-prompt.ts";
import { promptRoom } from "../conversation/prompt-room.ts";
import { trimMessages, type TrimmedMessages, type TrimStrategy } from "../conversation/trim-messages.ts";
import type { Log } from "../telemetry/log.ts";
import type { ModelCatalog } from "./candidates/model-catalog.ts";
import type { Candidate } from "./candidates/model-routes.ts";

export interface ContextTrimSettings {
  readonly strategy: TrimStrategy;
  /** What the candidate's model reads and writes together. Undefined: nobody knows. */
  contextTokens(candidate: Candidate): number | undefined;
}

/** What a candidate is sent. */
interface Sent {
  /** As it is without trimming. */
  readonly whole: ChatRequest;
  readonly request: ChatRequest;
  /** Messages that were left out or shortened. */
  readonly changed: number;
  /** It was refused, and there is no second time. */
  readonly isLast: boolean;
}

/** Estimates are right within a third: beyond that a prompt is too long whatever they are worth. */
const clearExcess = 4 / 3;

/** @returns undefined when nothing is ever given up */
export function contextTrimOf(
  choice: "off" | TrimStrategy,
  catalog: Pick<ModelCatalog, "contextTokens">,
): ContextTrimSettings | undefined {
  if (choice === "off") return undefined;
  return { strategy: choice, contextTokens: ({ upstream, model }) => catalog.contextTokens(upstream, model) };
}

export class ContextTrim {
  readonly #settings: ContextTrimSettings;
  readonly #log: Log;
  readonly #sent = new Map<Candidate, Sent>();

  /** @param log its lines tell the request */
  constructor(settings: ContextTrimSettings, log: Log) {
    this.#settings = settings;
    this.#log = log;
  }

  /** @returns the request as this candidate is to be sent it, the same one for all its attempts */
  fit(candidate: Candidate, request: ChatRequest): ChatRequest {
    // It has its own way with a history, and its refusals are of what it keeps.
    if (candidate.upstream.keepsConversations === true) return request;
    let sent = this.#sent.get(candidate);
    if (sent === undefined) {
      sent = this.#inAdvance(candidate, request);
      this.#sent.set(candidate, sent);
    }
    return sent.request;
  }

  /**
   * Runs an attempt, and once more when its prompt was refused as too long and a shorter one may do.
   * @param tryOnce sends what `fit` gives
   * @throws what the attempt throws; of two refusals as too long the first, whose numbers are the client's own
   */
  async attempt(candidate: Candidate, tryOnce: () => Promise<void>, mayRepeat: () => boolean): Promise<void> {
    try {
      return await tryOnce();
    } catch (refusal) {
      if (!isTooLong(refusal) || !mayRepeat() || !this.#shorten(candidate, refusal.lengths ?? {})) throw refusal;
      try {
        return await tryOnce();
      } catch (error) {
        throw isTooLong(error) ? refusal : error;
      }
    }
  }

  /** How many messages this candidate was not sent, or not whole. */
  changed(candidate: Candidate | undefined): number {
    return candidate === undefined ? 0 : (this.#sent.get(candidate)?.changed ?? 0);
  }

  #inAdvance(candidate: Candidate, whole: ChatRequest): Sent {
    const unchanged = { whole, request: whole, changed: 0, isLast: false };
    const contextTokens = this.#settings.contextTokens(candidate);
    if (contextTokens === undefined) return unchanged;
    const promptTokens = estimatePrompt(whole);
    if (promptTokens <= contextTokens * clearExcess) return unchanged;
    const trimmed = this.#trim(whole, { contextTokens, promptTokens }, promptTokens);
    if (trimmed === undefined) return unchanged;
    this.#tell("The prompt is longer than the model's context and is shortened", candidate, trimmed);
    return { ...unchanged, request: withMessages(whole, trimmed), changed: trimmed.changed };
  }

  /** @returns whether there is a shorter one now */
  #shorten(candidate: Candidate, told: PromptLengths): boolean {
    const sent = this.#sent.get(candidate);
    if (sent === undefined || sent.isLast) return false;
    const knowsLimit = told.contextTokens !== undefined || told.maxPromptTokens !== undefined;
    const contextTokens = knowsLimit ? undefined : this.#settings.contextTokens(candidate);
    const lengths = contextTokens === undefined ? told : { ...told, contextTokens };
    const trimmed = this.#trim(sent.whole, lengths, estimatePrompt(sent.request));
    this.#tell(
      trimmed === undefined
        ? "The prompt was refused as too long and cannot be shortened enough"
        : "The prompt was refused as too long and is sent once more, shortened",
      candidate,
      trimmed,
    );
    if (trimmed === undefined) return false;
    const request = withMessages(sent.whole, trimmed);
    this.#sent.set(candidate, { whole: sent.whole, request, changed: trimmed.changed, isLast: true });
    return true;
  }

  /** @param sentTokens estimated, of what `lengths` tells of. @returns undefined when it cannot be made to fit */
  #trim(whole: ChatRequest, lengths: PromptLengths, sentTokens: number): TrimmedMessages | undefined {
    const room = promptRoom(lengths, sentTokens, whole.maxTokens);
    if (room === undefined) return undefined;
    const toolTokens = estimateTools(whole.tools);
    const trimmed = trimMessages(whole.messages, this.#settings.strategy, room.aimTokens - toolTokens);
    return trimmed.changed > 0 && trimmed.tokens + toolTokens <= room.mostTokens ? trimmed : undefined;
  }

  #tell(message: string, { upstream, model }: Candidate, trimmed: TrimmedMessages | undefined): void {
    this.#log.info(message, {
      upstream: upstream.name,
      model,
      strategy: this.#settings.strategy,
      trimmedMessages: trimmed?.changed,
      keptMessages: trimmed?.kept.length,
    });
  }
}

/** One that may be sent again as it is was changed in another way: by fewer tokens for its answer. */
function isTooLong(error: unknown): error is GatewayError {
  return error instanceof GatewayError && error.kind === "context-too-long" && !error.retryable;
}

/** Written anew by its upstream: what was received says something else. */
function withMessages(whole: ChatRequest, { messages, kept }: TrimmedMessages): ChatRequest {
  const { received: _received, ...request } = whole;
  const written = whole.body["messages"];
  const isAligned = Array.isArray(written) && written.length === whole.messages.length;
  // Upstreams of the client's protocol read there what the contract does not know of a message.
  const body = isAligned ? { ...whole.body, messages: kept.map((index) => written[index] as unknown) } : whole.body;
  return { ...request, messages, body };
}
