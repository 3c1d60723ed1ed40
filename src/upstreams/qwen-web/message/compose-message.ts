// What the chat has not seen yet, as the text of the one message that the backend accepts a turn.

import { type ChatRequest, flattenText, type Message } from "../../../contract/chat-request.ts";
import type { SystemChange } from "../../../contract/upstream.ts";
import { LongText } from "../../../conversation/long-text.ts";
import { encodeToolCall } from "../../../tools/encode-tools.ts";
import { type MessageContent, speakerOf, TextBuilder } from "./message-text.ts";
import { addResults, type MessageTurn, messageTurns } from "./message-turns.ts";
import { toolSection, type UnseenTools } from "./turn-tools.ts";

export interface Unseen extends UnseenTools {
  /** Index of the first message that the chat has not seen. */
  readonly unseenFrom: number;
  /** Indexes of the system messages to tell. */
  readonly unseenSystem: readonly number[];
  /** How they stand to what the chat has been told; undefined for a chat that has been told nothing. */
  readonly systemChange: SystemChange | undefined;
}

/** A chat that has seen nothing: everything is folded in. */
export function everything({ messages, tools }: ChatRequest, missedCall = false): Unseen {
  const unseenSystem: number[] = [];
  // A transcript with calls in it invites more of them.
  let hasCalls = false;
  for (let index = 0; index < messages.length; index++) {
    const message = messages[index]!;
    if (message.role === "system") unseenSystem.push(index);
    else if (message.role === "assistant" && message.toolCalls.length > 0) hasCalls = true;
  }
  const known = tools.length > 0 ? "unknown" : hasCalls ? "gone" : "known";
  return { unseenFrom: 0, unseenSystem, systemChange: undefined, tools: known, missedCall };
}

/**
 * The text to send. When only one message of a user without a name is new it travels byte for byte, without labels, and so do the
 * results of one answer's calls; system text, tools and earlier turns are folded in above it only where the chat has not
 * seen them.
 */
export function composeMessage(request: ChatRequest, unseen: Unseen): MessageContent {
  const only = onlyMessage(request, unseen);
  if (only !== undefined) return only;
  const turns = messageTurns(request.messages, unseen.unseenFrom);
  const newest = turns.at(-1);
  const text = new TextBuilder();
  const beginSection = (heading: string): void => text.add(`${text.isEmpty ? "" : "\n\n"}${heading}\n`);

  const instructions = unseen.unseenSystem
    .map((index) => request.messages[index])
    .filter((message) => message !== undefined && !isEmpty(message));
  if (unseen.systemChange === "removed") text.add("# Instructions\nThe earlier instructions no longer hold.");
  if (instructions.length > 0) beginSection(instructionsHeading(unseen.systemChange));
  for (const [index, message] of instructions.entries()) {
    if (index > 0) text.add("\n\n");
    if (message !== undefined) text.addMessage(message);
  }
  for (const paragraph of toolSection(request, unseen)) {
    if (!text.isEmpty) text.add("\n\n");
    text.add(paragraph);
  }
  if (turns.length > 1) {
    beginSection(unseen.systemChange === undefined ? "# Conversation so far" : "# Since your last answer");
    for (const [index, turn] of turns.slice(0, -1).entries()) {
      if (index > 0) text.add("\n\n");
      addLabelled(text, turn);
    }
  }
  if (newest === undefined) return text.finish();
  if (!text.isEmpty) beginSection("# Message");
  if (newest.role === "user") {
    text.add(speakerOf(newest.message));
    text.addMessage(newest.message);
  } else addLabelled(text, newest);
  return text.finish();
}

/** Of a turn that is one short text of a user and nothing else: the beginning of most conversations, and most of their turns. */
function onlyMessage(request: ChatRequest, unseen: Unseen): string | undefined {
  const { messages } = request;
  const message = messages.at(-1);
  if (message?.role !== "user" || messages.length - unseen.unseenFrom !== 1 || message.content.length !== 1)
    return undefined;
  if (unseen.unseenSystem.length > 0 || unseen.systemChange === "removed") return undefined;
  if (message.name !== undefined || request.tools.length > 0 || unseen.tools === "gone") return undefined;
  const part = message.content[0];
  return part?.type === "text" && !(part instanceof LongText) ? part.text : undefined;
}

function isEmpty(message: Message): boolean {
  return !message.content.some((part) => part instanceof LongText) && flattenText(message) === "";
}

function instructionsHeading(change: SystemChange | undefined): string {
  switch (change) {
    case "added":
      return "# Further instructions";
    case "changed":
      return "# Instructions (changed: these parts replace their earlier form, the others stay)";
    case "replaced":
      return "# Instructions (they replace the earlier ones)";
    default:
      return "# Instructions";
  }
}

function addLabelled(text: TextBuilder, turn: MessageTurn): void {
  switch (turn.role) {
    case "user":
      text.add(speakerOf(turn.message) || "User: ");
      return text.addMessage(turn.message);
    case "assistant": {
      const { message } = turn;
      text.add("Assistant: ");
      text.addMessage(message);
      const calls = message.toolCalls.map(encodeToolCall);
      if (calls.length > 0) text.add(`${isEmpty(message) ? "" : "\n"}${calls.join("\n")}`);
      return;
    }
    case "tool":
      return addResults(text, turn);
    default:
      turn satisfies never;
  }
}
