// The emulator with tools in its prompt: it calls those that the user asks for, waits for their results and tells them.
// It reads what a model would read, the chat's text, and nothing else.

import { isJsonObject } from "../contract/json.ts";
import { type CallForm, writeCalls } from "./call-markup.ts";
import { readDialogue, type Utterance } from "./dialogue.ts";
import type { Random } from "./random.ts";
import { argumentsFor, type ComposedCall, type KnownTool, wantedCalls } from "./wanted-calls.ts";

export interface ToolTalkInput {
  /** The nodes that the turn continues, oldest first. */
  readonly path: readonly Utterance[];
  readonly message: string;
  readonly random: Random;
}

interface ToolResult {
  readonly name: string;
  readonly text: string;
  readonly isError: boolean;
}

/** Undefined: the message has nothing to do with tools. */
export function composeToolAnswer({ path, message, random }: ToolTalkInput): string | undefined {
  const tools = toolsIn([...path, { role: "user" as const, text: message }]);
  const results = resultsIn(afterHeading(message));
  const recalled = recallResult(path, message);
  if (recalled !== undefined) return recalled;
  const calls = nextCalls({ path, message, tools, hasResults: results.length > 0 });
  if (calls.length > 0) return writeAnswer(calls, random);
  if (results.length === 0) return undefined;
  return tellResults(results, callCount(path, message));
}

function writeAnswer(calls: readonly ComposedCall[], random: Random): string {
  const form: CallForm = random.pick(["told", "told", "compact", "function"]);
  const introduction = random.pick(["", "Let me look that up.\n\n", "I need a tool for this.\n"]);
  return `${introduction}${writeCalls(calls, form)}`;
}

/** What was asked for may take several rounds: "call a, then call b". */
function nextCalls(turn: {
  readonly path: readonly Utterance[];
  readonly message: string;
  readonly tools: readonly KnownTool[];
  readonly hasResults: boolean;
}): readonly ComposedCall[] {
  const { path, message, tools, hasResults } = turn;
  const wishes = beforeHeading(message);
  if (tools.length === 0 || wishes.includes("Do not call a tool this time")) return [];
  const { ask, rounds } = hasResults ? askedBefore(path, message) : { ask: afterHeading(message), rounds: 0 };
  const step = ask.split(/\bthen\b/i)[rounds] ?? "";
  const named = /This time you must call the tool "([^"]+)"/.exec(wishes)?.[1];
  const chosen = tools.find((tool) => tool.name === named);
  if (chosen !== undefined) return [{ name: chosen.name, arguments: argumentsFor(chosen, step) }];
  const wanted = wantedCalls(step, tools);
  const [first] = tools;
  if (wanted.length === 0 && first !== undefined && wishes.includes("you must call at least one tool")) {
    return [{ name: first.name, arguments: argumentsFor(first, step) }];
  }
  return wishes.includes("Call one tool at most") ? wanted.slice(0, 1) : wanted;
}

/** The user's last words of his own, and how often calls have been answered since. */
function askedBefore(path: readonly Utterance[], message: string): { ask: string; rounds: number } {
  const { earlier } = readDialogue(path, message);
  const index = earlier.findLastIndex(({ role, text }) => role === "user" && resultsIn(text).length === 0);
  const rounds = earlier.slice(index + 1).filter(({ role, text }) => role === "assistant" && countCalls(text) > 0);
  return { ask: earlier[index]?.text ?? "", rounds: rounds.length };
}

function tellResults(results: readonly ToolResult[], called: number): string {
  const told = results.map(
    ({ name, text, isError }) => `${name} ${isError ? "failed" : "says"}: ${text.slice(0, 400)}`,
  );
  if (called !== results.length) told.push(`(I made ${called} calls and got ${results.length} results.)`);
  return told.join("\n");
}

/** Calls of the answer that the message follows. */
function callCount(path: readonly Utterance[], message: string): number {
  return countCalls(readDialogue(path, message).earlier.findLast(({ role }) => role === "assistant")?.text ?? "");
}

function countCalls(text: string): number {
  const tagged = text.match(/<tool_call>/g)?.length ?? 0;
  return tagged > 0 ? tagged : (text.match(/"arguments":/g)?.length ?? 0);
}

function recallResult(path: readonly Utterance[], message: string): string | undefined {
  const name = /\bwhat did ([\w.-]+) (?:say|answer|return|find)\b/i.exec(afterHeading(message))?.[1];
  if (name === undefined) return undefined;
  const known = resultsIn([...path.map(({ text }) => text), beforeHeading(message)].join("\n"));
  const result = known.findLast((candidate) => candidate.name === name);
  return result === undefined ? undefined : `${name} said: ${result.text.slice(0, 400)}`;
}

/** Those of the newest list. */
function toolsIn(said: readonly Utterance[]): readonly KnownTool[] {
  const list = said
    .filter(({ role }) => role === "user")
    .map(({ text }) => /^<tools>\n([\s\S]*?)\n<\/tools>$/m.exec(text)?.[1])
    .findLast((found) => found !== undefined);
  return (list ?? "").split("\n").flatMap(readTool);
}

function readTool(line: string): KnownTool[] {
  try {
    const tool: unknown = JSON.parse(line);
    if (!isJsonObject(tool) || typeof tool["name"] !== "string") return [];
    const { name, description, parameters } = tool;
    return [
      {
        name,
        description: typeof description === "string" ? description : undefined,
        parameters: isJsonObject(parameters) ? parameters : undefined,
      },
    ];
  } catch {
    // A list that nobody here wrote.
    return [];
  }
}

function resultsIn(text: string): ToolResult[] {
  const blocks = text.matchAll(/^<tool_response(?: name="([^"]*)")?( error="true")?>\n([\s\S]*?)\n<\/tool_response>/gm);
  return [...blocks].map(([, name, error, body]) => ({
    name: name ?? "A tool that I did not call",
    text: body ?? "",
    isError: error !== undefined,
  }));
}

const heading = "# Message\n";

function afterHeading(message: string): string {
  const at = message.lastIndexOf(heading);
  return at < 0 ? message : message.slice(at + heading.length);
}

function beforeHeading(message: string): string {
  const at = message.lastIndexOf(heading);
  return at < 0 ? "" : message.slice(0, at);
}
