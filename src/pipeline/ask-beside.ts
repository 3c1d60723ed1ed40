// A short question to the model beside the conversation: within a limit, and forgotten afterwards.

import { type Access, withoutSession } from "../contract/access.ts";
import { GatewayError } from "../contract/gateway-error.ts";
import { isJsonObject } from "../contract/json.ts";
import { randomId } from "../contract/random-id.ts";
import { passingSessionId } from "../store/passing-session.ts";
import type { Gateway } from "../gateway/gateway.ts";
import type { TypedChatRequest } from "./parse-request.ts";
import type { SideQuestion } from "./step.ts";
import { askingSurface } from "./token-surface.ts";

export interface Asker {
  readonly gateway: Pick<Gateway, "converse" | "forget">;
  readonly caller: string;
  readonly access?: Access | undefined;
  readonly requestId: string;
  readonly request: Pick<TypedChatRequest, "model" | "upstream">;
  readonly signal: AbortSignal;
}

/** @throws {GatewayError} also when the time is over */
export async function askBeside(question: SideQuestion, asker: Asker): Promise<string> {
  const { gateway, caller, requestId, request } = asker;
  // Of its own: it must not come between the turns of the conversation.
  const sessionId = passingSessionId("beside", randomId());
  const limit = AbortSignal.timeout(question.timeoutMs);
  try {
    const response = await gateway.converse(askingSurface, {
      request: {
        surface: askingSurface.name,
        model: request.model,
        messages: [
          { role: "system", content: [{ type: "text", text: question.system }] },
          { role: "user", content: [{ type: "text", text: question.prompt }] },
        ],
        tools: [],
        toolChoice: undefined,
        stream: false,
        includeUsage: false,
        maxTokens: question.maxTokens,
        reasoning: { enabled: false },
        webSearch: false,
        session: {},
        body: {},
      },
      hints: { sessionId, thin: false },
      upstream: request.upstream,
      signal: AbortSignal.any([asker.signal, limit]),
      caller,
      access: withoutSession(asker.access),
      requestId,
    });
    const answer: unknown = await response.json();
    return isJsonObject(answer) && typeof answer["text"] === "string" ? answer["text"] : "";
  } catch (error) {
    if (!limit.aborted || asker.signal.aborted) throw error;
    throw new GatewayError("upstream-timeout", `The model took longer than ${question.timeoutMs} ms`, { cause: error });
  } finally {
    void gateway.forget(caller, sessionId);
  }
}
