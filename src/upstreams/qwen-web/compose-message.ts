// What the chat has not seen yet, as the text of the one message that the backend accepts a turn.

import { type ChatRequest, flattenText, type Message } from "../../contract/chat-request.ts";
import type { SystemChange } from "../../contract/upstream.ts";

export interface Unseen {
  /** Index of the first message that the chat has not seen. */
  readonly unseenFrom: number;
  /** Indexes of the system messages to tell. */
  readonly unseenSystem: readonly number[];
  /** How they stand to what the chat has been told; undefined for a chat that has been told nothing. */
  readonly systemChange: SystemChange | undefined;
}

/** A chat that has seen nothing: everything is folded in. */
export function everything(request: ChatRequest): Unseen {
  const unseenSystem: number[] = [];
  for (const [index, message] of request.messages.entries()) if (message.role === "system") unseenSystem.push(index);
  return { unseenFrom: 0, unseenSystem, systemChange: undefined };
}

/**
 * The text to send. When only one message of a user is new it travels byte for byte, without labels; system text and
 * earlier turns are folded in above it only where the chat has not seen them.
 */
export function composeMessage(request: ChatRequest, unseen: Unseen): string {
  const turns = request.messages.slice(unseen.unseenFrom).filter((message) => message.role !== "system");
  const newest = turns.at(-1);
  const before = turns.slice(0, -1);
  const sections: string[] = [];

  const instructions = unseen.unseenSystem
    .map((index) => textOf(request.messages[index]))
    .filter((text) => text !== "");
  if (unseen.systemChange === "removed") sections.push("# Instructions\nThe earlier instructions no longer hold.");
  if (instructions.length > 0)
    sections.push(`${instructionsHeading(unseen.systemChange)}\n${instructions.join("\n\n")}`);
  if (before.length > 0) {
    const heading = unseen.systemChange === undefined ? "# Conversation so far" : "# Since your last answer";
    sections.push(`${heading}\n${before.map(labelled).join("\n\n")}`);
  }
  if (newest === undefined) return sections.join("\n\n");
  const text = newest.role === "user" ? textOf(newest) : labelled(newest);
  if (sections.length === 0) return text;
  return `${sections.join("\n\n")}\n\n# Message\n${text}`;
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

function textOf(message: Message | undefined): string {
  return message === undefined ? "" : flattenText(message);
}

function labelled(message: Message): string {
  const text = flattenText(message);
  switch (message.role) {
    case "user":
      return `User: ${text}`;
    case "assistant": {
      const calls = message.toolCalls.map((call) => `[called ${call.toolName} with ${call.argumentsText || "{}"}]`);
      return `Assistant: ${[text, ...calls].filter((part) => part !== "").join("\n")}`;
    }
    case "tool":
      return message.isError ? `Tool failed: ${text}` : `Tool result: ${text}`;
    case "system":
      return text;
    default:
      return message satisfies never;
  }
}
