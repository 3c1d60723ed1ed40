// One call to the emulator as its routes see it.

import type { Caller } from "./accounts.ts";
import { refuse } from "./refusals.ts";
import { member, type RecordedRequest } from "./request-log.ts";
import type { Refusal, RefusalName, ScriptEntry } from "./script.ts";

export interface Call {
  readonly request: Request;
  readonly url: URL;
  /** Without a slash at its end. */
  readonly path: string;
  readonly requestId: string;
  /** Empty without a body, and of one that is no text. */
  readonly bodyText: string;
  readonly bodyBytes: Uint8Array;
  /** Parsed, where it is JSON. */
  readonly body: unknown;
  readonly caller: Caller;
  /** The order that fits this call, already counted. Refusals were carried out before. */
  readonly script: ScriptEntry | undefined;
  readonly record: RecordedRequest;
}

/** Refuses by name and notes it in the log. `reset` and `silence` never come here. */
export function refuseCall(
  call: Call,
  name: Exclude<RefusalName, "reset" | "silence">,
  fields: Omit<Refusal, "name"> = {},
): Response {
  call.record.refusal = name;
  const chatId = String(member(call.body, "chat_id") ?? call.url.searchParams.get("chat_id") ?? "");
  const parentId = String(member(call.body, "parent_id") ?? member(call.body, "parentId") ?? "");
  return refuse({ ...fields, name }, { requestId: call.requestId, chatId, parentId });
}

/** A text member of the body, undefined when it is missing, empty or no text. */
export function textMember(body: unknown, key: string): string | undefined {
  const value = member(body, key);
  return typeof value === "string" && value !== "" ? value : undefined;
}
