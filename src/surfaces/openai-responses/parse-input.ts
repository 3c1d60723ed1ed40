// The `input` of a Responses request as messages: items of one reply become one message again, what only the service
// itself could have made is passed over.

import type { ContentPart, Message, ToolCall } from "../../contract/chat-request.ts";
import { stringifyExact } from "../../contract/exact-json.ts";
import { briefOf } from "../../contract/excerpt.ts";
import { isJsonObject, type JsonObject } from "../../contract/json.ts";
import { invalid } from "../check-body.ts";
import { customArguments } from "../custom-tools.ts";
import { noteAfter } from "../notes.ts";
import { GrownLists, type Making } from "../../conversation/grown-lists.ts";
import { splitThoughts } from "../../conversation/leading-thoughts.ts";
import { LongText } from "../../conversation/long-text.ts";
import { clientCallArguments, clientToolItem, type ClientToolKind, clientToolResult } from "./client-tools.ts";
import { referredId } from "./input-items.ts";
import { compaction, compactionTrigger, parseSummary, withoutCompacted } from "./compaction.ts";
import { additionalTools, foundTools } from "./listed-tools.ts";
import { parseContent } from "./parse-content.ts";
import { clientToolName, type DeclaredTool, parseTools, searchName, toolNameOf } from "./parse-tools.ts";
import { tellServiceItem } from "./service-items.ts";

/** What a request refers to instead of saying it. */
export interface KnownItems {
  /** Items that were said before, oldest first: what `previous_response_id` stands for. */
  readonly history: readonly unknown[];
  /** By their ids: what an `item_reference` stands for. */
  readonly byId: ReadonlyMap<string, unknown>;
  /** The conversation that `history` is from. */
  readonly conversationId?: string;
}

export const nothingKnown: KnownItems = { history: [], byId: new Map() };

const grown = new GrownLists<Message>();

/** @throws {GatewayError} `invalid-request` that names the item, such as `input[1].role` */
export function parseInput(value: unknown, tools: readonly DeclaredTool[], known: KnownItems): readonly Message[] {
  if (known === nothingKnown && Array.isArray(value)) return parseList(value, tools);
  const messages = new Messages(tools);
  for (const [index, item] of withoutCompacted(known.history).entries())
    addItem(messages, item, `previous[${index}]`, known);
  if (typeof value === "string") messages.add({ role: "user", content: [{ type: "text", text: value }] });
  else if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) addItem(messages, item, `input[${index}]`, known);
  } else throw invalid("input", 'Invalid request: "input" must be a string or an array of items');
  return messages.all;
}

/** Of one that brings its whole history. */
function parseList(list: readonly unknown[], tools: readonly DeclaredTool[]): readonly Message[] {
  const making = grown.begin(list, tools);
  const messages = new Messages(tools, making);
  for (let index = making.from; index < list.length; index++) {
    addItem(messages, list[index], `input[${index}]`, nothingKnown);
    making.counts.push(messages.settledCount);
  }
  grown.end(list, making, tools);
  return messages.all;
}

type ToolMessage = Extract<Message, { readonly role: "tool" }>;

/** Neighbouring items of the assistant are one reply, and one message. */
class Messages {
  readonly all: Message[];
  readonly tools: readonly DeclaredTool[];
  /** The last message, while it may go on. */
  #reply: { role: "assistant"; content: ContentPart[]; toolCalls: ToolCall[]; reasoning?: string } | undefined;
  /** Of calls whose results may name their items instead, by these. Like the results, until somebody else speaks. */
  readonly callIds = new Map<string, string>();
  /** Thoughts that no word has followed yet. */
  #reasoning = "";
  /** Told before the next words or calls, or before whoever else speaks: results stand behind their calls, and nothing between. */
  #notes: string[] = [];
  /** What the results at the end hold, by their calls, while more of them may come. */
  readonly #results = new Map<string, ContentPart[]>();

  /** @param begun what it goes on from: messages that no item changes any more */
  constructor(tools: readonly DeclaredTool[], begun?: Making<Message>) {
    this.tools = tools;
    this.all = begun?.made ?? [];
  }

  /** -1 while what follows may belong to the last message. */
  get settledCount(): number {
    const isOpen =
      this.#reply !== undefined || this.#reasoning !== "" || this.#notes.length > 0 || this.#results.size > 0;
    return isOpen ? -1 : this.all.length;
  }

  add(message: Message): void {
    if (this.#notes.length > 0) this.#openReply();
    this.#reply = undefined;
    this.#reasoning = "";
    this.#results.clear();
    this.callIds.clear();
    this.all.push(message);
  }

  /** A script of Codex gives several outputs of one call; servers take one result of each. */
  addResult(result: ToolMessage): void {
    const told = this.#results.get(result.callId);
    if (told !== undefined) {
      told.push(...result.content);
      return;
    }
    this.#reply = undefined;
    this.#reasoning = "";
    const content = [...result.content];
    this.#results.set(result.callId, content);
    this.all.push({ ...result, content });
  }

  addText(content: readonly ContentPart[]): void {
    if (content.length > 0) this.#openReply().content.push(...content);
  }

  /** What was done besides, told in words. At the end of the input it is no last word: the model has yet to answer. */
  addNote(text: string): void {
    this.#notes.push(text);
    if (this.#reply !== undefined) this.#openReply();
  }

  addCall(call: ToolCall): void {
    this.#openReply().toolCalls.push(call);
  }

  addReasoning(text: string): void {
    this.#reasoning += text;
  }

  #openReply() {
    this.#results.clear();
    if (this.#reply === undefined) {
      this.#reply = { role: "assistant", content: [], toolCalls: [] };
      this.all.push(this.#reply);
    }
    if (this.#reasoning !== "") this.#reply.reasoning = (this.#reply.reasoning ?? "") + this.#reasoning;
    this.#reasoning = "";
    const { content } = this.#reply;
    for (const note of this.#notes) content.push(noteAfter(content, note));
    this.#notes = [];
    return this.#reply;
  }
}

function addItem(messages: Messages, item: unknown, path: string, known: KnownItems): void {
  if (!isJsonObject(item)) throw invalid(path, `Invalid request: "${path}" must be an object`);
  switch (item["type"]) {
    case "function_call":
      return messages.addCall(parseCall(item, messages.tools, path, "arguments"));
    case "custom_tool_call":
      return messages.addCall(parseCall(item, messages.tools, path, "input"));
    // One of Codex's agents to another: without it the other has nothing to do.
    case "agent_message":
      return addMessage(messages, { ...item, role: "user" }, path);
    case "tool_search_call":
      // Without the id of a call the service did it.
      if (typeof item["call_id"] === "string")
        messages.addCall(parseCall({ ...item, name: searchName }, messages.tools, path, "arguments"));
      return;
    case foundTools:
      if (typeof item["call_id"] === "string") messages.addResult(parseFound(item, messages.tools, path));
      return;
    case "function_call_output":
    case "custom_tool_call_output":
      return messages.addResult(parseOutput(item, path));
    case "reasoning":
      return messages.addReasoning(parseReasoningText(item));
    case "item_reference":
      return addReferred(messages, item["id"], path, known);
    case additionalTools:
      return;
    case compaction:
      return messages.add(parseSummary(item, path));
    // It says nothing: what it asks for stands behind all that was said.
    case compactionTrigger:
      return;
    default: {
      const id = referredId(item);
      if (id !== undefined) return addReferred(messages, id, path, known);
      // With a role it is a message, whatever it calls itself; mostly it says nothing.
      const isMessage = item["role"] !== undefined || item["type"] === undefined || item["type"] === "message";
      if (isMessage) return addMessage(messages, item, path);
      const clientTool = clientToolItem(item["type"]);
      if (clientTool?.role === "call") return addClientCall(messages, clientTool.kind, item, path);
      if (clientTool !== undefined) return messages.addResult(parseClientOutput(messages, clientTool.kind, item, path));
      // What else there is was done by a service for itself, or is sealed.
      const told = tellServiceItem(item);
      if (told !== undefined) messages.addNote(told);
    }
  }
}

function addReferred(messages: Messages, id: unknown, path: string, known: KnownItems): void {
  if (typeof id !== "string") throw invalid(`${path}.id`, `Invalid request: "${path}.id" must be a string`);
  const item = known.byId.get(id);
  if (item === undefined) {
    throw invalid(
      `${path}.id`,
      `Invalid request: "${path}.id" refers to an item that is not stored here: "${briefOf(id, 80)}"`,
    );
  }
  addItem(messages, item, path, nothingKnown);
}

const roles = ["system", "developer", "user", "assistant"] as const;

function addMessage(messages: Messages, item: JsonObject, path: string): void {
  const role = roles.find((known) => known === item["role"]);
  if (item["role"] === undefined) throw invalid(`${path}.role`, `Invalid request: "${path}.role" is missing`);
  if (role === undefined) {
    throw invalid(`${path}.role`, `Invalid request: "${path}.role" must be one of ${roles.join(", ")}`);
  }
  const content = item["content"];
  // Agents send back a reply without words as nothing.
  if (role === "assistant") {
    const whole = content === undefined || content === null ? [] : parseContent(content, `${path}.content`);
    const answer = splitThoughts(whole);
    if (answer.reasoning !== undefined) messages.addReasoning(answer.reasoning);
    return messages.addText(answer.content);
  }
  const parts = parseContent(content, `${path}.content`);
  if (parts.length === 0) throw invalid(`${path}.content`, `Invalid request: "${path}.content" must not be empty`);
  messages.add({ role: role === "user" ? "user" : "system", content: parts });
}

function parseCall(
  item: JsonObject,
  tools: readonly DeclaredTool[],
  path: string,
  field: "arguments" | "input",
): ToolCall {
  const name = item["name"];
  if (typeof name !== "string") throw invalid(`${path}.name`, `Invalid request: "${path}.name" must be a string`);
  const value = item[field];
  const text = typeof value === "string" ? value : value === undefined || value === null ? "" : stringifyExact(value);
  return {
    callId: callIdOf(item, path),
    toolName: toolNameOf(tools, name, item["namespace"]),
    argumentsText: field === "input" ? customArguments(text) : text,
  };
}

function parseOutput(item: JsonObject, path: string): ToolMessage {
  const output = item["output"];
  const content = output === undefined || output === null ? "" : output;
  return { role: "tool", callId: callIdOf(item, path), content: parseContent(content, `${path}.output`) };
}

function addClientCall(messages: Messages, kind: ClientToolKind, item: JsonObject, path: string): void {
  const toolName = clientToolName(messages.tools, kind);
  const callId = callIdOf(withCallId(item), path);
  if (typeof item["id"] === "string") messages.callIds.set(item["id"], callId);
  messages.addCall({ callId, toolName, argumentsText: clientCallArguments(kind, item) });
}

/** OpenAI's type of the result of a local shell has no `call_id`: its `id` is that of the call. */
function withCallId(item: JsonObject): JsonObject {
  return item["call_id"] == null ? { ...item, call_id: item["id"] } : item;
}

function parseClientOutput(messages: Messages, kind: ClientToolKind, item: JsonObject, path: string): ToolMessage {
  const answered = callIdOf(kind === "local_shell" ? withCallId(item) : item, path);
  const callId = messages.callIds.get(answered) ?? answered;
  const { content, isError } = clientToolResult(kind, item);
  const result =
    content === undefined
      ? parseOutput({ ...item, call_id: callId }, path)
      : { role: "tool" as const, callId, content };
  return isError === true ? { ...result, isError } : result;
}

/** The model has to learn the names; the tools themselves are declared by then. */
function parseFound(item: JsonObject, tools: readonly DeclaredTool[], path: string): ToolMessage {
  const names = parseTools(item["tools"]).map(({ ownName, namespace }) => toolNameOf(tools, ownName, namespace));
  const text = names.length === 0 ? "No tools were found." : names.join("\n");
  return { role: "tool", callId: callIdOf(item, path), content: [{ type: "text", text }] };
}

function callIdOf(item: JsonObject, path: string): string {
  const callId = item["call_id"];
  if (typeof callId === "string" && callId !== "") return callId;
  throw invalid(`${path}.call_id`, `Invalid request: "${path}.call_id" must name the call`);
}

/** What can be read of it: it may be sealed, or nothing at all. */
function parseReasoningText(item: JsonObject): string {
  const parts = [item["summary"], item["content"]].flatMap((list) => (Array.isArray(list) ? list : []));
  return parts.map((part) => (isJsonObject(part) ? wordsOf(part["text"]) : "")).join("");
}

function wordsOf(text: unknown): string {
  if (text instanceof LongText) return text.text;
  return typeof text === "string" ? text : "";
}
