// What the wing remembers of turns with tools, and how their replies are read: calls found in the text, a call that was
// demanded and did not come, a chat whose model has forgotten how to call.

import type { ChatRequest, Message } from "../../../contract/chat-request.ts";
import { GatewayError } from "../../../contract/gateway-error.ts";
import { jsonText } from "../../../contract/json.ts";
import type { EventDecoder, Resume } from "../../../contract/upstream.ts";
import type { Log } from "../../../telemetry/log.ts";
import { scanTools } from "../../../tools/scan-tools.ts";
import type { ToolWarning, ToolWarningKind } from "../../../tools/tool-warning.ts";
import { demandCall } from "./demanded-call.ts";
import { upstreamName } from "../errors.ts";
import { mayCallTools, mustCallTools, type UnseenTools } from "./turn-tools.ts";

/** Where a reply runs. */
export interface ReplyPlace {
  readonly account: string;
  readonly chatId: string;
  /** It goes on behind an earlier answer. */
  readonly isResumed: boolean;
}

export interface ToolTurns {
  /** What the chat of `resume` has to be told of the request's tools. */
  unseenIn(resume: Resume, request: ChatRequest): UnseenTools;
  /** The same was asked before and answered without the call that it demands: where. */
  missedCall(request: ChatRequest): ReplyPlace | undefined;
  /** The decoder with its calls found. */
  read(decoder: EventDecoder, request: ChatRequest, place: ReplyPlace, requestId: string): EventDecoder;
}

/** Signs that a model does not know any more how to call. */
const forgetful: ReadonlySet<ToolWarningKind> = new Set<ToolWarningKind>(["call-cut-off", "arguments-unreadable"]);
/** Oldest first out. */
const maxForgetfulChats = 1000;

export function createToolTurns(log: Log): ToolTurns {
  /** Chats whose next message tells the tools again. Lost with the process, which costs one more broken call. */
  const forgetfulChats = new Set<string>();
  /** By the history that was asked: attempts of one exchange share it. */
  const missed = new WeakMap<readonly Message[], ReplyPlace>();

  function noteForgetful(chatId: string): void {
    forgetfulChats.add(chatId);
    const [oldest] = forgetfulChats;
    if (forgetfulChats.size > maxForgetfulChats && oldest !== undefined) forgetfulChats.delete(oldest);
  }

  function noteWarning({ kind, toolName }: ToolWarning, chatId: string, requestId: string): void {
    log.info("A tool call was not written as it should be", {
      requestId,
      kind,
      ...(toolName ? { tool: toolName } : {}),
    });
    if (forgetful.has(kind)) noteForgetful(chatId);
  }

  return {
    unseenIn(resume, request) {
      // A turn without calls tells no tools: the next one will.
      const isReminded = mayCallTools(request) && forgetfulChats.delete(resume.continuation.chatId);
      const tools = isReminded && resume.tools === "known" ? "distant" : resume.tools;
      return { tools, missedCall: missed.has(request.messages) };
    },
    missedCall: ({ messages }) => missed.get(messages),
    read(decoder, request, place, requestId) {
      if (!mayCallTools(request)) return decoder;
      const onWarning = (warning: ToolWarning): void => noteWarning(warning, place.chatId, requestId);
      const scanned = scanTools(decoder, request.tools, { onWarning });
      if (!mustCallTools(request)) return scanned;
      return demandCall(scanned, () => {
        if (missed.has(request.messages)) return undefined;
        missed.set(request.messages, place);
        return callMissing();
      });
    },
  };
}

/** Whether a whole answer holds calls: such a text is not for a client's eyes. */
export function holdsCalls(text: string, request: ChatRequest): boolean {
  if (!mayCallTools(request)) return false;
  let isFound = false;
  const decoder: EventDecoder = {
    pendingBytes: 0,
    feed() {},
    end(emit) {
      emit({ type: "text-delta", text: jsonText(text) });
      emit({ type: "reply-end", finishReason: "stop" });
    },
  };
  scanTools(decoder, request.tools).end((event) => {
    isFound ||= event.type === "tool-call-start";
  });
  return isFound;
}

/** At once: there is nothing to wait for. */
function callMissing(): GatewayError {
  return new GatewayError("upstream-failed", "Qwen answered without the tool call that is required: try again", {
    upstream: upstreamName,
    retryable: true,
  });
}
