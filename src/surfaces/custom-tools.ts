// OpenAI's custom tools, whose input is free text, as functions with one text: the only kind that models are told of.

import type { ToolDefinition } from "../contract/chat-request.ts";
import { isJsonObject, type Json, type JsonObject } from "../contract/json.ts";

const parameters: Json = {
  type: "object",
  properties: { input: { type: "string", description: "The whole input of the tool, as free text" } },
  required: ["input"],
};

/** One text is its only argument; the grammar that it has to follow can only be asked for. */
export function customTool(declared: JsonObject, name: string): ToolDefinition {
  const grammar = grammarIn(declared["format"]);
  const sentences = [
    textOrNothing(declared["description"]),
    grammar === undefined ? undefined : `The input follows this grammar:\n${grammar}`,
  ].filter((text) => text !== undefined);
  return { name, description: sentences.length === 0 ? undefined : sentences.join("\n\n"), parameters };
}

/** Responses have it in the format itself, chat completions one object deeper. */
function grammarIn(format: unknown): string | undefined {
  if (!isJsonObject(format)) return undefined;
  const grammar = isJsonObject(format["grammar"]) ? format["grammar"] : format;
  return textOrNothing(grammar["definition"]);
}

function textOrNothing(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/** The inverse of `customInput`. */
export function customArguments(input: string): string {
  return JSON.stringify({ input });
}

/** The free text in the arguments of the function that stood for the tool. */
export function customInput(argumentsText: string): string {
  try {
    const value: unknown = JSON.parse(argumentsText);
    // Models that are told of free text write it in the place of the arguments.
    if (typeof value === "string") return value;
    if (typeof value === "object" && value !== null && "input" in value && typeof value.input === "string") {
      return value.input;
    }
  } catch {
    // The model wrote the text itself, or was cut off in it.
    return begunInput(argumentsText) ?? argumentsText;
  }
  return argumentsText;
}

const opening = /^\s*\{\s*"input"\s*:\s*"/;
/** What may stand at its end and is no text: nothing, an escape that is cut off, the quote that ends it. */
const tails = [/$/, /\\(?:u[\da-f]{0,3})?$/i, /"\s*$/];

/** Of arguments that end in their text, as those of an answer do that ended at its length. */
function begunInput(argumentsText: string): string | undefined {
  const [begun] = opening.exec(argumentsText) ?? [];
  if (begun === undefined) return undefined;
  const rest = argumentsText.slice(begun.length);
  for (const tail of tails) {
    try {
      const input: unknown = JSON.parse(`"${rest.replace(tail, "")}"`);
      if (typeof input === "string") return input;
    } catch {
      // It ends otherwise, or is broken in its middle.
    }
  }
  return undefined;
}
