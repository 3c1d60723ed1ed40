// Which tools the emulator calls, and with what: those that the user asks for by name, or that the request forces.

import { argumentsFor, type ComposedCall, wantedCalls } from "../wanted-calls.ts";
import type { ChatRequest } from "./read-request.ts";

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
