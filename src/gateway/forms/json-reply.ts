// A reply that has to be JSON, on its way to the client: held until it is whole and checked, or cut out of what comes.
// What to do with one that does not fit, whoever asked decides.

import { beginningOfJson } from "../../answers/find-json.ts";
import { JsonCutter } from "../../answers/json-cutter.ts";
import type { JsonRoot } from "../../answers/answer-schema.ts";
import type { Continuation } from "../../contract/continuation.ts";
import { EventFilter } from "../../contract/event-filter.ts";
import type { UpstreamEvent } from "../../contract/events.ts";
import type { GatewayError } from "../../contract/gateway-error.ts";
import { jsonText } from "../../contract/json.ts";
import type { EventDecoder } from "../../contract/upstream.ts";

/** What a whole answer turns out to be. */
export type Verdict =
  | { readonly type: "json"; readonly json: string }
  | { readonly type: "refusal"; readonly text: string }
  | { readonly type: "unfit"; readonly error: GatewayError };

export interface WholeAnswer {
  readonly text: string;
  /** The client has it already: it fits as it stands, or not at all. */
  readonly isSaid: boolean;
  /** Where the chat stands behind it. */
  readonly continuation: Continuation | undefined;
}

export interface JsonReplyOptions {
  readonly root: JsonRoot;
  /**
   * True: the JSON goes out as it comes, of a server that holds its model to it. False: everything is held until the
   * end, so that nothing has been sent when it turns out not to fit.
   */
  readonly streams: boolean;
  /** Of an answer that ended well. */
  judge(answer: WholeAnswer): Verdict;
  /** The answer is longer than anybody checks. */
  tooLong(): GatewayError;
}

/** Of one answer and its thoughts, in UTF-16 units. */
const maxHeldChars = 8_388_608;

export class JsonReply extends EventFilter {
  readonly #options: JsonReplyOptions;
  readonly #cutter: JsonCutter | undefined;
  #continuation: Continuation | undefined;
  /** The answer as it came; of one that goes out as it comes, what went out. */
  #pieces: string[] = [];
  #thoughts: string[] = [];
  /** Sources and the like, behind the thoughts. */
  #others: UpstreamEvent[] = [];
  #chars = 0;
  #hasCalls = false;
  /** The model declined, in the server's own word for that: nothing else is asked of the answer. */
  #isRefused = false;
  /** The client's own mark has cut the answer. */
  #isCut = false;
  #hasFailed = false;

  constructor(decoder: EventDecoder, options: JsonReplyOptions) {
    super(decoder);
    this.#options = options;
    const { root, streams } = options;
    // Of other values nobody knows the end before it is there.
    if (streams && root !== "any") this.#cutter = new JsonCutter(root);
  }

  protected get heldChars(): number {
    return this.#chars;
  }

  protected override get isOver(): boolean {
    return this.#hasFailed;
  }

  protected accept(event: UpstreamEvent): void {
    if (this.#hasFailed) return;
    switch (event.type) {
      case "text-delta":
        // Words around calls are none of the JSON that clients parse.
        if (!this.#hasCalls) this.#read(event.text.text);
        return;
      case "reasoning-delta":
        if (!this.#holds) break;
        this.#thoughts.push(event.text.text);
        return this.#count(event.text.text);
      case "source":
        if (!this.#holds) break;
        this.#others.push(event);
        return;
      case "stop-sequence":
        this.#isCut = true;
        if (!this.#holds) break;
        this.#others.push(event);
        return;
      case "tool-call-start":
        this.#hasCalls = true;
        this.#release();
        break;
      case "refusal-delta":
        this.#isRefused = true;
        this.#release();
        break;
      case "reply-start":
        this.#continuation = event.continuation;
        break;
      case "reply-end":
        this.#continuation = event.continuation ?? this.#continuation;
        if (this.#hasCalls || this.#isRefused || this.#endAnswer(event.finishReason === "stop" && !this.#isCut)) break;
        return;
      default:
        break;
    }
    this.say(event);
  }

  get #holds(): boolean {
    return this.#cutter === undefined && !this.#hasCalls && !this.#isRefused;
  }

  #read(text: string): void {
    const cutter = this.#cutter;
    const hadBegun = cutter !== undefined && cutter.state !== "before";
    const said = cutter?.read(text) ?? "";
    const hasBegun = cutter !== undefined && cutter.state !== "before";
    if (hasBegun && !hadBegun) this.#pieces = [];
    const kept = hasBegun ? said : text;
    this.#pieces.push(kept);
    this.sayText(said);
    this.#count(kept);
  }

  #count(text: string): void {
    this.#chars += text.length;
    if (this.#chars > maxHeldChars) this.#fail(this.#options.tooLong());
  }

  /** @param isWhole it was not cut short: what was, its client is told by the finish. @returns whether the reply has ended well */
  #endAnswer(isWhole: boolean): boolean {
    const text = this.#pieces.join("");
    const isSaid = this.#cutter !== undefined && this.#cutter.state !== "before";
    if (!isWhole) {
      this.#release();
      if (!isSaid) this.sayText(beginningOfJson(text, this.#options.root));
      return true;
    }
    const verdict = this.#options.judge({ text, isSaid, continuation: this.#continuation });
    if (verdict.type === "unfit") {
      this.#fail(verdict.error);
      return false;
    }
    this.#release();
    if (verdict.type === "refusal") this.say({ type: "refusal-delta", text: jsonText(verdict.text) });
    else if (!isSaid) this.sayText(verdict.json);
    return true;
  }

  #release(): void {
    const thoughts = this.#thoughts.splice(0).join("");
    if (thoughts !== "") this.say({ type: "reasoning-delta", text: jsonText(thoughts) });
    for (const event of this.#others.splice(0)) this.say(event);
  }

  #fail(error: GatewayError): void {
    this.#hasFailed = true;
    this.#pieces = [];
    this.#thoughts = [];
    this.say({ type: "reply-error", error });
  }
}
