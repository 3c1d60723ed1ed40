// The history as a server of this protocol reads it: one system message first, texts as strings where they are no more.

import type { ChatRequest, ContentPart, Message, ToolCall } from "../../../contract/chat-request.ts";
import { GatewayError } from "../../../contract/gateway-error.ts";
import { isJsonObject, type Json, type JsonObject } from "../../../contract/json.ts";
import type { Body, Dialect, RequestRules } from "../dialect.ts";
import { isBegun } from "./begun-answer.ts";
import { sentArguments } from "./sent-arguments.ts";

export interface BodyOptions {
  readonly dialect: Dialect;
  /** Name of the upstream, for errors. */
  readonly upstream: string;
  /** The id that the server knows. */
  readonly model: string;
}

/** What a client of the same protocol wrote about a message besides what the contract knows. */
interface Extras {
  readonly fields: Body;
  readonly parts: readonly Body[];
}

const noExtras: Extras = { fields: {}, parts: [] };

interface Encoding extends BodyOptions {
  /** All content as one text. */
  readonly isPlain: boolean;
}

/** @throws {GatewayError} `invalid-request` for a part that the server cannot be given */
export function encodeMessages(request: ChatRequest, options: BodyOptions): Json {
  const { dialect, model } = options;
  const { plainTextModels } = dialect.request;
  const encoding = { ...options, isPlain: plainTextModels?.test(model) === true && request.tools.length === 0 };
  const extras = readExtras(request, dialect.request);
  const system: Json[] = [];
  const rest: Json[] = [];
  /** What results of tools show besides their text: these servers read text in results, and nothing else. */
  let shown: Json[] = [];
  for (const [index, message] of request.messages.entries()) {
    const param = `messages[${index}].content`;
    const parts = encodeParts(message, extras[index] ?? noExtras, encoding, param);
    const isResult = message.role === "tool";
    if (isResult) shown.push(...parts.filter(isNoText));
    else if (message.role !== "system" && shown.length > 0) {
      rest.push(showResults(shown));
      shown = [];
    }
    // Qwen's templates refuse a system message that does not stand first.
    if (message.role === "system") system.push(...parts);
    else rest.push(encodeMessage(message, parts, extras[index] ?? noExtras, encoding));
  }
  if (shown.length > 0) rest.push(showResults(shown));
  if (dialect.request.begunAnswers === "partial" && isBegun(request, options)) {
    // A cast: it was made above.
    rest.push({ ...(rest.pop() as Body), partial: true });
  }
  const first = system.length === 0 ? [] : [{ role: "system", content: contentOf(system, "\n\n", encoding) }];
  return limitMarkers([...first, ...rest], dialect.request.maxCacheMarkers);
}

function encodeMessage(message: Message, parts: readonly Json[], { fields }: Extras, encoding: Encoding): Json {
  switch (message.role) {
    case "assistant":
      return {
        ...fields,
        role: "assistant",
        // Null is refused by Ollama beside reasoning; "" is understood by all.
        content: contentOf(parts, "", encoding),
        ...replay(message.reasoning, encoding.dialect),
        ...(message.toolCalls.length === 0 ? {} : { tool_calls: message.toolCalls.map(encodeCall) }),
      };
    case "tool":
      return { role: "tool", tool_call_id: message.callId, content: resultOf(message, parts, encoding) };
    case "system":
    case "user":
      return { ...fields, role: message.role, content: contentOf(parts, "\n", encoding) };
    default:
      return message satisfies never;
  }
}

/** This protocol has no word for a tool that failed: its text says so. */
function resultOf({ isError }: Extract<Message, { role: "tool" }>, parts: readonly Json[], encoding: Encoding): Json {
  const texts = parts.filter((part) => !isNoText(part));
  if (texts.length < parts.length) texts.push({ type: "text", text: "(What belongs to this result follows below.)" });
  if (isError === true) texts.unshift({ type: "text", text: "The tool failed:" });
  return contentOf(texts, "\n", encoding);
}

function isNoText(part: Json): boolean {
  return !isJsonObject(part) || part["type"] !== "text";
}

function showResults(parts: readonly Json[]): Json {
  return {
    role: "user",
    content: [{ type: "text", text: "(What the results above show, in their order.)" }, ...parts],
  };
}

function replay(reasoning: string | undefined, dialect: Dialect): Body {
  if (reasoning === undefined || reasoning === "") return {};
  return Object.fromEntries(dialect.request.reasoningReplay.map((field) => [field, reasoning]));
}

function encodeCall(call: ToolCall): Json {
  return {
    id: call.callId,
    type: "function",
    function: { name: call.toolName, arguments: sentArguments(call).trim() },
  };
}

/** A string as long as nothing but text stands in it: every server reads that, not all of them read parts. */
function contentOf(parts: readonly Json[], separator: string, { isPlain }: Encoding): Json {
  const texts: string[] = [];
  for (const part of parts) {
    if (!isJsonObject(part) || typeof part["text"] !== "string") return isPlain ? texts.join(separator) : parts;
    if (!isPlain && Object.keys(part).length > 2) return parts;
    texts.push(part["text"]);
  }
  return texts.join(separator);
}

function encodeParts(message: Message, extras: Extras, encoding: Encoding, param: string): Json[] {
  return message.content.map((part, index) => {
    const { image_url: detail, ...picked } = extras.parts[index] ?? {};
    const encoded: Body = {
      ...encodePart(part, encoding, part.type === "text" ? param : (part.field ?? param)),
      ...picked,
    };
    const image = encoded["image_url"];
    if (isJsonObject(detail) && isJsonObject(image)) encoded["image_url"] = { ...image, ...detail } as Json;
    return encoded;
  });
}

function encodePart(part: ContentPart, { dialect, upstream }: Encoding, param: string): Body {
  switch (part.type) {
    case "text":
      return { type: "text", text: part.text };
    case "image":
      if (dialect.request.imageUrls === "data-only" && !part.url.startsWith("data:")) {
        const reason = `${dialect.displayName} fetches no pictures: send this one as a data: URL`;
        throw refusedField(upstream, param, reason);
      }
      return { type: "image_url", image_url: { url: part.url } };
    case "file":
      if (dialect.request.files === "parts") {
        const name = part.name === undefined ? {} : { filename: part.name };
        return { type: "file", file: { ...name, file_data: part.url } };
      }
      return { type: "text", text: readTextFile(part.name, part.url, () => onlyText(dialect, upstream, param)) };
    case "media":
      // Came out of JSON.parse. What it cannot take the server says itself.
      return part.part as Body;
    default:
      return part satisfies never;
  }
}

function onlyText({ displayName }: Dialect, upstream: string, param: string): Error {
  return refusedField(upstream, param, `${displayName} reads text files alone: send them as data: URLs, or as text`);
}

function refusedField(upstream: string, param: string, message: string): GatewayError {
  return new GatewayError("invalid-request", message, { upstream, param });
}

/** Types that are text although their name does not begin with it. */
const textTypes = /^(?:text\/|application\/(?:[\w.-]+\+)?(?:json|xml|yaml|toml|javascript|x-sh|sql))/;

function readTextFile(name: string | undefined, url: string, refusal: () => Error): string {
  const [, type, isBase64, data] = /^data:([^;,]*)(?:;[^;,]*?)*?(;base64)?,([\s\S]*)$/.exec(url) ?? [];
  if (data === undefined || type === undefined || !textTypes.test(type)) throw refusal();
  const text = isBase64 === undefined ? decodeURIComponent(data) : Buffer.from(data, "base64").toString("utf8");
  return name === undefined ? text : `${name}:\n${text}`;
}

/**
 * Read from the client's own body as long as its messages are those of the request: a gateway that keeps a history for
 * its clients may have put others before them.
 */
function readExtras(request: ChatRequest, rules: RequestRules): readonly Extras[] {
  const raw = request.surface === "openai-chat" ? request.body["messages"] : undefined;
  if (!Array.isArray(raw) || raw.length !== request.messages.length) return [];
  return raw.map((message: unknown) => {
    if (!isJsonObject(message)) return noExtras;
    const content = message["content"];
    const parts = Array.isArray(content) ? content.map((part: unknown) => partExtras(part, rules)) : [];
    return { fields: pickFields(message, rules.messageExtras), parts };
  });
}

function partExtras(part: unknown, rules: RequestRules): Body {
  if (!isJsonObject(part)) return {};
  const picked = pickFields(part, rules.partExtras);
  const image = part["image_url"];
  const detail = isJsonObject(image) ? image["detail"] : undefined;
  if (typeof detail !== "string") return picked;
  return { ...picked, image_url: { detail } };
}

function pickFields(source: JsonObject, names: readonly string[]): Body {
  const picked: Body = {};
  for (const name of names) {
    const value = source[name];
    // Came out of JSON.parse.
    if (value !== undefined && value !== null) picked[name] = value as Json;
  }
  return picked;
}

/** More than the most are refused: the newest stay, since they cover what stands before them. */
function limitMarkers(messages: Json[], maxMarkers: number): Json[] {
  let left = maxMarkers;
  const limited = messages.toReversed().map((message) => {
    if (!isJsonObject(message) || !Array.isArray(message["content"])) return message;
    const content = message["content"].toReversed().map((part: unknown) => {
      if (!isJsonObject(part) || !("cache_control" in part)) return part;
      const { cache_control: _marker, ...unmarked } = part;
      return left-- > 0 ? part : unmarked;
    });
    // Parts are JSON: they were made above.
    return { ...message, content: content.toReversed() } as Json;
  });
  return limited.toReversed();
}
