// The `messages` of a chat completion, checked one by one: whatever is wrong is named with its index.

import type { ContentPart, Message, ToolCall } from "../../contract/chat-request.ts";
import { stringifyExact } from "../../contract/exact-json.ts";
import { fileReference } from "../../contract/file-reference.ts";
import { isJsonObject, type JsonObject } from "../../contract/json.ts";
import { GrownLists } from "../../conversation/grown-lists.ts";
import { splitThoughts } from "../../conversation/leading-thoughts.ts";
import { LongText } from "../../conversation/long-text.ts";
import { invalid, stringIn } from "../check-body.ts";
import { customArguments } from "../custom-tools.ts";

const roles = ["system", "developer", "user", "assistant", "tool", "function"] as const;
type Role = (typeof roles)[number];

const grown = new GrownLists<Message>();

/** @throws {GatewayError} `invalid-request` that names the message, such as `messages[1].role` */
export function parseMessages(value: unknown): readonly Message[] {
  if (value === undefined) throw invalid("messages", 'Invalid request: "messages" is missing');
  if (!Array.isArray(value)) throw invalid("messages", 'Invalid request: "messages" must be an array');
  if (value.length === 0) throw invalid("messages", 'Invalid request: "messages" must not be empty');
  const making = grown.begin(value);
  const { made: messages } = making;
  for (let index = making.from; index < value.length; index++) {
    const plain = parsePlain(value[index]);
    if (plain === undefined) messages.push(...parseMessage(value[index], `messages[${index}]`));
    else messages.push(plain);
    making.counts.push(messages.length);
  }
  if (!messages.some(isAsked)) {
    throw invalid("messages", 'Invalid request: "messages" must hold a message with role "user"');
  }
  grown.end(value, making);
  return messages;
}

/** A tool's result may continue a known conversation; whether it does, the gateway finds out. */
function isAsked({ role }: Message): boolean {
  return role === "user" || role === "tool";
}

/** What most messages are: nothing is wrong with it, so that nobody has to know its index. */
function parsePlain(value: unknown): Message | undefined {
  if (!isJsonObject(value)) return undefined;
  const { role, content, name } = value;
  if ((role !== "user" && role !== "system") || name !== undefined) return undefined;
  if (typeof content === "string") return { role, content: [{ type: "text", text: content }] };
  return content instanceof LongText ? { role, content: [content] } : undefined;
}

/** One, but for results that a user brings. */
function parseMessage(value: unknown, path: string): readonly Message[] {
  if (!isJsonObject(value)) throw invalid(path, `Invalid request: "${path}" must be an object`);
  switch (parseRole(value["role"], path)) {
    case "system":
    case "developer":
      return [{ role: "system", content: parseContent(value["content"], path) }];
    case "user":
      return parseUser(value, path);
    case "assistant":
      return [parseAssistant(value, path)];
    case "tool":
      return [parseToolResult(value, "tool_call_id", path)];
    case "function":
      return [parseToolResult(value, "name", path)];
  }
}

function parseRole(value: unknown, path: string): Role {
  if (value === undefined) throw invalid(`${path}.role`, `Invalid request: "${path}.role" is missing`);
  const role = roles.find((known) => known === value);
  if (role === undefined) {
    throw invalid(`${path}.role`, `Invalid request: "${path}.role" must be one of ${roles.join(", ")}`);
  }
  return role;
}

/**
 * Cursor writes the history of names that begin with "claude-" as Anthropic has it: results are parts of a user's message, calls
 * parts of an answer. Results go first, since they answer the calls before.
 */
function parseUser({ content, name }: JsonObject, path: string): readonly Message[] {
  const speaker = typeof name === "string" && name.trim() !== "" ? { name: name.trim() } : {};
  if (!Array.isArray(content) || !content.some(isResult))
    return [{ role: "user", ...speaker, content: parseContent(content, path) }];
  const messages: Message[] = [];
  const parts: ContentPart[] = [];
  for (const [index, part] of content.entries()) {
    const partPath = `${path}.content[${index}]`;
    if (!isResult(part)) parts.push(parsePart(part, partPath));
    // A tool that has nothing to say may leave it out.
    else
      messages.push(
        parseToolResult(isNothing(part["content"]) ? { ...part, content: "" } : part, "tool_use_id", partPath),
      );
  }
  if (parts.length > 0) messages.push({ role: "user", ...speaker, content: parts });
  return messages;
}

function isResult(part: unknown): part is JsonObject {
  return isJsonObject(part) && part["type"] === "tool_result";
}

function isNothing(content: unknown): boolean {
  return content === undefined || content === null || (Array.isArray(content) && content.length === 0);
}

function isCall(part: unknown): part is JsonObject {
  return isJsonObject(part) && part["type"] === "tool_use";
}

function parseAssistant(value: JsonObject, path: string): Message {
  const toolCalls = parseToolCalls(value, path);
  const reasoning = replayedThoughts(value);
  const content = withoutOthers(value["content"]);
  const isEmpty = isNothing(content);
  // Clients send back a reply without words as null, such as openai's stream helper up to its version 6.
  const mayBeEmpty =
    content !== undefined || toolCalls.length > 0 || typeof value["refusal"] === "string" || reasoning !== undefined;
  const refusal = value["refusal"];
  // It was the answer, and comes back in its own field.
  const said = isEmpty && typeof refusal === "string" ? refusal : content;
  const whole = said === content && isEmpty && mayBeEmpty ? [] : parseContent(said, path);
  const answer = splitThoughts(whole);
  const thoughts = reasoning ?? answer.reasoning;
  return {
    role: "assistant",
    content: answer.content,
    toolCalls,
    ...(thoughts === undefined ? {} : { reasoning: thoughts }),
  };
}

/** The first that says something: in fields of their own, in lists of details (OpenRouter), or as parts (Anthropic's). */
function replayedThoughts(value: JsonObject): string | undefined {
  const fields = [value["reasoning_content"], value["reasoning"], value["thinking"]];
  const said = fields.find((text) => typeof text === "string" && text !== "");
  if (typeof said === "string") return said;
  return joinThoughts(value["reasoning_details"]) ?? joinThoughts(value["content"]);
}

const thoughtTypes = /^(?:thinking|redacted_thinking|reasoning(?:\.\w+)?)$/;

function isThought(part: unknown): part is JsonObject {
  return isJsonObject(part) && typeof part["type"] === "string" && thoughtTypes.test(part["type"]);
}

function joinThoughts(list: unknown): string | undefined {
  if (!Array.isArray(list)) return undefined;
  const texts = list.filter(isThought).map((part) => part["thinking"] ?? part["text"] ?? part["summary"]);
  return texts.filter((text) => typeof text === "string").join("") || undefined;
}

/** Without parts that say something else than the answer. */
function withoutOthers(content: unknown): unknown {
  if (!Array.isArray(content)) return content;
  const said = content.filter((part) => !isThought(part) && !isCall(part));
  return said.length === content.length ? content : said;
}

function parseToolResult(value: JsonObject, idField: "tool_call_id" | "tool_use_id" | "name", path: string): Message {
  const callId = value[idField];
  if (typeof callId !== "string" || callId === "") {
    throw invalid(`${path}.${idField}`, `Invalid request: "${path}.${idField}" must name the call that this answers`);
  }
  return {
    role: "tool",
    callId,
    content: parseContent(value["content"], path),
    // Not OpenAI's own word: agents that come from other protocols say it so.
    ...(value["is_error"] === true ? { isError: true } : {}),
  };
}

function parseToolCalls(value: JsonObject, path: string): ToolCall[] {
  const calls: ToolCall[] = [];
  const list = value["tool_calls"];
  if (list !== undefined && list !== null) {
    if (!Array.isArray(list))
      throw invalid(`${path}.tool_calls`, `Invalid request: "${path}.tool_calls" must be an array`);
    for (const [index, call] of list.entries()) calls.push(parseToolCall(call, `${path}.tool_calls[${index}]`));
  }
  const content = value["content"];
  for (const [index, part] of Array.isArray(content) ? content.entries() : []) {
    if (!isCall(part)) continue;
    const toolName = stringIn(part, "name", `${path}.content[${index}]`);
    calls.push({ callId: idOf(part), toolName, argumentsText: argumentsOf(part["input"] ?? {}) });
  }
  // The form before `tool_calls`: one call without an id.
  const legacy = value["function_call"];
  if (isJsonObject(legacy) && typeof legacy["name"] === "string") {
    calls.push({ callId: legacy["name"], toolName: legacy["name"], argumentsText: argumentsOf(legacy["arguments"]) });
  }
  return calls;
}

function parseToolCall(value: unknown, path: string): ToolCall {
  if (!isJsonObject(value)) throw invalid(path, `Invalid request: "${path}" must be an object`);
  const field = isJsonObject(value["custom"]) && !isJsonObject(value["function"]) ? "custom" : "function";
  const called = value[field];
  if (!isJsonObject(called) || typeof called["name"] !== "string") {
    throw invalid(`${path}.${field}.name`, `Invalid request: "${path}.${field}.name" must be a string`);
  }
  const { input } = called;
  const isText = field === "custom" && typeof input === "string";
  const argumentsText = isText ? customArguments(input) : argumentsOf(called["arguments"] ?? input);
  return { callId: idOf(value), toolName: called["name"], argumentsText };
}

function idOf({ id }: JsonObject): string {
  return typeof id === "string" ? id : "";
}

/** Some clients send the arguments as an object instead of JSON text. */
function argumentsOf(value: unknown): string {
  if (typeof value === "string") return value;
  return value === undefined || value === null ? "" : stringifyExact(value);
}

function parseContent(value: unknown, path: string): ContentPart[] {
  if (value instanceof LongText) return [value];
  if (typeof value === "string") return [{ type: "text", text: value }];
  if (value === undefined || value === null) {
    throw invalid(`${path}.content`, `Invalid request: "${path}.content" is missing`);
  }
  if (!Array.isArray(value)) {
    throw invalid(`${path}.content`, `Invalid request: "${path}.content" must be a string or an array of parts`);
  }
  if (value.length === 0) throw invalid(`${path}.content`, `Invalid request: "${path}.content" must not be empty`);
  return value.map((part: unknown, index) => parsePart(part, `${path}.content[${index}]`));
}

function parsePart(value: unknown, path: string): ContentPart {
  if (typeof value === "string") return { type: "text", text: value };
  if (!isJsonObject(value)) throw invalid(path, `Invalid request: "${path}" must be an object`);
  const { source } = value;
  // Without a source it is in nobody's words: its client is told which are read.
  if (value["type"] === "image" && isJsonObject(source))
    return { type: "image", ...parseSource(source, `${path}.source`) };
  switch (value["type"]) {
    case "text":
    case "input_text":
    case "output_text":
      if (value["text"] instanceof LongText) return value["text"];
      return { type: "text", text: stringIn(value, "text", path) };
    case "refusal":
      return { type: "text", text: stringIn(value, "refusal", path) };
    case "image_url": {
      const image = value["image_url"];
      if (!isJsonObject(image))
        return { type: "image", url: stringIn(value, "image_url", path), field: `${path}.image_url` };
      return { type: "image", url: stringIn(image, "url", `${path}.image_url`), field: `${path}.image_url.url` };
    }
    case "file":
      return parseFile(isJsonObject(value["file"]) ? value["file"] : {}, `${path}.file`);
    // OpenAI's own, vLLM's and Model Studio's.
    case "input_audio":
    case "audio_url":
    case "video_url":
    case "video":
      return { type: "media", part: value, field: `${path}.${value["type"]}` };
    default:
      throw invalid(
        `${path}.type`,
        `Invalid request: "${path}.type" must be one of text, image_url, file, input_audio, audio_url, video_url`,
      );
  }
}

/** Of a picture in Anthropic's words. */
function parseSource(source: JsonObject, path: string): { readonly url: string; readonly field: string } {
  if (source["type"] === "url") return { url: stringIn(source, "url", path), field: `${path}.url` };
  const url = `data:${stringIn(source, "media_type", path)};base64,${stringIn(source, "data", path)}`;
  return { url, field: `${path}.data` };
}

function parseFile(file: JsonObject, path: string): ContentPart {
  const name = typeof file["filename"] === "string" ? file["filename"] : undefined;
  const id = file["file_id"];
  if (typeof id === "string" && typeof file["file_data"] !== "string") {
    return { type: "file", name, url: fileReference(id), field: `${path}.file_id` };
  }
  return { type: "file", name, url: stringIn(file, "file_data", path), field: `${path}.file_data` };
}
