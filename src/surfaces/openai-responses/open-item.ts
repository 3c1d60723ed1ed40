// An item of the answer while it is being told: which events open it, what its deltas are called, and which events end it.

import type { ChatEvent, ReplyIdentity, Source } from "../../contract/events.ts";
import { isJsonObject, type Json } from "../../contract/json.ts";
import { RawText } from "../../conversation/raw-text.ts";
import { customInput } from "../custom-tools.ts";
import {
  callItem,
  callPrefixes,
  encodeCitation,
  itemId,
  type ItemStatus,
  messageItem,
  type OutputItem,
  reasoningItem,
  refusalPart,
  summaryPart,
  textPart,
  wholeArguments,
} from "./items.ts";
import { citationsIn } from "../url-citations.ts";
import { type ClientToolKind, clientToolKind } from "./client-tools.ts";
import type { DeclaredTool } from "./parse-tools.ts";

type Fields = { readonly [field: string]: Json };

interface ItemEvent {
  readonly type: string;
  readonly fields: Fields;
}

export interface OpenItem {
  readonly deltaType: string;
  /** Where its deltas belong. */
  readonly place: Fields;
  /** Pages that were searched become annotations of it. */
  readonly takesSources: boolean;
  /** Of a call whose arguments are told when they are whole. */
  readonly isHeld: boolean;
  /** Of a message or of thoughts: what was said so far. */
  readonly text: RawText;
  /** Of a call, so far. */
  argumentsText: string;
  opening(): readonly ItemEvent[];
  closing(
    status: ItemStatus,
    sources: readonly Source[],
  ): { readonly events: readonly ItemEvent[]; readonly item: OutputItem };
}

export interface ItemOptions {
  readonly identity: ReplyIdentity;
  readonly outputIndex: number;
  /** Which tool is called, as its client declared it. */
  readonly tool: DeclaredTool | undefined;
  /** The client wants thoughts that it can send back sealed. */
  readonly isSealedAsked: boolean;
}

export function openItem(event: Extract<ChatEvent, { type: "block-start" }>, options: ItemOptions): OpenItem {
  switch (event.block) {
    case "text":
      return openMessage(options);
    case "refusal":
      return openRefusal(options);
    case "reasoning":
      return openReasoning(options);
    case "tool-call": {
      const kind = clientToolKind(options.tool?.kind);
      return kind === undefined ? openCall(event, options) : openClientCall(event, options, kind);
    }
    default:
      return event satisfies never;
  }
}

function openMessage({ identity, outputIndex }: ItemOptions): OpenItem {
  const id = itemId("msg", identity, outputIndex);
  const place = { item_id: id, output_index: outputIndex, content_index: 0 };
  const text = new RawText();
  return {
    deltaType: "response.output_text.delta",
    place: { ...place, logprobs: [] },
    takesSources: true,
    isHeld: false,
    text,
    argumentsText: "",
    opening: () => [
      added(outputIndex, messageItem(id, "in_progress", [])),
      { type: "response.content_part.added", fields: { ...place, part: textPart("", []) } },
    ],
    closing(status, sources) {
      const whole = text.text;
      const part = textPart(whole, sources);
      const item = messageItem(id, status, [part]);
      const annotations = citationsIn(whole, sources).map((citation, index) => ({
        type: "response.output_text.annotation.added",
        fields: { ...place, annotation_index: index, annotation: encodeCitation(citation) },
      }));
      const events = [
        ...annotations,
        { type: "response.output_text.done", fields: { ...place, text: whole, logprobs: [] } },
        { type: "response.content_part.done", fields: { ...place, part } },
        done(outputIndex, item),
      ];
      return { events, item };
    },
  };
}

function openRefusal({ identity, outputIndex }: ItemOptions): OpenItem {
  const id = itemId("msg", identity, outputIndex);
  const place = { item_id: id, output_index: outputIndex, content_index: 0 };
  const text = new RawText();
  return {
    deltaType: "response.refusal.delta",
    place,
    takesSources: false,
    isHeld: false,
    text,
    argumentsText: "",
    opening: () => [
      added(outputIndex, messageItem(id, "in_progress", [])),
      { type: "response.content_part.added", fields: { ...place, part: refusalPart("") } },
    ],
    closing(status) {
      const refusal = text.text;
      const part = refusalPart(refusal);
      const item = messageItem(id, status, [part]);
      const events = [
        { type: "response.refusal.done", fields: { ...place, refusal } },
        { type: "response.content_part.done", fields: { ...place, part } },
        done(outputIndex, item),
      ];
      return { events, item };
    },
  };
}

function openReasoning({ identity, outputIndex, isSealedAsked }: ItemOptions): OpenItem {
  const id = itemId("rs", identity, outputIndex);
  const place = { item_id: id, output_index: outputIndex, summary_index: 0 };
  const text = new RawText();
  return {
    deltaType: "response.reasoning_summary_text.delta",
    place,
    takesSources: false,
    isHeld: false,
    text,
    argumentsText: "",
    opening: () => [
      added(outputIndex, reasoningItem(id, [], isSealedAsked)),
      { type: "response.reasoning_summary_part.added", fields: { ...place, part: summaryPart("") } },
    ],
    closing() {
      const whole = text.text;
      const part = summaryPart(whole);
      const item = reasoningItem(id, [part], isSealedAsked);
      const events = [
        { type: "response.reasoning_summary_text.done", fields: { ...place, text: whole } },
        { type: "response.reasoning_summary_part.done", fields: { ...place, part } },
        done(outputIndex, item),
      ];
      return { events, item };
    },
  };
}

function openCall(
  { callId, toolName }: Extract<ChatEvent, { block: "tool-call"; callId: string }>,
  { identity, outputIndex, tool }: ItemOptions,
): OpenItem {
  const kind = tool?.kind ?? "function";
  const isCustom = kind === "custom";
  const id = itemId(callPrefixes[kind], identity, outputIndex);
  const place = { item_id: id, output_index: outputIndex };
  const type = isCustom ? "response.custom_tool_call_input" : "response.function_call_arguments";
  const call = (argumentsText: string) => ({ callId, toolName, argumentsText });
  return {
    deltaType: `${type}.delta`,
    place,
    takesSources: false,
    isHeld: kind !== "function",
    text: new RawText(),
    argumentsText: "",
    opening: () => [added(outputIndex, callItem(id, "in_progress", call(""), tool))],
    closing(status) {
      const told = this.argumentsText;
      const whole = isCustom ? told : wholeArguments(told);
      const item = callItem(id, status, call(whole), tool);
      // Of a search there are no events but those of its item.
      if (kind === "search") return { events: [done(outputIndex, item)], item };
      const said = isCustom ? customInput(told) : whole;
      const events = [
        // Of what could not be told in pieces.
        ...(isCustom || told === "" ? [{ type: `${type}.delta`, fields: { ...place, delta: said } }] : []),
        { type: `${type}.done`, fields: { ...place, [isCustom ? "input" : "arguments"]: said } },
        done(outputIndex, item),
      ];
      return { events, item };
    },
  };
}

/** A shell has events for its commands, the others have none that the types of OpenAI's package know (7.55): it breaks off at them. */
function openClientCall(
  { callId, toolName }: Extract<ChatEvent, { block: "tool-call"; callId: string }>,
  { identity, outputIndex, tool }: ItemOptions,
  kind: ClientToolKind,
): OpenItem {
  const id = itemId(callPrefixes[kind], identity, outputIndex);
  const itemOf = (status: ItemStatus, argumentsText: string) =>
    callItem(id, status, { callId, toolName, argumentsText }, tool);
  // Clients read which file is patched where the item begins.
  const isLate = kind === "apply_patch";
  return {
    deltaType: "",
    place: {},
    takesSources: false,
    isHeld: true,
    text: new RawText(),
    argumentsText: "",
    opening: () => (isLate ? [] : [added(outputIndex, itemOf("in_progress", ""))]),
    closing(status) {
      const item = itemOf(status, this.argumentsText);
      const events = [
        ...(isLate ? [added(outputIndex, withoutDiff(itemOf("in_progress", this.argumentsText)))] : []),
        ...commandsIn(item).flatMap((command, index) => commandEvents(outputIndex, index, command)),
        done(outputIndex, item),
      ];
      return { events, item };
    },
  };
}

function withoutDiff(item: OutputItem): OutputItem {
  const operation = item["operation"];
  if (!isJsonObject(operation) || operation["diff"] === undefined) return item;
  return { ...item, operation: { ...operation, diff: "" } };
}

function commandsIn({ action }: OutputItem): readonly Json[] {
  const commands = isJsonObject(action) ? action["commands"] : undefined;
  return Array.isArray(commands) ? commands : [];
}

function commandEvents(outputIndex: number, index: number, command: Json): readonly ItemEvent[] {
  const place = { output_index: outputIndex, command_index: index };
  const type = "response.shell_call_command";
  return [
    { type: `${type}.added`, fields: { ...place, command: "" } },
    ...(command === "" ? [] : [{ type: `${type}.delta`, fields: { ...place, delta: command } }]),
    { type: `${type}.done`, fields: { ...place, command } },
  ];
}

function added(outputIndex: number, item: OutputItem): ItemEvent {
  return { type: "response.output_item.added", fields: { output_index: outputIndex, item } };
}

function done(outputIndex: number, item: OutputItem): ItemEvent {
  return { type: "response.output_item.done", fields: { output_index: outputIndex, item } };
}
