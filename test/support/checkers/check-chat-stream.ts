// A stream of POST /v1/chat/completions, as strict as the strictest of its clients. Order: a role, deltas, one finish, the
// usage where it was asked for, `[DONE]`.

import { mustBeOpenAIError } from "./check-errors.ts";
import { finishReasons, mustBeUsage, PiecedCalls } from "./chat-parts.ts";
import { at, isObject, isText, isUnixSeconds, listAt, Problems } from "./problems.ts";
import { beforeDone, readWire, type WireFrame } from "./wire-frames.ts";

export interface ChatStreamOptions {
  /** `stream_options.include_usage` of the request. */
  readonly includeUsage: boolean;
}

/** @returns what is wrong with it, each named as in the matrix of faults; nothing where clients have all they need */
export function checkChatStream(body: string, { includeUsage }: ChatStreamOptions): string[] {
  const problems = new Problems();
  const frames = readWire(body, problems);
  if (frames.at(-1)?.event === "error") return checkBrokenLane(frames);
  const chunks = beforeDone(frames, problems);
  const error = chunks.findIndex(({ json }) => at(json, "error") !== undefined);
  const told = error < 0 ? chunks : chunks.slice(0, error);
  const check = new ChatStreamCheck(problems);
  for (const { json } of told) check.chunk(json);
  check.envelope(told.map(({ json }) => json));
  if (error < 0) check.end(includeUsage);
  else check.fail(chunks.slice(error));
  return problems.found;
}

class ChatStreamCheck {
  readonly #problems: Problems;
  readonly #calls: PiecedCalls;
  #hasBegun = false;
  #finish: unknown;
  #usages = 0;

  constructor(problems: Problems) {
    this.#problems = problems;
    this.#calls = new PiecedCalls(problems);
  }

  envelope(chunks: readonly unknown[]): void {
    const [first] = chunks;
    for (const chunk of chunks) {
      this.#problems.must(isText(at(chunk, "id")), "a chunk has no id");
      this.#problems.must(at(chunk, "object") === "chat.completion.chunk", "a chunk has not its object");
      this.#problems.must(isUnixSeconds(at(chunk, "created")), "a chunk was not created at a second");
      this.#problems.must(isText(at(chunk, "model")), "a chunk has no model");
      for (const field of ["id", "created", "model"]) {
        this.#problems.must(at(chunk, field) === at(first, field), `chunks of one answer differ in their ${field}`);
      }
    }
  }

  chunk(chunk: unknown): void {
    this.#problems.must(Array.isArray(at(chunk, "choices")), "a chunk has no choices");
    const choices = listAt(chunk, "choices");
    for (const choice of choices) this.#choice(choice);
    const usage = at(chunk, "usage");
    if (usage === undefined || usage === null) return;
    this.#usages++;
    this.#problems.must(choices.length === 0, "the usage came with a choice");
    this.#problems.must(this.#finish !== undefined, "the usage came before the finish");
    mustBeUsage(usage, this.#problems);
  }

  end(includeUsage: boolean): void {
    this.#problems.must(this.#finish !== undefined, "no finish_reason");
    this.#problems.must(!includeUsage || this.#usages > 0, "no usage");
    this.#problems.must(includeUsage || this.#usages === 0, "a usage that nobody asked for");
    this.#problems.must(this.#usages < 2, "the usage came twice");
    const isCut = this.#finish === "length" || this.#finish === "content_filter";
    this.#calls.end(isCut);
    if (isCut || this.#finish === undefined) return;
    const hasCalls = this.#calls.count > 0;
    this.#problems.must(
      (this.#finish === "tool_calls") === hasCalls,
      `finish_reason is "${String(this.#finish)}" ${hasCalls ? "with" : "without"} calls`,
    );
  }

  fail([error, ...more]: readonly WireFrame[]): void {
    mustBeOpenAIError(error?.json, this.#problems);
    this.#problems.must(this.#finish === undefined, "an error follows the finish");
    this.#problems.must(more.length === 0, "something other than [DONE] follows the error");
  }

  #choice(choice: unknown): void {
    const delta = at(choice, "delta");
    this.#problems.must(this.#finish === undefined, "a choice follows the finish");
    this.#problems.must(at(choice, "index") === 0, "a choice has not the index 0");
    this.#problems.must(isObject(delta), "a choice has no delta");
    this.#problems.must(this.#hasBegun || at(delta, "role") === "assistant", "no delta.role in the first chunk");
    this.#hasBegun = true;
    for (const field of ["content", "reasoning_content"]) {
      const text = at(delta, field) ?? "";
      this.#problems.must(typeof text === "string", `${field} is no text`);
    }
    for (const piece of listAt(delta, "tool_calls")) this.#calls.add(piece);
    const finish = at(choice, "finish_reason");
    this.#problems.must(finish !== undefined, "a choice does not say whether it is finished");
    if (finish === null || finish === undefined) return;
    this.#problems.must(finishReasons.has(finish), `finish_reason is unknown: ${String(finish)}`);
    this.#finish = finish;
  }
}

/** Of a lane that passes frames on and had none to pass: an error under its own name, and nothing else. */
function checkBrokenLane(frames: readonly WireFrame[]): string[] {
  const problems = new Problems();
  problems.must(frames.length === 1, "an error under its own name follows other frames");
  problems.must(at(frames[0]?.json, "type") === "streaming_error", "an error under its own name has another type");
  for (const field of ["error", "code"]) problems.must(isText(at(frames[0]?.json, field)), `an error has no ${field}`);
  return problems.found;
}
