// Which tools the emulator calls, and with what: those that the user asks for by name, or that the request forces.

import { isJsonObject, type Json } from "../../contract/json.ts";
import { exampleOf } from "./example-value.ts";
import type { ChatRequest, Tool } from "./read-request.ts";

export interface ComposedCall {
  readonly name: string;
  readonly arguments: Json;
}

export interface CallRules {
  readonly toolChoice: "obeyed" | "named-is-auto" | "ignored";
  /** Several at once without being asked to. */
  readonly callsInParallel: boolean;
}

/** None: the reply is text. */
export function composeCalls(request: ChatRequest, rules: CallRules): readonly ComposedCall[] {
  const last = request.messages.at(-1);
  const choice = choiceOf(request, rules);
  if (choice === "none" || request.tools.length === 0 || last === undefined || last.role === "tool") return [];
  if (typeof choice !== "string") {
    const named = request.tools.filter(({ name }) => name === choice.name);
    return named.slice(0, 1).map((tool) => ({ name: tool.name, arguments: argumentsFor(tool, last.text) }));
  }
  if (last.role !== "user") return [];
  const wanted = wantedCalls(last.text, request.tools);
  const [first] = request.tools;
  if (wanted.length === 0 && choice === "required" && first !== undefined) {
    return [{ name: first.name, arguments: argumentsFor(first, last.text) }];
  }
  const isParallel = request.body["parallel_tool_calls"] ?? rules.callsInParallel;
  return isParallel === true ? wanted : wanted.slice(0, 1);
}

function choiceOf({ toolChoice }: ChatRequest, rules: CallRules): ChatRequest["toolChoice"] {
  if (rules.toolChoice === "ignored") return "auto";
  return rules.toolChoice === "named-is-auto" && typeof toolChoice !== "string" ? "auto" : toolChoice;
}

const asking = /\b(?:call|use|run|invoke|execute|try|ask)\b/i;

/** Each mention of a tool is a call; what follows it, up to the next mention, tells its arguments. */
function wantedCalls(text: string, tools: readonly Tool[]): ComposedCall[] {
  if (!asking.test(text)) return [];
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
function argumentsFor({ parameters }: Tool, said: string): Json {
  const whole = jsonIn(said);
  if (whole !== undefined) return whole;
  const schema = parameters ?? {};
  const properties = isJsonObject(schema["properties"]) ? schema["properties"] : {};
  const made = exampleOf({ ...schema, type: "object" });
  const example = isJsonObject(made) ? made : {};
  const quoted = [...said.matchAll(/["“`']([^"”`']+)["”`']/g)].map((match) => match[1] ?? "");
  const values: Record<string, Json> = {};
  for (const name of Object.keys(properties)) {
    const told = toldFor(name, said) ?? (name in example && isText(properties[name]) ? quoted.shift() : undefined);
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
