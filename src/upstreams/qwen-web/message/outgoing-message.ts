// The one message of a turn as it is sent: its text, or, where that is too long for the firewall, a file and a line that
// says so. What cannot be sent either way is refused before anything is.

import { contextTooLong } from "../../../contract/context-too-long.ts";
import { type ChatRequest, flattenText } from "../../../contract/chat-request.ts";
import { GatewayError } from "../../../contract/gateway-error.ts";
import type { QwenFile } from "../../../wire/qwen-web.ts";
import { composeMessage, type Unseen } from "./compose-message.ts";
import { QwenRefusal, upstreamName } from "../errors.ts";
import { type MessageContent, speakerOf } from "./message-text.ts";
import { mayCallTools, turnWish } from "./turn-tools.ts";

export interface OutgoingMessage {
  readonly content: MessageContent;
  readonly files: readonly QwenFile[];
  /** Where the client wrote the only file. */
  readonly fileField?: string;
  /** Qwen refuses the files: they go up anew the next time. @returns whether one had been uploaded for an earlier message */
  forgetFiles?(): boolean;
}

export interface FileOptions {
  /** Longest message that is sent as text, in UTF-16 units. */
  readonly maxMessageChars: number;
  /** Undefined: longer messages are refused. */
  readonly upload: ((name: string, text: string) => Promise<QwenFile>) | undefined;
  /** Aborted when the client leaves. */
  readonly signal: AbortSignal;
}

const fileName = "conversation.txt";
/** The newest message stands in the text as well, when it is no longer than this. */
const maxRepeatedChars = 4000;

const noFiles: readonly QwenFile[] = [];

/** As text, however long it is; what is no text in it must have been taken out before. */
export function composeOutgoing(request: ChatRequest, unseen: Unseen): OutgoingMessage {
  return { content: composeMessage(request, unseen), files: noFiles };
}

/**
 * In place of a message that is too long to be sent as text.
 * @throws {GatewayError} `context-too-long` when it cannot go up as a file
 */
export async function sendAsFile(
  request: ChatRequest,
  unseen: Unseen,
  text: string,
  { maxMessageChars, upload, signal }: FileOptions,
): Promise<OutgoingMessage> {
  if (upload === undefined) throw tooLong(text.length, maxMessageChars);
  try {
    const content = coverText(request, unseen, Math.min(maxRepeatedChars, maxMessageChars / 2));
    return { content, files: [await upload(fileName, text)] };
  } catch (error) {
    if (signal.aborted || isAboutAccount(error)) throw error;
    throw tooLong(text.length, maxMessageChars, error);
  }
}

function coverText(request: ChatRequest, unseen: Unseen, maxChars: number): string {
  const parts = [
    `This message is too long for the chat, so it is attached as ${fileName}. Read the whole file and answer what its last part asks; do not talk about the file.`,
    mayCallTools(request) ? "Your tools can be called as ever: where the file tells tools, they are yours." : "",
    turnWish(request, unseen.tools, unseen.missedCall),
  ];
  const cover = parts.filter((part) => part !== "").join(" ");
  const newest = request.messages.findLast((message) => message.role !== "system");
  const text = newest?.role === "user" ? speakerOf(newest) + flattenText(newest) : "";
  return text === "" || text.length > maxChars ? cover : `${cover}\n\n# Message\n${text}`;
}

/** A refusal that has nothing to do with the length: it is told, or mended, as it is everywhere. */
function isAboutAccount(error: unknown): boolean {
  if (!(error instanceof QwenRefusal)) return false;
  return error.kind === "upstream-auth" || error.kind === "upstream-quota" || error.kind === "upstream-challenge";
}

function tooLong(chars: number, maxChars: number, cause?: unknown): GatewayError {
  const tried = cause === undefined ? "" : ", and its upload as a file failed";
  return new GatewayError(
    "context-too-long",
    contextTooLong(
      {},
      `the message has ${chars} characters, more than the ${maxChars} that Qwen's firewall lets pass${tried}`,
    ),
    { upstream: upstreamName, param: "messages", ...(cause === undefined ? {} : { cause }) },
  );
}
