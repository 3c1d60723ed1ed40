// What becomes of an event on the pass-through lane: it goes to the client as it came, or a mended one takes its place.
// reply-reader.ts says what the event means by the rules of all dialects; if that is what its own words say, it is sound.

import type { FinishReason, TokenUsage, UpstreamEvent } from "../../../contract/events.ts";
import { isJsonObject, type JsonObject } from "../../../contract/json.ts";
import type { PassThrough } from "../../../contract/upstream.ts";
import { estimatedTokensOf } from "../../../conversation/estimate-tokens.ts";
import type { CompletionChunk } from "../../../wire/openai-compatible.ts";
import { parseObject } from "../../parse-object.ts";
import { classifyEvent } from "../refusals/errors.ts";
import { dataFrame } from "../reply/event-frames.ts";
import { type ReplyOptions, ReplyReader } from "../reply/reply-reader.ts";
import { firstChoice, isSound, PassedCalls } from "./sound-chunk.ts";
import type { TextFlow } from "../reply/text-flow.ts";
import { encodeUsage, type Fields, headOf, toldChoice, toldUsage, withModel, withoutUsage } from "./told-chunk.ts";

export interface PassOptions extends ReplyOptions {
  /** What the client calls the model. */
  readonly toldModel: string;
  /** The client asked for usage in its stream. */
  readonly wantsUsage: boolean;
}

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
  #said: UpstreamEvent[] = [];

  constructor(options: PassOptions) {
    this.#options = options;
    this.#reader = new ReplyReader(options);
    this.#reader.emit = (event) => {
      // Pages are told by the chunk itself.
      if (event.type !== "reply-start" && event.type !== "source") this.#said.push(event);
    };
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
    const refusal = classifyEvent(event ?? text.trim(), isErrorEvent, status, this.#options.source);
    if (refusal !== undefined) return this.#end(() => this.#reader.refuse(refusal));
    // Data without any, too: clients parse it as JSON.
    if (event === undefined) return text.trim() === "" ? "" : this.#skip("no JSON object");
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
    this.#noteHead(event);
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
    const changed = this.#changed(event, choice);
    return changed === event ? undefined : frameOf(changed);
  }

  /** A chunk of usage, mostly, or something that only its client understands. */
  #withoutChoice(event: JsonObject, text: string, said: readonly UpstreamEvent[]): string | undefined {
    const { choices, usage } = event;
    const isEmpty = Array.isArray(choices) && choices.length === 0;
    if (usage != null) this.#keepUsage(isEmpty ? event : { ...event, choices: [] }, isEmpty ? text : undefined);
    if (this.#reader.hasEnded) return this.#endWith(said);
    if (usage != null) return "";
    if (!isEmpty) return this.#skip("choices that are none");
    const changed = this.#withModel(event);
    return changed === event ? undefined : frameOf(changed);
  }

  /** @param text the same, as it came, where it did */
  #keepUsage(event: JsonObject, text: string | undefined): void {
    const told = this.#options.wantsUsage ? toldUsage(event["usage"]) : undefined;
    if (told === undefined) return;
    const changed = this.#withModel(told === event["usage"] ? event : { ...event, usage: told });
    this.#usageFrame = changed === event && text !== undefined ? dataFrame(text) : frameOf(changed);
  }

  #keepFinish(event: JsonObject, choice: JsonObject, text: string | undefined, said: readonly UpstreamEvent[]): string {
    // Clients look for it where there is no choice.
    if (this.#usageFrame === "" && event["usage"] != null) this.#keepUsage({ ...event, choices: [] }, undefined);
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
    const changed = this.#changed(event, choice);
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
    const changed = this.#changed(chunk, choice);
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
      case "refusal-delta":
        return { refusal: event.text.text };
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
  #changed(event: JsonObject, choice: JsonObject): JsonObject {
    // It is told once, at the end: clients add up what they are told.
    const changed = this.#withModel(event["usage"] == null ? event : withoutUsage(event));
    const told = toldChoice(choice, this.#hasRole);
    this.#hasRole = true;
    return told === choice ? changed : { ...changed, choices: [told] };
  }

  #withModel(event: JsonObject): JsonObject {
    return withModel(event, this.#options.toldModel);
  }

  /** Azure's first chunk has no id and no time: the next one that has is the one to follow. */
  #noteHead(event: JsonObject): void {
    const isKnown = this.#head !== undefined && (this.#head["id"] || !event["id"]);
    if (!isKnown) this.#head = headOf(event, this.#options.toldModel);
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
    this.#reader.skip(reason);
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

function frameOf(chunk: object): string {
  return `data: ${JSON.stringify(chunk)}\n\n`;
}
