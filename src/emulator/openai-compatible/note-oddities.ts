// What the real server passes over without a word, noted so that a test can see it.

import { findBrokenCall } from "./checks.ts";
import type { Dialect } from "./dialect.ts";
import type { ChatRequest } from "./read-request.ts";

/** Names under which clients send thoughts back. */
const reasoningFields = ["reasoning_content", "reasoning"];

export function noteOddities(notes: string[], request: ChatRequest, dialect: Dialect): void {
  for (const field of dialect.ignoredFields) if (field in request.body) notes.push(`passed over: ${field}`);
  const broken = findBrokenCall(request.messages);
  if (broken !== undefined) {
    const what = broken.kind === "orphan" ? "tool result without its call" : "tool call without its result";
    notes.push(`${what}: messages[${broken.at}]`);
  }
  // vllm#38488: the old name is dropped silently.
  for (const [index, { fields }] of request.messages.entries()) {
    const sent = reasoningFields.filter((name) => typeof fields[name] === "string" && fields[name] !== "");
    if (sent.length > 0 && !sent.some((name) => dialect.historyReasoning.includes(name))) {
      notes.push(`thoughts dropped: messages[${index}].${sent.join(", ")}`);
    }
  }
}
