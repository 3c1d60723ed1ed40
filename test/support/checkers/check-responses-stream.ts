// A stream of POST /v1/responses, as strict as the strictest of its clients: numbered events, items one after the other,
// each opened, told and done, and one last event that repeats them all.

import { isDeepStrictEqual } from "node:util";
import { at, isText, listAt, Problems } from "./problems.ts";
import { mustBeOutput, mustBeResponse } from "./response-parts.ts";
import { OpenItemCheck } from "./open-item-check.ts";
import { readWire, type WireFrame } from "./wire-frames.ts";

/** @returns what is wrong with it, each named as in the matrix of faults; nothing where clients have all they need */
export function checkResponsesStream(body: string): string[] {
  const problems = new Problems();
  const check = new ResponsesStreamCheck(problems);
  for (const frame of readWire(body, problems)) check.frame(frame);
  check.end();
  return problems.found;
}

const endings: ReadonlySet<string> = new Set(["response.completed", "response.incomplete", "response.failed"]);

class ResponsesStreamCheck {
  readonly #problems: Problems;
  readonly #items: unknown[] = [];
  #events = 0;
  #id: unknown;
  #item: OpenItemCheck | undefined;
  #failure: unknown;
  #ending: string | undefined;

  constructor(problems: Problems) {
    this.#problems = problems;
  }

  frame({ event, json }: WireFrame): void {
    const type = at(json, "type");
    this.#problems.must(isText(type), "an event has no type");
    this.#problems.must(event !== undefined, "no event: line");
    this.#problems.must(event === undefined || event === type, "an event: line differs from the type");
    const number = at(json, "sequence_number");
    this.#problems.must(number !== undefined, "no sequence_number");
    this.#problems.must(number === this.#events, "the sequence_number does not count on");
    this.#problems.must(this.#ending === undefined, "something follows the last event");
    const isBehindError = this.#failure !== undefined;
    this.#problems.must(
      !isBehindError || type === "response.failed",
      "something else than response.failed follows an error",
    );
    this.#mustBegin(String(type));
    this.#events++;
    this.#event(String(type), json);
  }

  end(): void {
    this.#problems.must(this.#ending !== undefined, "no response.completed");
  }

  #mustBegin(type: string): void {
    if (this.#events === 0) this.#problems.must(type === "response.created", "no response.created");
    if (this.#events === 1) this.#problems.must(type === "response.in_progress", "no response.in_progress");
  }

  #event(type: string, json: unknown): void {
    if (endings.has(type)) return this.#end(type, at(json, "response"));
    if (type === "response.created" || type === "response.in_progress") return this.#start(at(json, "response"));
    if (type === "error") return this.#fail(json);
    if (type === "response.output_item.added") return this.#add(json);
    if (type === "response.output_item.done") return this.#done(json);
    const item = this.#item;
    if (item === undefined) return this.#problems.must(false, `${type} is of no open item`);
    item.event(type, json);
  }

  #start(response: unknown): void {
    this.#id ??= at(response, "id");
    this.#mustBeThisResponse(response, "in_progress");
    this.#problems.must(listAt(response, "output").length === 0, "a response starts with output");
  }

  #add(json: unknown): void {
    this.#problems.must(this.#item === undefined, "no response.output_item.done");
    this.#mustBeNext(json);
    this.#item = new OpenItemCheck(at(json, "item"), this.#items.length, this.#problems);
  }

  #done(json: unknown): void {
    this.#mustBeNext(json);
    const item = at(json, "item");
    if (this.#item === undefined) this.#problems.must(false, "an item is done that was not added");
    else this.#item.done(item);
    this.#item = undefined;
    this.#items.push(item);
  }

  /** Its fields stand in an object as well: some clients look for the one, some for the other. */
  #fail(json: unknown): void {
    this.#failure = at(json, "error");
    for (const field of ["message", "code", "param"]) {
      const isTwice = at(json, field) !== undefined && at(json, field) === at(this.#failure, field);
      this.#problems.must(isTwice, `an error does not tell its ${field} twice`);
    }
    this.#problems.must(isText(at(this.#failure, "type")), "an error has no type");
  }

  #end(type: string, response: unknown): void {
    this.#ending = type;
    const status = type.slice("response.".length);
    this.#mustBeThisResponse(response, status);
    // What broke off is not done.
    if (status === "failed") return this.#mustBeTold(at(response, "error"));
    this.#problems.must(this.#item === undefined, "no response.output_item.done");
    mustBeOutput(response, this.#problems);
    const isRepeated = isDeepStrictEqual(at(response, "output"), this.#items);
    this.#problems.must(isRepeated, "the output of the last event is not what was done before");
  }

  #mustBeTold(error: unknown): void {
    this.#problems.must(this.#failure !== undefined, "no error before response.failed");
    for (const field of ["message", "code"]) {
      const isSame = at(error, field) === at(this.#failure, field);
      this.#problems.must(isSame, `the error before response.failed has another ${field}`);
    }
  }

  #mustBeThisResponse(response: unknown, status: string): void {
    mustBeResponse(response, status, this.#problems);
    const isSame = this.#id === undefined || at(response, "id") === this.#id;
    this.#problems.must(isSame, "the response changes its id");
  }

  #mustBeNext(json: unknown): void {
    this.#problems.must(at(json, "output_index") === this.#items.length, "the output_index does not count on");
  }
}
