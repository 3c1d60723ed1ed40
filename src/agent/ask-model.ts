// The agent's questions to the model: over the gateway as any client's, a chat a run, forgotten afterwards.

import { withoutSession } from "../contract/access.ts";
import type { ChatReply } from "../contract/chat-reply.ts";
import { GatewayError } from "../contract/gateway-error.ts";
import type { Json } from "../contract/json.ts";
import { openaiErrorBody } from "../contract/openai-error.ts";
import type { Surface } from "../contract/surface.ts";
import { randomId } from "../contract/random-id.ts";
import { passingSessionId } from "../store/passing-session.ts";
import type { Gateway } from "../gateway/gateway.ts";
import type { AskModel, ForgetConversation, ModelAnswer } from "./engine.ts";

const surface: Surface = {
  name: "agent",
  routes: [],
  parseRequest: notReceived,
  createEncoder: notReceived,
  encodeReply: (_request, { text, refusal, toolCalls, usage }: ChatReply) =>
    // A cast: tool calls are plain objects of texts.
    ({ text: refusal ?? text, toolCalls: toolCalls as unknown as Json, totalTokens: usage.totalTokens }),
  encodeError: (error) => openaiErrorBody(error),
};

export function createAskModel(gateway: Pick<Gateway, "converse" | "forget">): AskModel {
  return async ({ messages, tools, toolChoice, model, maxTokens, temperature, conversation, ...asked }) => {
    const { userId, access, requestId, signal } = asked;
    // Of its own: the engine keeps the history and sends it whole, and what is new of it goes on where it can.
    const sessionId = sessionOf(conversation ?? randomId());
    try {
      const response = await gateway.converse(surface, {
        request: {
          surface: surface.name,
          model,
          messages,
          tools,
          toolChoice,
          stream: false,
          includeUsage: true,
          maxTokens,
          sampling: temperature === undefined ? {} : { temperature },
          reasoning: { enabled: false },
          webSearch: false,
          session: {},
          body: {},
        },
        hints: { sessionId, thin: false },
        upstream: undefined,
        signal,
        caller: userId,
        access: withoutSession(access),
        requestId,
      });
      // A cast: the surface above has written it.
      return (await response.json()) as ModelAnswer;
    } finally {
      if (conversation === undefined) void gateway.forget(userId, sessionId);
    }
  };
}

export function createForget(gateway: Pick<Gateway, "forget">): ForgetConversation {
  return (userId, conversation) => void gateway.forget(userId, sessionOf(conversation));
}

function sessionOf(conversation: string): string {
  return passingSessionId("agent", conversation);
}

/** Requests of this surface are composed, not received. */
function notReceived(): never {
  throw new GatewayError("internal", "The agent takes no request of this kind");
}
