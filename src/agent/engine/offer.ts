// The tools that the model of one run is shown: all, when they are few, else those that fit what was said.

import type { ToolDefinition } from "../../contract/chat-request.ts";
import { declareTools, type DeclaredTools } from "../../tools/declared-tools.ts";
import { askUserTool, findToolsTool } from "./prompts.ts";
import type { RunState } from "./run-state.ts";
import { type BookedTool, defineTool, mostUnchosen, type ToolBook } from "./tool-book.ts";

const mostChosen = 24;
/** With those that the model has looked for. */
const mostShown = 64;
const mostFound = 10;

export class Offer {
  readonly book: ToolBook;
  readonly #shown = new Map<string, BookedTool>();
  #definitions: readonly ToolDefinition[] | undefined;
  #declared: DeclaredTools | undefined;

  constructor(book: ToolBook, tools: Iterable<BookedTool>) {
    this.book = book;
    for (const booked of tools) this.#shown.set(booked.alias, booked);
  }

  get isPartial(): boolean {
    return this.#shown.size < this.book.usable.length;
  }

  /** The same objects until tools are added: upstreams tell by that what they have said already. */
  get definitions(): readonly ToolDefinition[] {
    this.#definitions ??= [
      ...[...this.#shown.values()].map(defineTool),
      askUserTool,
      ...(this.isPartial ? [findToolsTool(countServices(this.book.usable))] : []),
    ];
    return this.#definitions;
  }

  /** By what the model wrote for a name. */
  resolve(name: string): string | undefined {
    this.#declared ??= declareTools(this.definitions);
    return this.#declared.find(name)?.tool.name;
  }

  get(alias: string): BookedTool | undefined {
    return this.#shown.get(alias);
  }

  /** @returns those that fit and may be called from now on */
  find(query: string): readonly BookedTool[] {
    const found = this.book.search(query, mostFound).filter((booked) => {
      if (!this.#shown.has(booked.alias) && this.#shown.size >= mostShown) return false;
      this.#shown.set(booked.alias, booked);
      return true;
    });
    this.#definitions = undefined;
    this.#declared = undefined;
    return found;
  }

  /** For the state of the run. */
  list(): RunState["shown"] {
    return [...this.#shown.values()].map(({ alias, tool: { server, name, hash } }) => ({ alias, server, name, hash }));
  }
}

/** @param earlier what was said and used before in the session */
export function chooseTools(
  book: ToolBook,
  query: string,
  earlier: { readonly queries: readonly string[]; readonly tools: readonly BookedTool[] },
): Offer {
  if (book.usable.length <= mostUnchosen) return new Offer(book, book.usable);
  const chosen = new Set<BookedTool>(earlier.tools.slice(-mostChosen / 2));
  for (const text of [query, ...earlier.queries]) {
    for (const booked of book.search(text, mostChosen)) if (chosen.size < mostChosen) chosen.add(booked);
  }
  // A query in another language than the descriptions shares no word with them: then a few of each service are shown,
  // and the model may look for more.
  for (const booked of inTurns(book.usable)) if (chosen.size < mostChosen) chosen.add(booked);
  return new Offer(book, chosen);
}

/** The tools that were shown, as far as they are still what they were. */
export function showAgain(book: ToolBook, shown: RunState["shown"]): Offer {
  const byHash = new Map(book.usable.map((booked) => [booked.tool.hash, booked] as const));
  return new Offer(
    book,
    shown.flatMap(({ alias, hash }) => {
      const booked = byHash.get(hash);
      return booked === undefined ? [] : { ...booked, alias };
    }),
  );
}

/** The first tool of each server, then the second of each. */
function inTurns(tools: readonly BookedTool[]): BookedTool[] {
  const places = new Map<string, number>();
  return tools
    .map((booked) => {
      const place = places.get(booked.tool.server) ?? 0;
      places.set(booked.tool.server, place + 1);
      return { booked, place };
    })
    .sort((one, other) => one.place - other.place)
    .map(({ booked }) => booked);
}

export function countServices(tools: readonly BookedTool[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { tool } of tools) counts.set(tool.server, (counts.get(tool.server) ?? 0) + 1);
  return counts;
}
