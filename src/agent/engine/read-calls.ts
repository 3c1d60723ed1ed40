// What the model wants of one answer's calls: made ready to be carried out, or answered at once because they cannot be.

import { isJsonObject } from "../../contract/json.ts";
import type { ToolCall } from "../../contract/chat-request.ts";
import { createCallId } from "../../tools/call-id.ts";
import { toolCallClosing, toolCallOpening } from "../../tools/markup.ts";
import type { ModelAnswer } from "../engine.ts";
import { briefText, withoutMarks } from "./clean-text.ts";
import { checkArguments } from "./check-arguments.ts";
import type { Offer } from "./offer.ts";
import type { Reply, RunState } from "./run-state.ts";
import { askUserTool, findToolsTool } from "./prompts.ts";
import { type BookedTool, ownNames } from "./tool-book.ts";

export interface ReadyCall {
  readonly callId: string;
  readonly booked: BookedTool;
  readonly input: Readonly<Record<string, unknown>>;
}

export interface ReadCalls {
  /** All of them, as they go into the conversation: with ids of our own. */
  readonly toolCalls: readonly ToolCall[];
  readonly ready: readonly ReadyCall[];
  readonly replies: readonly Reply[];
  /** The model wants to know something first. */
  readonly question: string | undefined;
  /** It wanted what the rules forbid. */
  readonly denied: readonly BookedTool[];
  /** Its arguments have not fitted for the second time. */
  readonly misfit: { readonly booked: BookedTool; readonly problem: string }[];
}

const maxQuestionChars = 1000;
const maxNameChars = 100;
/** One answer that calls more often is a mistake. */
const mostCalls = 32;

export function readCalls(calls: readonly ToolCall[], offer: Offer, state: RunState): ReadCalls {
  const toolCalls: ToolCall[] = [];
  const ready: ReadyCall[] = [];
  const replies: Reply[] = [];
  const denied: BookedTool[] = [];
  const misfit: { booked: BookedTool; problem: string }[] = [];
  let question: string | undefined;

  for (const { toolName, ...call } of calls.slice(0, mostCalls)) {
    const argumentsText = withoutMarks(state.mark, call.argumentsText);
    // Ids of upstreams may be missing, or the same in two answers.
    const callId = createCallId();
    const name = offer.resolve(toolName) ?? toolName;
    const refuse = (text: string): void => void replies.push({ callId, text, isError: true });
    toolCalls.push({ callId, toolName: briefText(name, maxNameChars), argumentsText });
    if (name === ownNames.askUser) {
      question ??= readText(argumentsText, askUserTool.parameters, "question");
      if (question === undefined) refuse('The question is missing: "question" must be a text');
    } else if (name === ownNames.findTools && offer.isPartial) {
      replies.push({ callId, ...findTools(argumentsText, offer) });
    } else {
      const booked = offer.get(name);
      if (booked === undefined) {
        const forbidden = offer.book.tools.find(({ alias, verdict }) => alias === name && verdict === "deny");
        if (forbidden !== undefined) denied.push(forbidden);
        refuse(
          forbidden === undefined
            ? `There is no tool ${JSON.stringify(briefText(name, maxNameChars))}: only the tools of the list can be called`
            : "This tool may not be called: the settings forbid it",
        );
        continue;
      }
      const checked = checkArguments(argumentsText, booked.tool.inputSchema);
      if ("input" in checked) {
        ready.push({ callId, booked, input: checked.input });
        continue;
      }
      const isSecond = state.misfits.includes(booked.alias);
      if (isSecond) misfit.push({ booked, problem: checked.problem });
      else state.misfits.push(booked.alias);
      refuse(`${checked.problem}. ${isSecond ? "Do not call it again" : "Mend the arguments and call it once more"}`);
    }
  }
  return { toolCalls, ready, replies, question, denied, misfit };
}

/**
 * Where calls stand in the text, one of a tool that was not declared stays there: it is no answer, and the model is to be
 * told that there is no such tool.
 */
export function withUndeclaredCall(answer: ModelAnswer, offer: Offer): ModelAnswer {
  const { text, toolCalls } = answer;
  const end = text.trimEnd();
  const start = end.lastIndexOf(toolCallOpening);
  if (toolCalls.length > 0 || start < 0 || !end.endsWith(toolCallClosing)) return answer;
  const json = end.slice(start + toolCallOpening.length, -toolCallClosing.length);
  const name = /^\s*\{\s*"name"\s*:\s*"([^"\\]{1,200})"/.exec(json)?.[1];
  // One of a tool that is there was left in the text for a reason: it is quoted.
  if (name === undefined || offer.resolve(name) !== undefined) return answer;
  const call: ToolCall = { callId: createCallId(), toolName: name, argumentsText: "{}" };
  return { ...answer, text: end.slice(0, start).trimEnd(), toolCalls: [call] };
}

function findTools(argumentsText: string, offer: Offer): Pick<Reply, "text" | "isError"> {
  const query = readText(argumentsText, findToolsTool(new Map()).parameters, "query");
  const found = query === undefined ? [] : offer.find(query);
  if (found.length === 0) return { text: "No tool has these words: try others", isError: false };
  return { text: `Now at hand: ${found.map(({ alias }) => alias).join(", ")}`, isError: false };
}

function readText(argumentsText: string, schema: unknown, field: string): string | undefined {
  const checked = isJsonObject(schema) ? checkArguments(argumentsText, schema) : undefined;
  const value = checked !== undefined && "input" in checked ? checked.input[field] : undefined;
  const text = typeof value === "string" ? briefText(value, maxQuestionChars) : "";
  return text === "" ? undefined : text;
}

/** A model that does not call may ask as JSON: `{"needsClarification":true,"clarificationQuestion":"Which John?"}`. */
export function readQuestion(text: string): string | undefined {
  const json = /^\s*(?:```(?:json)?\s*)?(\{[\s\S]*\})\s*(?:```\s*)?$/.exec(text)?.[1];
  if (json === undefined || !json.includes('"clarificationQuestion"')) return undefined;
  return readText(json, { type: "object", required: ["clarificationQuestion"] }, "clarificationQuestion");
}
