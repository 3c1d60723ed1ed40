// The `messages` of a request. Results of tools stand in the user's messages here, and become messages of their own.

import type { ContentPart, Message, ToolCall } from "../../contract/chat-request.ts";
import { stringifyExact } from "../../contract/exact-json.ts";
import { isJsonObject, type JsonObject } from "../../contract/json.ts";
import { GrownLists } from "../../conversation/grown-lists.ts";
import { splitThoughts } from "../../conversation/leading-thoughts.ts";
import { LongText } from "../../conversation/long-text.ts";
import { invalid } from "../check-body.ts";
import { noteAfter } from "../notes.ts";
import { decodeCallId } from "./call-ids.ts";
import { compaction, parseSummary } from "./compaction.ts";
import { blocksIn, parseBlock, parseContent, stringIn } from "./parse-content.ts";
import { tellServerTool } from "./server-tools.ts";

const grown = new GrownLists<Message>();

/** @throws {GatewayError} `invalid-request` that names the message, such as `messages[1].role` */
export function parseMessages(value: unknown): readonly Message[] {
  if (value === undefined || value === null) throw invalid("messages", 'Invalid request: "messages" is missing');
  if (!Array.isArray(value)) throw invalid("messages", 'Invalid request: "messages" must be an array');
  if (value.length === 0) throw invalid("messages", 'Invalid request: "messages" must not be empty');
  const making = grown.begin(value);
  const { made: messages } = making;
  for (let index = making.from; index < value.length; index++) {
    parseMessage(value[index], `messages[${index}]`, messages);
    making.counts.push(messages.length);
  }
  if (messages.every(({ role }) => role === "system" || role === "assistant")) {
    throw invalid("messages", 'Invalid request: "messages" must hold a message with role "user"');
  }
  grown.end(value, making);
  return messages;
}

function parseMessage(value: unknown, path: string, messages: Message[]): void {
  if (!isJsonObject(value)) throw invalid(path, `Invalid request: "${path}" must be an object`);
  const { role, content } = value;
  switch (role) {
    case "user":
      return parseUser(content, `${path}.content`, messages);
    case "assistant":
      return parseAssistant(content, `${path}.content`, messages);
    // Agents tell their surroundings so, between the turns.
    case "system":
      return parseSystemMessage(content, `${path}.content`, messages);
    case undefined:
      throw invalid(`${path}.role`, `Invalid request: "${path}.role" is missing`);
    default:
      throw invalid(`${path}.role`, `Invalid request: "${path}.role" must be one of user, assistant, system`);
  }
}

/** Of blocks that only change the tools, nothing is left to be said. */
function parseSystemMessage(content: unknown, path: string, messages: Message[]): void {
  const parts = parseContent(content, path);
  if (parts.length > 0) messages.push({ role: "system", content: parts });
}

/** Results first, since they answer the calls before; then what the user says besides. */
function parseUser(content: unknown, path: string, messages: Message[]): void {
  if (typeof content === "string" || content instanceof LongText) {
    messages.push({ role: "user", content: parseContent(content, path) });
    return;
  }
  const blocks = blocksIn(content, path);
  if (blocks.length === 0) throw invalid(path, `Invalid request: "${path}" must not be empty`);
  const parts: ContentPart[] = [];
  for (const [index, block] of blocks.entries()) {
    const blockPath = `${path}[${index}]`;
    if (isJsonObject(block) && block["type"] === "tool_result") messages.push(parseResult(block, blockPath));
    else parts.push(...parseBlock(block, blockPath));
  }
  if (parts.length > 0) messages.push({ role: "user", content: parts });
}

function parseResult(block: JsonObject, path: string): Message {
  const content = block["content"];
  return {
    role: "tool",
    callId: decodeCallId(stringIn(block, "tool_use_id", path)),
    // A tool that has nothing to say may leave it out.
    content: content === undefined || content === null ? [] : parseContent(content, `${path}.content`),
    ...(block["is_error"] === true ? { isError: true } : {}),
  };
}

/** What a summary stands for was before the rest of its message. */
function parseAssistant(value: unknown, path: string, messages: Message[]): void {
  if (typeof value === "string" || value instanceof LongText) {
    messages.push(assistantMessage(parseContent(value, path), [], ""));
    return;
  }
  const blocks = blocksIn(value, path);
  const content: ContentPart[] = [];
  const toolCalls: ToolCall[] = [];
  let reasoning = "";
  let summaries = 0;
  for (const [index, block] of blocks.entries()) {
    const blockPath = `${path}[${index}]`;
    if (!isJsonObject(block)) throw invalid(blockPath, `Invalid request: "${blockPath}" must be an object`);
    switch (block["type"]) {
      case "text":
        content.push(...parseBlock(block, blockPath));
        break;
      case "tool_use":
        toolCalls.push(parseCall(block, blockPath));
        break;
      case "thinking":
        if (typeof block["thinking"] === "string") reasoning += block["thinking"];
        break;
      case compaction: {
        const summary = parseSummary(block, blockPath);
        if (summary !== undefined) messages.push(summary);
        summaries++;
        break;
      }
      default: {
        // Thoughts that only their maker can read are nothing.
        const told = tellServerTool(block, blocks);
        if (told !== undefined) content.push(noteAfter(content, told));
      }
    }
  }
  if (summaries === 0 || summaries < blocks.length) messages.push(assistantMessage(content, toolCalls, reasoning));
}

/** @param reasoning "": as tags before the answer, if at all */
function assistantMessage(whole: readonly ContentPart[], toolCalls: readonly ToolCall[], reasoning: string): Message {
  const { content, reasoning: tagged = "" } = splitThoughts(whole);
  const thoughts = reasoning === "" ? tagged : reasoning;
  return { role: "assistant", content, toolCalls, ...(thoughts === "" ? {} : { reasoning: thoughts }) };
}

function parseCall(block: JsonObject, path: string): ToolCall {
  const input = block["input"];
  return {
    callId: decodeCallId(stringIn(block, "id", path)),
    toolName: stringIn(block, "name", path),
    argumentsText: typeof input === "string" ? input : stringifyExact(input ?? {}),
  };
}
