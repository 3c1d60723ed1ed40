// An answer of POST /v1/messages, streamed or whole, as a client puts it together: strict where clients break.

import { checkMessagesStream } from "./checkers/check-messages-stream.ts";
import { parseFrames } from "./sse-frames.ts";

export interface MessageBlock {
  readonly type: string;
  readonly text?: string;
  readonly thinking?: string;
  readonly signature?: string;
  readonly id?: string;
  readonly name?: string;
  readonly input?: unknown;
  readonly citations?: readonly unknown[];
}

export interface MessageUsage {
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly cache_creation_input_tokens: number;
  readonly cache_read_input_tokens: number;
}

export interface MessageError {
  readonly type: string;
  readonly error: { readonly type: string; readonly message: string };
  readonly request_id?: string;
}

export interface ReadMessage {
  readonly status: number;
  readonly headers: Headers;
  readonly id: string | undefined;
  readonly model: string | undefined;
  readonly content: readonly MessageBlock[];
  readonly stopReason: string | null | undefined;
  readonly stopSequence: string | null | undefined;
  readonly usage: MessageUsage | undefined;
  /** As `message_start` has it. Undefined for a whole answer. */
  readonly firstUsage: MessageUsage | undefined;
  readonly error: MessageError | undefined;
  /** Types of the events in order; none for a whole answer. */
  readonly events: readonly string[];
  readonly text: string;
  readonly calls: readonly MessageBlock[];
}

interface WireMessage {
  readonly id: string;
  readonly type: string;
  readonly role: string;
  readonly model: string;
  readonly content: readonly MessageBlock[];
  readonly stop_reason: string | null;
  readonly stop_sequence: string | null;
  readonly usage: MessageUsage;
}

interface WireEvent {
  readonly type: string;
  readonly index?: number;
  readonly message?: WireMessage;
  readonly content_block?: MessageBlock;
  readonly delta?: {
    readonly type?: string;
    readonly text?: string;
    readonly thinking?: string;
    readonly signature?: string;
    readonly partial_json?: string;
    readonly citation?: unknown;
    readonly stop_reason?: string;
    readonly stop_sequence?: string | null;
  };
  readonly usage?: MessageUsage;
  readonly error?: MessageError["error"];
}

export async function readMessage(response: Response): Promise<ReadMessage> {
  const body = await response.text();
  const isStream = response.headers.get("content-type")?.startsWith("text/event-stream") === true;
  const read = isStream ? readMessageStream(body) : readWhole(body);
  const { status, headers } = response;
  const content = read.content ?? [];
  const text = content.map((block) => block.text ?? "").join("");
  return { ...read, status, headers, content, text, calls: content.filter(({ type }) => type === "tool_use") };
}

type Contents = Omit<ReadMessage, "status" | "headers" | "text" | "calls">;

function readWhole(body: string): Contents {
  // The shape is what the tests assert.
  const message = JSON.parse(body) as WireMessage & MessageError;
  return {
    id: message.id,
    model: message.model,
    content: message.content,
    stopReason: message.stop_reason,
    stopSequence: message.stop_sequence,
    usage: message.usage,
    firstUsage: undefined,
    error: message.type === "error" ? message : undefined,
    events: [],
  };
}

type OpenBlock = { -readonly [Name in keyof MessageBlock]: MessageBlock[Name] } & { json: string };

/** @throws on what an official client does not survive: an event without its name, blocks that overlap, a missing end */
export function readMessageStream(body: string): Contents {
  const problems = checkMessagesStream(body);
  if (problems.length > 0) throw new Error(`clients break by the stream: ${problems.join("; ")}`);
  const frames = parseFrames(body);
  const blocks: MessageBlock[] = [];
  let message: WireMessage | undefined;
  let open: OpenBlock | undefined;
  let end: WireEvent | undefined;
  let error: MessageError | undefined;
  let isStopped = false;
  for (const frame of frames) {
    // The shape is what the tests assert.
    const event = JSON.parse(frame.data) as WireEvent;
    if (frame.event !== event.type) throw new Error(`"${event.type}" came as "${frame.event}"`);
    if (isStopped || error !== undefined) throw new Error(`"${event.type}" came behind the end`);
    if (message === undefined && event.type !== "message_start" && event.type !== "error") {
      throw new Error(`"${event.type}" came before the start`);
    }
    switch (event.type) {
      case "ping":
        break;
      case "error":
        // The type is told by the event.
        error = event as MessageError;
        break;
      case "message_start":
        if (message !== undefined || event.message === undefined) throw new Error("the message starts twice");
        message = event.message;
        break;
      case "content_block_start":
        if (open !== undefined || event.index !== blocks.length) throw new Error("a block starts out of turn");
        open = { ...(event.content_block ?? { type: "" }), json: "" };
        break;
      case "content_block_delta":
        if (open === undefined || event.index !== blocks.length) throw new Error("a delta is of no open block");
        addDelta(open, event.delta ?? {});
        break;
      case "content_block_stop":
        if (open === undefined || event.index !== blocks.length) throw new Error("a block stops that is not open");
        blocks.push(closed(open));
        open = undefined;
        break;
      case "message_delta":
        if (open !== undefined || end !== undefined) throw new Error("the message ends within a block, or twice");
        end = event;
        break;
      case "message_stop":
        if (end === undefined) throw new Error("the message stops without a reason");
        isStopped = true;
        break;
      default:
        throw new Error(`"${event.type}" is unknown`);
    }
  }
  if (!isStopped && error === undefined) throw new Error("the stream has no end");
  if (error === undefined && message?.content.length !== 0) throw new Error("a message starts empty");
  return {
    id: message?.id,
    model: message?.model,
    content: blocks,
    stopReason: end?.delta?.stop_reason,
    stopSequence: end?.delta?.stop_sequence,
    usage: end?.usage,
    firstUsage: message?.usage,
    error,
    events: frames.map(({ event }) => event ?? ""),
  };
}

function addDelta(open: OpenBlock, delta: NonNullable<WireEvent["delta"]>): void {
  switch (`${open.type} ${delta.type}`) {
    case "text text_delta":
      open.text = (open.text ?? "") + (delta.text ?? "");
      return;
    case "text citations_delta":
      open.citations = [...(open.citations ?? []), delta.citation];
      return;
    case "thinking thinking_delta":
      open.thinking = (open.thinking ?? "") + (delta.thinking ?? "");
      return;
    case "thinking signature_delta":
      open.signature = delta.signature ?? "";
      return;
    case "tool_use input_json_delta":
      open.json += delta.partial_json ?? "";
      return;
    default:
      throw new Error(`a ${delta.type} in a block of type ${open.type}`);
  }
}

function closed({ json, ...block }: OpenBlock): MessageBlock {
  return block.type === "tool_use" ? { ...block, input: json === "" ? {} : JSON.parse(json) } : block;
}
