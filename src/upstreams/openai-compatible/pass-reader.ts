// What becomes of an event on the pass-through lane: it goes to the client as it came, or a mended one takes its place.
// reply-reader.ts says what the event means by the rules of all dialects; if that is what its own words say, it is sound.

import type { FinishReason, TokenUsage, UpstreamEvent } from "../../contract/events.ts";
import { isJsonObject, type Json, type JsonObject } from "../../contract/json.ts";
import type { PassThrough } from "../../contract/upstream.ts";
import { estimatedTokensOf } from "../../conversation/estimate-tokens.ts";
import type { CompletionChunk } from "../../wire/openai-compatible.ts";
import { parseObject } from "./error-body.ts";
import { classifyEvent } from "./errors.ts";
import { dataFrame } from "./event-frames.ts";
import { type ReplyOptions, ReplyReader } from "./reply-reader.ts";
import { firstChoice, isSound, PassedCalls } from "./sound-chunk.ts";
import type { TextFlow } from "./text-flow.ts";

export interface PassOptions extends ReplyOptions {
  /** What the client calls the model. */
  readonly toldModel: string;
  /** The client asked for usage in its stream. */
  readonly wantsUsage: boolean;
}

type Fields = { [field: string]: Json | undefined };

/** A class and not closures: every open stream holds one. */
export class PassReader implements PassThrough {
  /** The last event said something. */
  isSemantic = false;
  /** Told behind the frames of the last event, if the reply ended with it. */
  ending: UpstreamEvent[] | undefined;
  /** Of text that was passed on or mended; as JSON, without quotes. */
  saidBytes = 0;
  /** The last event, if the client gets it with small changes at most. */
  sound: JsonObject | undefined;
  readonly #options: PassOptions;
  readonly #reader: ReplyReader;
  readonly #calls = new PassedCalls();
  /** What every chunk begins with, for those that are made here. */
  #head: Fields | undefined;
  #hasRole = false;
  /** Kept as it came until the end: only then it is sure how the reply ended, and nothing may follow it. */
  #finish: { readonly chunk: JsonObject; readonly text: string | undefined } | undefined;
  #usageFrame = "";
  #hasToldUsage = false;
  #hasSkipped = false;
  #said: UpstreamEvent[] = [];

  constructor(options: PassOptions) {
    this.#options = options;
    this.#reader = new ReplyReader(options);
    this.#reader.emit = (event) => void (event.type === "reply-start" || this.#said.push(event));
  }

  get text(): TextFlow {
    return this.#reader.text;
  }

  get hasEnded(): boolean {
    return this.#reader.hasEnded;
  }

  get estimatedTokens(): number {
    return estimatedTokensOf(this.saidBytes);
  }

  /**
   * @param text the data of an event
   * @param status what the stream said about the status of an error
   * @returns the frames to send in its place, "" for none; undefined: it goes out as it came
   */
  read(text: string, isErrorEvent: boolean, status: number | undefined): string | undefined {
    this.isSemantic = false;
    this.sound = undefined;
    if (text.trim() === "[DONE]") return this.#end(() => this.#reader.done());
    const event = parseObject(text);
    if (event === undefined) return text.trim() === "" ? undefined : this.#skip("no JSON object");
    const refusal = classifyEvent(event, isErrorEvent, status, this.#options.source);
    if (refusal !== undefined) return this.#end(() => this.#reader.refuse(refusal));
    if (!Array.isArray(event["choices"]) && event["usage"] == null) return this.#skip("unknown event");
    return this.#chunk(event, text);
  }

  /** The body is over. @returns frames to send */
  end(): string {
    this.isSemantic = false;
    return this.#reader.hasEnded ? "" : this.#end(() => this.#reader.end());
  }

  closingFrames(usage: TokenUsage): string {
    const lacksUsage = this.#options.wantsUsage && !this.#hasToldUsage;
    const frame = lacksUsage ? frameOf({ ...this.#head, choices: [], usage: encodeUsage(usage) }) : "";
    return `${frame}data: [DONE]\n\n`;
  }

  #chunk(event: JsonObject, text: string): string | undefined {
    this.#head ??= this.#headOf(event);
    // Fields are checked one by one where they are used.
    this.#reader.accept(event as CompletionChunk);
    const said = this.#take();
    const choice = firstChoice(event);
    if (choice === undefined) return this.#withoutChoice(event, text, said);
    if (this.#reader.hasEnded) return this.#endWith(said);
    const isAsTold = isSound(event, choice, said, this.#calls);
    this.#note(said);
    if (isFinish(choice) && (choice["index"] ?? 0) === 0)
      return this.#keepFinish(event, choice, isAsTold ? text : undefined, said);
    if (!isAsTold) return this.#mended(said);
    this.sound = event;
    const changed = this.#changed(event, choice, false);
    return changed === event ? undefined : frameOf(changed);
  }

  /** A chunk of usage, mostly, or something that only its client understands. */
  #withoutChoice(event: JsonObject, text: string, said: readonly UpstreamEvent[]): string | undefined {
    const { wantsUsage } = this.#options;
    const isUsage = event["usage"] != null;
    if (isUsage && wantsUsage && isCounted(event["usage"])) this.#usageFrame = this.#frame(event, text);
    if (this.#reader.hasEnded) return this.#endWith(said);
    if (isUsage) return "";
    const changed = this.#withModel(event);
    return changed === event ? undefined : frameOf(changed);
  }

  #keepFinish(event: JsonObject, choice: JsonObject, text: string | undefined, said: readonly UpstreamEvent[]): string {
    const isSilent = said.length === 0;
    const frames = text === undefined ? this.#mended(said) : isSilent ? "" : this.#spoken(event, choice);
    if (this.#finish !== undefined) return frames;
    if (text !== undefined && isSilent) this.#finish = { chunk: event, text };
    else {
      const told = text === undefined || choice["logprobs"] == null ? {} : { logprobs: null };
      const kept = { ...choice, ...told, index: 0, message: undefined, delta: {} };
      this.#finish = { chunk: { ...event, choices: [kept] }, text: undefined };
    }
    return frames;
  }

  /** Words beside a finish do not wait with it: others may follow them before the end. */
  #spoken(event: JsonObject, choice: JsonObject): string {
    const changed = this.#changed(event, choice, false);
    return frameOf({ ...changed, choices: [{ ...firstChoice(changed), finish_reason: null }] });
  }

  #end(step: () => void): string {
    step();
    return this.#endWith(this.#take());
  }

  /** Frames of what was still to say, the finish and the usage; `ending` has what the gateway is to be told. */
  #endWith(said: readonly UpstreamEvent[]): string {
    const end = said.find((event) => event.type === "reply-end");
    const deltas = said.filter((event) => event.type !== "usage-update" && event.type !== "reply-end");
    this.ending = said.filter((event) => !isDelta(event));
    this.#note(deltas);
    let frames = this.#mended(deltas);
    if (end?.type !== "reply-end") return frames;
    frames += this.#finishFrame(end.finishReason);
    this.#hasToldUsage ||= this.#usageFrame !== "";
    return frames + this.#usageFrame;
  }

  #finishFrame(finishReason: FinishReason): string {
    const { chunk, text } = this.#finish ?? {
      chunk: { ...this.#head, choices: [{ index: 0, delta: {} }] },
      text: undefined,
    };
    const choice = firstChoice(chunk) ?? {};
    if (text !== undefined && saysSomething(choice)) this.isSemantic = true;
    const changed = this.#changed(chunk, choice, true);
    if (text !== undefined && changed === chunk && choice["finish_reason"] === finishReason) {
      return dataFrame(text);
    }
    return frameOf({ ...changed, choices: [{ ...firstChoice(changed), finish_reason: finishReason }] });
  }

  /** Chunks of our own for what was said, one each. */
  #mended(said: readonly UpstreamEvent[]): string {
    let frames = "";
    for (const event of said) {
      const delta = this.#deltaOf(event);
      if (delta === undefined) continue;
      const role = this.#hasRole ? {} : { role: "assistant" };
      this.#hasRole = true;
      frames += frameOf({
        ...this.#head,
        choices: [{ index: 0, delta: { ...role, ...delta }, finish_reason: null }],
      });
    }
    return frames;
  }

  #deltaOf(event: UpstreamEvent): Fields | undefined {
    switch (event.type) {
      case "text-delta":
        return { content: event.text.text };
      case "reasoning-delta":
        return { reasoning_content: event.text.text };
      case "tool-call-start":
        return {
          tool_calls: [
            {
              index: this.#calls.indexOf(event.callId),
              id: event.callId,
              type: "function",
              function: { name: event.toolName, arguments: "" },
            },
          ],
        };
      case "tool-call-delta": {
        const index = this.#calls.indexOf(event.callId);
        return { tool_calls: [{ index, function: { arguments: event.argumentsText } }] };
      }
      default:
        return undefined;
    }
  }

  /** The same chunk where nothing has to be changed about it. */
  #changed(event: JsonObject, choice: JsonObject, isFinish: boolean): JsonObject {
    const changed = this.#withModel(this.#withoutUsage(event, isFinish));
    const delta = choice["delta"];
    if (!isJsonObject(delta)) return changed;
    const lacksRole = !this.#hasRole && delta["role"] !== "assistant";
    this.#hasRole = true;
    const isRenamed = typeof delta["reasoning"] === "string" && delta["reasoning_content"] == null;
    if (!lacksRole && !isRenamed) return changed;
    const { reasoning, ...rest } = delta;
    const thought = isRenamed ? { reasoning_content: reasoning } : reasoning === undefined ? {} : { reasoning };
    const told = { ...rest, ...thought, ...(lacksRole ? { role: "assistant" } : {}) };
    return { ...changed, choices: [{ ...choice, delta: told }] };
  }

  /** It is told once, at the end: clients add up what they are told. */
  #withoutUsage(event: JsonObject, isFinish: boolean): JsonObject {
    const { usage, ...rest } = event;
    if (usage == null) return event;
    const isTold = isFinish && this.#options.wantsUsage && isCounted(usage) && this.#usageFrame === "";
    if (!isTold) return rest;
    this.#hasToldUsage = true;
    return event;
  }

  #withModel(event: JsonObject): JsonObject {
    const { toldModel } = this.#options;
    return event["model"] === toldModel ? event : { ...event, model: toldModel };
  }

  #frame(event: JsonObject, text: string): string {
    const changed = this.#withModel(event);
    return changed === event ? dataFrame(text) : frameOf(changed);
  }

  #headOf({ choices: _choices, usage: _usage, timings: _timings, ...head }: JsonObject): Fields {
    // Came out of JSON.parse.
    return { ...(head as Fields), model: this.#options.toldModel };
  }

  #note(said: readonly UpstreamEvent[]): void {
    for (const event of said) {
      if (event.type === "tool-call-start") this.#calls.add(event.callId);
      if (event.type === "tool-call-delta") this.saidBytes += Buffer.byteLength(event.argumentsText);
      if ("text" in event) this.saidBytes += event.text.end - event.text.start - 2;
      this.isSemantic ||= isDelta(event);
    }
  }

  #take(): UpstreamEvent[] {
    const said = this.#said;
    if (said.length > 0) this.#said = [];
    return said;
  }

  #skip(reason: string): string {
    if (!this.#hasSkipped) this.#options.onSkipped?.(reason);
    this.#hasSkipped = true;
    return "";
  }
}

function isDelta({ type }: UpstreamEvent): boolean {
  return type !== "usage-update" && type !== "reply-end" && type !== "reply-error";
}

function isFinish(choice: JsonObject): boolean {
  return typeof choice["finish_reason"] === "string" && choice["finish_reason"] !== "";
}

function saysSomething(choice: JsonObject | undefined): boolean {
  const delta = choice?.["delta"];
  return (
    isJsonObject(delta) &&
    Object.entries(delta).some(([field, value]) => field !== "role" && value != null && value !== "")
  );
}

/** Zeros all over are LM Studio's way to say that it does not know (#1602). */
function isCounted(usage: unknown): boolean {
  return isJsonObject(usage) && (Number(usage["prompt_tokens"]) > 0 || Number(usage["completion_tokens"]) > 0);
}

function frameOf(chunk: object): string {
  return `data: ${JSON.stringify(chunk)}\n\n`;
}

function encodeUsage(usage: TokenUsage): Json {
  return {
    prompt_tokens: usage.inputTokens,
    completion_tokens: usage.outputTokens,
    total_tokens: usage.totalTokens,
    prompt_tokens_details: { cached_tokens: usage.cachedTokens ?? 0 },
    completion_tokens_details: { reasoning_tokens: usage.reasoningTokens ?? 0 },
  };
}
