// All tools of one user, ready to be chosen from: named for the model, classed by risk, indexed. Made once a list of tools.

import type { ToolDefinition } from "../../contract/chat-request.ts";
import type { Json } from "../../contract/json.ts";
import type { AgentTool } from "../tools.ts";
import { briefText, cutText, withoutMarkup } from "./clean-text.ts";
import { foldName, isPlainName, shapeOf } from "./name-words.ts";
import { plainSchema } from "./plain-schema.ts";
import type { CallerJudge } from "./caller-rules.ts";
import { classifyTool, type Judge, type Risk, type Verdict } from "./risk.ts";
import type { IndexTools, ToolIndex } from "./tool-index.ts";

export interface BookedTool {
  readonly tool: AgentTool;
  /** What the model calls it. */
  readonly alias: string;
  readonly risk: Risk;
  /** An imitation of another tool's name in foreign letters is denied whatever the rules say. */
  readonly verdict: Verdict;
}

export interface ToolBook {
  readonly tools: readonly BookedTool[];
  /** Those that may be called. */
  readonly usable: readonly BookedTool[];
  /** Usable ones that fit a query, the best first. */
  search(query: string, limit: number): readonly BookedTool[];
  /** Does what the first search would do first, where nobody waits for it. */
  prepare(): void;
}

export interface ToolBooks {
  /** @param by who judges. @defaultValue the one for everybody */
  of(tools: readonly AgentTool[], by?: CallerJudge): ToolBook;
  close(): void;
  /** Writes a book and forgets it: the first of a process takes twice as long, which is best done where nobody waits. */
  practise(): void;
}

/** Up to so many are shown to the model without a choice. */
export const mostUnchosen = 40;

/** Lists of tools whose book is kept: users of shared servers have the same. */
const mostBooks = 16;

export function createToolBooks(judge: Judge, indexTools: IndexTools): ToolBooks {
  const kept = new Map<string, ToolBook & { close(): void }>();

  return {
    of(tools, by = { key: "", judge }) {
      const key = `${by.key} ${tools.map(({ hash }) => hash).join(" ")}`;
      const book = kept.get(key) ?? writeBook(tools, by.judge, indexTools);
      // The one that was asked for last stands last.
      kept.delete(key);
      kept.set(key, book);
      for (const [oldest, { close }] of kept) {
        if (kept.size <= mostBooks) break;
        kept.delete(oldest);
        close();
      }
      return book;
    },
    practise() {
      const { search, close } = writeBook(inventTools(), judge, indexTools);
      search("what is on today?", 10);
      close();
    },
    close() {
      for (const { close } of kept.values()) close();
      kept.clear();
    },
  };
}

function inventTools(): AgentTool[] {
  return Array.from({ length: 60 }, (_, number) => ({
    server: "calendar",
    name: `${number % 2 === 0 ? "list" : "update"}_events_${number}`,
    description: "Gives the events of a day in the order of their beginnings. Without a day it is today.",
    inputSchema: { type: "object", properties: { day: { type: "string" } } },
    hints: {},
    hash: String(number),
  }));
}

function writeBook(all: readonly AgentTool[], judge: Judge, indexTools: IndexTools): ToolBook & { close(): void } {
  const lookalikes = findLookalikes(all);
  const aliases = nameTools(all);
  const tools = all.map((tool): BookedTool => {
    const isLookalike = lookalikes.has(tool);
    const risk = isLookalike ? "destructive" : classifyTool(tool);
    const verdict = isLookalike && !isPlainName(tool.name) ? "deny" : judge(tool, risk);
    return { tool, alias: aliases.get(tool) ?? tool.name, risk, verdict };
  });
  const usable = tools.filter(({ verdict }) => verdict !== "deny");
  let index: ToolIndex | undefined;
  let isClosed = false;
  // Not before it is needed: most users have too few tools for it.
  function open(): ToolIndex {
    index ??= indexTools(usable.map(({ tool }) => tool));
    return index;
  }
  return {
    tools,
    usable,
    search: (query, limit) =>
      open()
        .search(query, limit)
        .flatMap((position) => usable[position] ?? []),
    prepare() {
      if (!isClosed && usable.length > mostUnchosen) open();
    },
    close() {
      isClosed = true;
      index?.close();
      index = undefined;
    },
  };
}

/**
 * Those that an eye takes for another tool: by foreign letters, or by "1ist" for "list". Foreign letters say which of two
 * is the imitation.
 */
function findLookalikes(tools: readonly AgentTool[]): ReadonlySet<AgentTool> {
  const namesByShape = Map.groupBy(new Set(tools.map(({ name }) => name)), shapeOf);
  return new Set(
    tools.filter(({ name }) => {
      const others = (namesByShape.get(shapeOf(name)) ?? []).filter((other) => foldName(other) !== foldName(name));
      return others.some((other) => isPlainName(other) || !isPlainName(name));
    }),
  );
}

/** Names of the engine's own. */
export const ownNames = { askUser: "ask_user", findTools: "find_tools" } as const;
const taken: ReadonlySet<string> = new Set(Object.values(ownNames));
/** Of what models take for a name. */
const maxAliasChars = 60;

/** The tool's own name where it is the only one and models take it; else with its server's before it. */
function nameTools(tools: readonly AgentTool[]): ReadonlyMap<AgentTool, string> {
  const counts = new Map<string, number>();
  for (const { name } of tools) counts.set(name, (counts.get(name) ?? 0) + 1);
  const isOwn = ({ name }: AgentTool): boolean =>
    counts.get(name) === 1 && !taken.has(name) && /^[A-Za-z][\w-]*$/.test(name) && name.length <= maxAliasChars;
  const used = new Set<string>([...taken, ...tools.filter(isOwn).map(({ name }) => name)]);
  return new Map(
    tools.map((tool) => {
      if (isOwn(tool)) return [tool, tool.name] as const;
      const wanted = `${tool.server}__${tool.name}`.replaceAll(/[^\w-]+/g, "_").slice(0, maxAliasChars);
      let alias = wanted;
      for (let count = 2; used.has(alias); count++) alias = `${wanted.slice(0, maxAliasChars - 5)}_${count}`;
      used.add(alias);
      return [tool, alias] as const;
    }),
  );
}

const maxDescriptionChars = 1000;

const definitions = new WeakMap<BookedTool, ToolDefinition>();

/** As the model is told of it, the same object each time. Its description says whose words it is. */
export function defineTool(booked: BookedTool): ToolDefinition {
  const known = definitions.get(booked);
  if (known !== undefined) return known;
  const defined = writeDefinition(booked);
  definitions.set(booked, defined);
  return defined;
}

function writeDefinition({ tool, alias }: BookedTool): ToolDefinition {
  const about = withoutMarkup(briefText(tool.description, maxDescriptionChars));
  return {
    name: alias,
    description: cutText(`[${tool.server}] ${about}`, maxDescriptionChars + 100).text.trim(),
    // A cast: what is left of JSON is JSON.
    parameters: plainSchema(tool.inputSchema) as Json,
  };
}
