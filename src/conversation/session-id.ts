// The public name of a session, made from its opening words. A name only: it never selects a chat by itself.

import { flattenText, type Message } from "../contract/chat-request.ts";

/** Text of the first message of the user, whatever precedes it; undefined when there is none. */
export function firstUserText(messages: readonly Message[]): string | undefined {
  const first = messages.find((message) => message.role === "user");
  return first === undefined ? undefined : flattenText(first);
}

/** MD5 in hex: documented, so that clients can work it out. It protects nothing. */
export function sessionIdOf(text: string): string {
  return Bun.MD5.hash(text, "hex");
}
