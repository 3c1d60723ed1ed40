// A stream of POST /v1/messages, as strict as the strictest of its clients. Order: `message_start`, one block after the
// other, `message_delta`, `message_stop`; pings in between.

import { checkAnthropicError } from "./check-errors.ts";
import { at, isCount, isObject, isText, Problems } from "./problems.ts";
import { readWire, type WireFrame } from "./wire-frames.ts";

const stopReasons: ReadonlySet<unknown> = new Set(["end_turn", "tool_use", "max_tokens", "stop_sequence", "refusal"]);

/** @returns what is wrong with it, each named as in the matrix of faults; nothing where clients have all they need */
export function checkMessagesStream(body: string): string[] {
  const problems = new Problems();
  const check = new MessagesStreamCheck(problems);
  for (const frame of readWire(body, problems)) check.frame(frame);
  check.end();
  return problems.found;
}

interface OpenBlock {
  readonly type: unknown;
  text: string;
  isSigned: boolean;
}

class MessagesStreamCheck {
  readonly #problems: Problems;
  #hasStarted = false;
  #blocks = 0;
  #calls = 0;
  #open: OpenBlock | undefined;
  #stopReason: unknown;
  #isStopped = false;
  #hasFailed = false;

  constructor(problems: Problems) {
    this.#problems = problems;
  }

  frame({ event, json }: WireFrame): void {
    const type = at(json, "type");
    this.#problems.must(isText(type), "an event has no type");
    this.#problems.must(event !== undefined, "no event: line");
    this.#problems.must(event === undefined || event === type, "an event: line differs from the type");
    this.#problems.must(!this.#isStopped && !this.#hasFailed, "something follows the end");
    if (type === "error") return this.#fail(json);
    if (type === "message_start") return this.#start(at(json, "message"));
    this.#problems.must(this.#hasStarted, "no message_start");
    this.#event(String(type), json);
  }

  end(): void {
    if (this.#hasFailed) return this.#problems.must(this.#stopReason === undefined, "an error follows the stop_reason");
    this.#problems.must(this.#open === undefined, "no content_block_stop");
    this.#problems.must(this.#stopReason !== undefined, "no message_delta with a stop_reason");
    this.#problems.must(this.#isStopped, "no message_stop");
  }

  #event(type: string, json: unknown): void {
    switch (type) {
      case "ping":
        return;
      case "content_block_start":
        return this.#startBlock(at(json, "index"), at(json, "content_block"));
      case "content_block_delta":
        return this.#delta(at(json, "index"), at(json, "delta"));
      case "content_block_stop":
        return this.#stopBlock(at(json, "index"));
      case "message_delta":
        return this.#messageDelta(json);
      case "message_stop":
        this.#isStopped = true;
        return;
      default:
        this.#problems.must(false, `an event is unknown: ${type}`);
    }
  }

  #start(message: unknown): void {
    this.#problems.must(!this.#hasStarted, "message_start came twice");
    this.#hasStarted = true;
    mustBeMessage(message, this.#problems);
    for (const field of ["stop_reason", "stop_sequence"]) {
      this.#problems.must(at(message, field) === null, `message_start has a ${field}`);
    }
    const content = at(message, "content");
    this.#problems.must(Array.isArray(content) && content.length === 0, "message_start has content");
    mustBeFirstUsage(at(message, "usage"), this.#problems);
  }

  #startBlock(index: unknown, block: unknown): void {
    this.#problems.must(this.#open === undefined, "no content_block_stop");
    this.#problems.must(this.#stopReason === undefined, "a block follows the stop_reason");
    this.#mustBeNext(index);
    const type = at(block, "type");
    this.#open = { type, text: "", isSigned: false };
    if (type === "text") this.#problems.must(at(block, "text") === "", "a block of text does not start empty");
    else if (type === "thinking") {
      const isEmpty = at(block, "thinking") === "" && at(block, "signature") === "";
      this.#problems.must(isEmpty, "a block of thoughts does not start empty");
    } else if (type === "tool_use") this.#startCall(block);
    else this.#problems.must(false, `a block is of no known type: ${String(type)}`);
  }

  #startCall(block: unknown): void {
    this.#calls++;
    mustBeCall(block, this.#problems);
    this.#problems.must(Object.keys(Object(at(block, "input"))).length === 0, "a call does not start without input");
  }

  #delta(index: unknown, delta: unknown): void {
    const open = this.#open;
    if (open === undefined) return this.#problems.must(false, "a delta is of no open block");
    this.#mustBeNext(index);
    if (open.type === "text" && at(delta, "type") === "citations_delta") {
      const isPage = isText(at(delta, "citation", "url")) && isText(at(delta, "citation", "cited_text"));
      return this.#problems.must(isPage, "a citation has no url or no cited_text");
    }
    const [type, field] = deltas[`${String(open.type)} ${String(at(delta, "type"))}`] ?? [];
    if (type === undefined || field === undefined) {
      return this.#problems.must(false, "a delta does not fit the type of its block");
    }
    const text = at(delta, field);
    this.#problems.must(typeof text === "string", `a ${type} has no ${field}`);
    this.#problems.must(!open.isSigned, "a delta follows the signature");
    if (field === "signature") open.isSigned = isText(text);
    else open.text += String(text);
  }

  #stopBlock(index: unknown): void {
    const open = this.#open;
    if (open === undefined) return this.#problems.must(false, "a block is stopped that is not open");
    this.#mustBeNext(index);
    this.#problems.must(open.type !== "text" || open.text !== "", "a block of text is empty");
    this.#problems.must(open.type !== "thinking" || open.isSigned, "thoughts have no signature");
    if (open.type === "tool_use" && open.text !== "") this.#problems.must(isInput(open.text), "an input is no object");
    this.#open = undefined;
    this.#blocks++;
  }

  #messageDelta(json: unknown): void {
    this.#problems.must(this.#open === undefined, "no content_block_stop");
    this.#problems.must(this.#stopReason === undefined, "message_delta came twice");
    const reason = at(json, "delta", "stop_reason");
    mustBeStop(at(json, "delta"), this.#calls > 0, this.#problems);
    mustBeLastUsage(at(json, "usage"), this.#problems);
    this.#stopReason = reason;
  }

  #fail(json: unknown): void {
    this.#hasFailed = true;
    this.#problems.found.push(...checkAnthropicError(json, undefined));
  }

  #mustBeNext(index: unknown): void {
    this.#problems.must(index === this.#blocks, "the indexes of blocks are not 0, 1, 2");
  }
}

const deltas: Readonly<Record<string, readonly [type: string, field: string]>> = {
  "text text_delta": ["text_delta", "text"],
  "thinking thinking_delta": ["thinking_delta", "thinking"],
  "thinking signature_delta": ["signature_delta", "signature"],
  "tool_use input_json_delta": ["input_json_delta", "partial_json"],
};

function isInput(text: string): boolean {
  try {
    return isObject(JSON.parse(text));
  } catch {
    // The question itself.
    return false;
  }
}

export function mustBeMessage(message: unknown, problems: Problems): void {
  problems.must(/^msg_\w+$/.test(String(at(message, "id"))), "a message has no id");
  problems.must(at(message, "type") === "message", "a message has not its type");
  problems.must(at(message, "role") === "assistant", "a message has no role");
  problems.must(isText(at(message, "model")), "a message has no model");
}

export function mustBeFirstUsage(usage: unknown, problems: Problems): void {
  for (const field of ["input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"]) {
    problems.must(isCount(at(usage, field)), `no usage: ${field}`);
  }
}

function mustBeLastUsage(usage: unknown, problems: Problems): void {
  for (const field of ["input_tokens", "output_tokens"]) {
    problems.must(isCount(at(usage, field)), `no usage at the end: ${field}`);
  }
}

/** The pattern that Anthropic and its clients hold ids to. */
export function mustBeCall(block: unknown, problems: Problems): void {
  problems.must(/^[a-zA-Z0-9_-]+$/.test(String(at(block, "id"))), "the id of a call breaks its pattern");
  problems.must(isText(at(block, "name")), "a call has no name");
  problems.must(isObject(at(block, "input")), "an input is no object");
}

export function mustBeStop(stop: unknown, hasCalls: boolean, problems: Problems): void {
  const reason = at(stop, "stop_reason");
  const sequence = at(stop, "stop_sequence");
  problems.must(stopReasons.has(reason), `stop_reason is unknown: ${String(reason)}`);
  const isCut = reason === "max_tokens" || reason === "refusal";
  problems.must(
    isCut || (reason === "tool_use") === hasCalls,
    `stop_reason is "${String(reason)}" ${hasCalls ? "with" : "without"} tool_use`,
  );
  problems.must(isText(sequence) === (reason === "stop_sequence"), "stop_sequence does not fit stop_reason");
  problems.must(sequence !== undefined, "stop_sequence is missing");
}
