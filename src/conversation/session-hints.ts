// What a request says about the session that it belongs to, in whichever of the customary places.

import type { SessionFields } from "../contract/chat-request.ts";
import { GatewayError } from "../contract/gateway-error.ts";

export interface SessionHints {
  /** As the client named or hinted at it. It groups turns; alone it selects no chat. */
  readonly sessionId: string | undefined;
  /** The client sends only what is new and relies on the session for the rest. */
  readonly thin: boolean;
  /** Where the conversation is not known: the session that it begins in, in place of any other. */
  readonly beginsIn?: string | undefined;
}

/** The first that is present wins. */
const sessionHeaders = [
  "x-session-id",
  // Codex sends this one and `thread-id`.
  "session-id",
  "x-claude-code-session-id",
  "thread-id",
  // OpenCode: weaker than its `x-session-id`.
  "x-session-affinity",
] as const;

/**
 * Hints that are no usable id are passed over: they come from tools that do not know us.
 * @throws {GatewayError} `invalid-request` when the body's `session_id`, which is meant for us, is none.
 */
export function sessionHints(headers: Headers, fields: SessionFields): SessionHints {
  if (fields.sessionId !== undefined) {
    const sessionId = usableId(fields.sessionId);
    if (sessionId !== undefined) return { sessionId, thin: true };
    throw new GatewayError(
      "invalid-request",
      "Cannot use `session_id`: it must be 1 to 200 printable characters, and neither . nor ..",
      { param: "session_id" },
    );
  }
  const named = usableId(headers.get("x-session-id"));
  const thin = named !== undefined && headers.get("x-session-mode")?.trim().toLowerCase() === "thin";
  for (const name of sessionHeaders) {
    const sessionId = usableId(headers.get(name));
    if (sessionId !== undefined) return { sessionId, thin };
  }
  return { sessionId: usableId(fields.hint), thin: false };
}

const printable = /^[^\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]+$/u;

/** As the last step of an address they are taken for a way up, however they are escaped. */
const pathSteps: ReadonlySet<string> = new Set([".", ".."]);

function usableId(value: string | null | undefined): string | undefined {
  if (value === null || value === undefined) return undefined;
  const trimmed = value.trim();
  return trimmed.length <= 200 && printable.test(trimmed) && !pathSteps.has(trimmed) ? trimmed : undefined;
}
