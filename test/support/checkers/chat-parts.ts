// What the streams and the whole answers of chat completions have in common: counts of tokens, and calls put together.

import { at, isCount, isText, parsesAsJson, type Problems } from "./problems.ts";

export const finishReasons: ReadonlySet<unknown> = new Set(["stop", "length", "tool_calls", "content_filter"]);

export function mustBeUsage(usage: unknown, problems: Problems): void {
  for (const field of ["prompt_tokens", "completion_tokens", "total_tokens"]) {
    problems.must(isCount(at(usage, field)), `the usage has no ${field}`);
  }
  const details = [at(usage, "prompt_tokens_details", "cached_tokens")];
  details.push(at(usage, "completion_tokens_details", "reasoning_tokens"));
  // Servers whose frames are passed on may leave them out.
  const areCounts = details.every((count) => count === undefined || isCount(count));
  problems.must(areCounts, "cached and reasoning tokens are no counts");
}

/** The calls of a stream, put together by their indexes as all clients do. */
export class PiecedCalls {
  readonly #arguments: string[] = [];
  readonly #problems: Problems;

  constructor(problems: Problems) {
    this.#problems = problems;
  }

  get count(): number {
    return this.#arguments.length;
  }

  add(piece: unknown): void {
    const index = at(piece, "index");
    if (!isCount(index)) return this.#problems.must(false, "a piece of a call has no index");
    const told = at(piece, "function", "arguments");
    if (index === this.#arguments.length) this.#begin(piece);
    else if (index < this.#arguments.length) this.#goOn(piece);
    else return this.#problems.must(false, "the indexes of calls have a gap");
    if (told === undefined) return;
    this.#problems.must(typeof told === "string", "the arguments of a call are no text");
    this.#arguments[index] += String(told);
  }

  /** @param isCut the answer ended before it was whole */
  end(isCut: boolean): void {
    if (isCut) return;
    for (const text of this.#arguments) {
      this.#problems.must(text !== "", 'a call without arguments is "" and not "{}"');
      this.#problems.must(text === "" || parsesAsJson(text), "the arguments of a call are no JSON");
    }
  }

  #begin(piece: unknown): void {
    this.#arguments.push("");
    this.#problems.must(isText(at(piece, "id")), "a call has no id");
    this.#problems.must(at(piece, "type") === "function", "a call has no type");
    this.#problems.must(isText(at(piece, "function", "name")), "a call has no name");
  }

  #goOn(piece: unknown): void {
    // Some clients join names as they join arguments.
    const isRepeated = at(piece, "id") !== undefined || at(piece, "function", "name") !== undefined;
    this.#problems.must(!isRepeated, "a call is begun twice under one index");
  }
}
