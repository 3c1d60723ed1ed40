// One item of a streamed response while it is told: its events name it, its parts are opened before their deltas, and what
// is done is what the deltas said.

import { isDeepStrictEqual } from "node:util";
import { at, isText, listAt, type Problems } from "./problems.ts";
import { mustBeItem } from "./response-parts.ts";

/** How the parts of an item are called: what opens one, its deltas, and what ends it. */
interface Kind {
  readonly opens?: string;
  readonly delta: string;
  readonly done: string;
  /** Where the whole text stands in `done`, and in the item. */
  readonly field: string;
  readonly closes?: string;
  /** The place of the part among those of the item. */
  readonly place?: string;
  /** Where the whole text stands in the part. @defaultValue "text" */
  readonly partField?: string;
}

/** A message that consists of why there is no answer. */
const refusal: Kind = {
  opens: "response.content_part.added",
  delta: "response.refusal.delta",
  done: "response.refusal.done",
  field: "refusal",
  closes: "response.content_part.done",
  place: "content_index",
  partField: "refusal",
};

const kinds: Readonly<Record<string, Kind>> = {
  message: {
    opens: "response.content_part.added",
    delta: "response.output_text.delta",
    done: "response.output_text.done",
    field: "text",
    closes: "response.content_part.done",
    place: "content_index",
  },
  reasoning: {
    opens: "response.reasoning_summary_part.added",
    delta: "response.reasoning_summary_text.delta",
    done: "response.reasoning_summary_text.done",
    field: "text",
    closes: "response.reasoning_summary_part.done",
    place: "summary_index",
  },
  function_call: {
    delta: "response.function_call_arguments.delta",
    done: "response.function_call_arguments.done",
    field: "arguments",
  },
  custom_tool_call: {
    delta: "response.custom_tool_call_input.delta",
    done: "response.custom_tool_call_input.done",
    field: "input",
  },
};

/** Nothing of them is told but their beginning and their end. */
const silentTypes: readonly unknown[] = ["tool_search_call", "local_shell_call", "apply_patch_call", "compaction"];

/** Of a shell each command is told: its beginning, its deltas, its end. */
const commandType = "response.shell_call_command";

export class OpenItemCheck {
  readonly #problems: Problems;
  /** Of a message it is known when its part is added. */
  #kind: Kind | undefined;
  readonly #item: unknown;
  readonly #index: number;
  readonly #isSilent: boolean;
  readonly #hasCommands: boolean;
  readonly #commands: string[] = [];
  #isOpen: boolean;
  #isTold = false;
  #text = "";

  constructor(item: unknown, index: number, problems: Problems) {
    this.#problems = problems;
    this.#item = item;
    this.#index = index;
    this.#kind = kinds[String(at(item, "type"))];
    this.#isSilent = silentTypes.includes(at(item, "type"));
    this.#hasCommands = at(item, "type") === "shell_call";
    const isKnown = this.#kind !== undefined || this.#isSilent || this.#hasCommands;
    problems.must(isKnown, `an item is of no known type: ${String(at(item, "type"))}`);
    this.#isOpen = this.#kind?.opens === undefined;
    const status = at(item, "status");
    problems.must(status === undefined || status === "in_progress", "an item starts with another status");
    for (const field of ["content", "summary", "arguments", "input"]) {
      const start = at(item, field);
      problems.must(start === undefined || Object.keys(Object(start)).length === 0, `an item starts with ${field}`);
    }
    const commands = listAt(item, "action", "commands");
    problems.must(commands.length === 0, "a shell starts with commands");
    mustBeItem(item, problems);
  }

  event(type: string, json: unknown): void {
    if (type === refusal.opens && at(json, "part", "type") === "refusal") this.#kind = refusal;
    const kind = this.#kind;
    this.#problems.must(!this.#isSilent, `${type} does not fit the open item`);
    if (this.#hasCommands) return this.#command(type, json);
    if (kind === undefined) return;
    this.#problems.must(at(json, "item_id") === at(this.#item, "id"), "an item_id is not that of the open item");
    this.#problems.must(at(json, "output_index") === this.#index, "an output_index is not that of the open item");
    if (kind.place !== undefined) this.#problems.must(at(json, kind.place) === 0, `${kind.place} is missing`);
    if (type === kind.opens) this.#isOpen = true;
    else if (type === kind.delta) this.#delta(json);
    else if (type === kind.done) this.#whole(at(json, kind.field));
    else if (type === kind.closes) this.#close(at(json, "part", kind.partField ?? "text"));
    else if (type !== "response.output_text.annotation.added") {
      this.#problems.must(false, `${type} does not fit the open item`);
    }
  }

  done(item: unknown): void {
    const { opens, field = "", partField = "text" } = this.#kind ?? {};
    for (const name of ["id", "type", "call_id", "name", "role"]) {
      this.#problems.must(isDeepStrictEqual(at(item, name), at(this.#item, name)), `an item changes its ${name}`);
    }
    const status = at(item, "status");
    // OpenAI's type knows no patch that is cut off.
    const mayBeCut = at(item, "type") === "apply_patch_call";
    this.#problems.must(mayBeCut || status !== "in_progress", "an item is done and in progress");
    const isTold = isDeepStrictEqual(listAt(item, "action", "commands"), this.#commands);
    if (this.#hasCommands) this.#problems.must(isTold, "a shell is not what its events said");
    if (this.#isSilent || this.#hasCommands) return mustBeItem(item, this.#problems);
    this.#problems.must(this.#isTold, "an item is done before its text is");
    this.#problems.must(this.#kind?.closes === undefined || !this.#isOpen, "an item is done before its part is");
    const whole = opens === undefined ? at(item, field) : at(item, partsOf(item), 0, partField);
    this.#problems.must(whole === this.#text, "an item is not what its deltas said");
    mustBeItem(item, this.#problems);
  }

  #command(type: string, json: unknown): void {
    this.#problems.must(at(json, "output_index") === this.#index, "an output_index is not that of the open item");
    const place = type === `${commandType}.added` ? this.#commands.length : this.#commands.length - 1;
    this.#problems.must(at(json, "command_index") === place, "a command_index is not that of the open command");
    if (type === `${commandType}.added`) this.#commands.push(String(at(json, "command")));
    else if (type === `${commandType}.delta`) this.#commands[place] += String(at(json, "delta"));
    else if (type === `${commandType}.done`) {
      this.#problems.must(at(json, "command") === this.#commands[place], "a command is not what its deltas said");
    } else this.#problems.must(false, `${type} does not fit the open item`);
  }

  #delta(json: unknown): void {
    this.#problems.must(this.#isOpen, `no ${this.#kind?.opens ?? "part"}`);
    this.#problems.must(isText(at(json, "delta")), "a delta is empty");
    this.#text += String(at(json, "delta"));
  }

  #whole(text: unknown): void {
    this.#isTold = true;
    this.#problems.must(text === this.#text, "what is done is not what the deltas said");
  }

  #close(text: unknown): void {
    this.#problems.must(text === this.#text, "a part is not what its deltas said");
    this.#isOpen = false;
  }
}

function partsOf(item: unknown): string {
  return at(item, "type") === "reasoning" ? "summary" : "content";
}
