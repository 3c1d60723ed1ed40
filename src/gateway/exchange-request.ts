// What an exchange begins with: a request as the server received it, or one that was composed within the gateway.

import type { Access } from "../contract/access.ts";
import type { ReplyDisplay } from "../contract/answer-format.ts";
import type { ChatRequest } from "../contract/chat-request.ts";
import type { Surface } from "../contract/surface.ts";
import { parseRequestBody } from "../conversation/parse-body.ts";
import { replyDisplay } from "./forms/reply-display.ts";
import { type SessionHints, sessionHints } from "../conversation/session-hints.ts";
import type { OpenOutlet } from "./replies/reply-outlet.ts";

/** Who asks. */
export interface Asking {
  /** Aborted when the client hangs up before it has an answer. */
  readonly signal: AbortSignal;
  /** Scopes conversations: "local" without keys. */
  readonly caller: string;
  /** What may be used for it, and how much. @defaultValue everything */
  readonly access?: Access | undefined;
  readonly requestId: string;
  /** Of the reply, where somebody has told it already. Absent: a new one. */
  readonly replyId?: string;
  /** Called when nothing of ours refuses it: what comes then is said by who is asked. */
  readonly onAdmitted?: (() => void) | undefined;
  /** Called when the client has stopped reading its answer: the connection may be closed. */
  readonly onAbandoned?: (() => void) | undefined;
  /** Takes what a streamed answer says in place of its body, which is empty then: a stream less, where nobody needs one. */
  readonly outlet?: OpenOutlet | undefined;
  /** Nobody but a socket of the server reads the answer: then it need not be a stream that others could read. @defaultValue false */
  readonly toSocket?: boolean | undefined;
}

/** What the server hands over: the edge has checked keys, host and size, and nothing else. */
export interface IncomingExchange extends Asking {
  readonly body: Uint8Array;
  /** Session of a conversation that is not known yet: whoever names it forgets it afterwards. @defaultValue as the client hints */
  readonly beginsIn?: string | undefined;
  /** The body as JSON, where it was looked at before. Absent: it is parsed here. */
  readonly parsed?: unknown;
  readonly headers: Headers;
}

/** A request that was composed within the gateway, such as by a step of a pipeline. */
export interface ComposedExchange extends Asking, Question {}

/** What is asked, whichever way it came. */
export interface Question {
  readonly request: ChatRequest;
  readonly hints: SessionHints;
  /** Name of the only upstream that may serve it. Undefined: whichever serves its model. */
  readonly upstream: string | undefined;
  /** How the client wants to see its reply. Absent: as its protocol has it. */
  readonly display?: ReplyDisplay | undefined;
}

/** @throws {GatewayError} */
export function readQuestion(
  surface: Surface,
  { body, parsed, headers, caller, beginsIn }: IncomingExchange,
  withPolicy: (request: ChatRequest) => ChatRequest,
  display: ReplyDisplay,
): Question {
  const request = withPolicy(surface.parseRequest(parsed ?? parseRequestBody(body, caller)));
  return {
    request,
    hints: { ...sessionHints(headers, request.session), ...(beginsIn === undefined ? {} : { beginsIn }) },
    upstream: headers.get("x-upstream") ?? undefined,
    display: replyDisplay(headers, request, display),
  };
}
