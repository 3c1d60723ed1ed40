// The tools that a text asks for by name, and the arguments that it tells or that a schema allows.

import { isJsonObject, type Json, type JsonObject } from "../contract/json.ts";
import { exampleOf } from "./example-value.ts";

export interface KnownTool {
  readonly name: string;
  readonly description?: string | undefined;
  /** Undefined: the tool says nothing of what it takes. */
  readonly parameters: JsonObject | undefined;
}

export interface ComposedCall {
  readonly name: string;
  readonly arguments: Json;
}

const asking = /\b(?:call|use|run|invoke|execute|try|ask)\b/i;

/** Each mention of a tool is a call; what follows it, up to the next mention, tells its arguments. */
export function wantedCalls(text: string, tools: readonly KnownTool[]): ComposedCall[] {
  const command = requestMark.exec(text)?.[1];
  const named = asking.test(text) ? mentionedCalls(text, tools) : [];
  return named.length > 0 || command === undefined ? named : obviousCalls(command, tools);
}

/** How the agent hands on what its user wants. */
const requestMark = /<request [^>\n]*>\n([\s\S]*?)\n<\/request [^>\n]*>\s*$/;

/** Less is chance. */
const leastScore = 4;

/** One call of the tool whose words a command in plain words has, when no other fits as well. */
function obviousCalls(command: string, tools: readonly KnownTool[]): ComposedCall[] {
  const said = new Set(plainWords(command));
  const scored = tools
    .map((tool) => ({ tool, score: scoreOf(tool, said) }))
    .sort((one, other) => other.score - one.score);
  const [best, next] = scored;
  if (best === undefined || best.score < leastScore || best.score === next?.score) return [];
  return [{ name: best.tool.name, arguments: argumentsFor(best.tool, command) }];
}

function scoreOf({ name, description = "" }: KnownTool, said: ReadonlySet<string>): number {
  const words = plainWords(name);
  const shared = words.filter((word) => said.has(word)).length;
  const about = new Set(plainWords(description)).intersection(said).difference(new Set(words)).size;
  // The first word is the deed: "list the files" is no "read_file".
  const deed = said.has(words[0] ?? "") ? 2 : 0;
  return shared === 0 ? 0 : 3 * shared + deed - (words.length - shared) + Math.min(about, 2);
}

/** In small letters and without a plural's "s", so that "files" is a "file". */
function plainWords(text: string): string[] {
  const words =
    text
      .replaceAll(/([a-z])([A-Z])/g, "$1 $2")
      .toLowerCase()
      .match(/[a-z]{3,}/g) ?? [];
  const plain = words.map((word) => word.replace(/ies$/, "y").replace(/(?<!s)s$/, ""));
  return plain.filter((word) => !["the", "and", "for", "with", "all"].includes(word));
}

function mentionedCalls(text: string, tools: readonly KnownTool[]): ComposedCall[] {
  const byName = new Map(tools.map((tool) => [tool.name.toLowerCase(), tool]));
  const names = [...byName.keys()].sort((one, other) => other.length - one.length).map(escapePattern);
  const mentions = [...text.matchAll(new RegExp(`(?<![\\w.-])(?:${names.join("|")})(?![\\w-])`, "gi"))];
  return mentions.flatMap((mention, index) => {
    const tool = byName.get(mention[0].toLowerCase());
    const said = text.slice(mention.index + mention[0].length, mentions[index + 1]?.index);
    return tool === undefined ? [] : [{ name: tool.name, arguments: argumentsFor(tool, said) }];
  });
}

function escapePattern(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

/** A JSON object, else `name: value` and `name=value`, else quoted words for the required ones; the rest is made up. */
export function argumentsFor({ parameters }: KnownTool, said: string): Json {
  const whole = jsonIn(said);
  if (whole !== undefined) return whole;
  const schema = parameters ?? {};
  const properties = isJsonObject(schema["properties"]) ? schema["properties"] : {};
  const made = exampleOf({ ...schema, type: "object" });
  const example = isJsonObject(made) ? made : {};
  const quoted = [...said.matchAll(/["“`']([^"”`']+)["”`']/g)].map((match) => match[1] ?? "");
  const path = /(?<![\w<:/])[~.]{0,2}\/[^\s"'`]*[^\s"'`.,;?!]/.exec(said)?.[0];
  const values: Record<string, Json> = {};
  for (const name of Object.keys(properties)) {
    const place = name in example && /path|dir|folder|file/i.test(name) ? path : undefined;
    const told =
      toldFor(name, said) ?? place ?? (name in example && isText(properties[name]) ? quoted.shift() : undefined);
    if (told !== undefined) values[name] = typed(told, properties[name]);
    // A cast: examples are JSON.
    else if (name in example) values[name] = example[name] as Json;
  }
  return values;
}

function jsonIn(text: string): Json | undefined {
  const start = text.indexOf("{");
  for (let end = text.lastIndexOf("}"); start >= 0 && end > start; end = text.lastIndexOf("}", end - 1)) {
    try {
      // A cast: JSON.parse gives JSON.
      return JSON.parse(text.slice(start, end + 1)) as Json;
    } catch {
      // Not yet a whole object: try the brace before.
    }
  }
  return undefined;
}

function toldFor(name: string, said: string): string | undefined {
  const match = new RegExp(`\\b${escapePattern(name)}\\s*[:=]\\s*(?:"([^"]*)"|'([^']*)'|([^\\s,;]+))`, "i").exec(said);
  return match?.[1] ?? match?.[2] ?? match?.[3]?.replace(/[.)]$/, "");
}

function isText(schema: unknown): boolean {
  return isJsonObject(schema) && (schema["type"] === "string" || schema["type"] === undefined);
}

function typed(text: string, schema: unknown): Json {
  const type = isJsonObject(schema) ? schema["type"] : undefined;
  if (type === "integer" || type === "number") return Number.isFinite(Number(text)) ? Number(text) : text;
  if (type === "boolean") return text === "true";
  return text;
}
