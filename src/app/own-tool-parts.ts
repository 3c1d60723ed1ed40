// What the gateway's own MCP tools are made of: its model, documents, conversations and agent, by function calls.

import type { AgentEngine, AskModel } from "../agent/engine.ts";
import type { OwnToolParts } from "../agent/own-tools.ts";
import type { Message } from "../contract/chat-request.ts";
import { GatewayError } from "../contract/gateway-error.ts";
import { isJsonObject, type JsonObject } from "../contract/json.ts";
import { createSseDecoder } from "../sse/sse-decoder.ts";
import type { Chat } from "./compose-chat.ts";

export interface OwnToolSources {
  /** As the settings of the moment have it. */
  openChat(): Promise<Pick<Chat, "store" | "documents" | "typedChat">>;
  readonly engine: Pick<AgentEngine, "processQuery">;
  readonly askModel: AskModel;
}

const mostAnswerTokens = 8192;

export function composeOwnToolParts({ openChat, engine, askModel }: OwnToolSources): OwnToolParts {
  return {
    async ask({ prompt, system, model }, { caller, access, requestId, signal }) {
      const said = (role: "system" | "user", text: string): Message => ({ role, content: [{ type: "text", text }] });
      const { text } = await askModel({
        messages: [...(system === undefined ? [] : [said("system", system)]), said("user", prompt)],
        tools: [],
        toolChoice: undefined,
        model,
        maxTokens: mostAnswerTokens,
        userId: caller,
        access,
        requestId,
        signal,
      });
      return text;
    },
    search: async (query, limit, { caller, signal }) =>
      (await openChat()).documents.search(caller, query, { limit, signal }),
    runAgent: (query, sessionId, { caller, access, requestId, signal, onProgress }) =>
      engine.processQuery(caller, query, {
        streaming: true,
        access,
        requestId,
        signal,
        ...(sessionId !== undefined && { sessionId }),
        onProgress: ({ message }) => onProgress(message),
      }),
    async listSessions(limit, { caller }) {
      const sessions = await (await openChat()).store.listSessions(caller, limit);
      return sessions.map(({ sessionId, title, updatedAtMs }) => ({
        session_id: sessionId,
        title,
        updated_at: updatedAtMs,
      }));
    },
    async continueSession(sessionId, message, { caller, access, requestId, signal }) {
      const chat = await openChat();
      if ((await chat.store.findSession(caller, sessionId)) === undefined) {
        throw new GatewayError("not-found", "Cannot find this session: list_sessions tells those that there are");
      }
      const body = JSON.stringify({ session_id: sessionId, message, options: { follow_ups: false, quality: false } });
      const response = await chat.typedChat.answer({
        body: new TextEncoder().encode(body),
        headers: new Headers(),
        signal,
        caller,
        access,
        requestId,
        onCut() {},
      });
      // Whoever has left is answered without a body.
      if (response.body === null) throw signal.reason;
      return readAnswer(response.body, signal);
    },
  };
}

/** @throws {GatewayError} when the answer ends in an error, or the signal ends it */
async function readAnswer(stream: ReadableStream<Uint8Array>, signal: AbortSignal): Promise<string> {
  let answer = "";
  let error: string | undefined;
  const decoder = createSseDecoder({
    event({ data }) {
      const event = readEvent(data);
      if (typeof event["token"] === "string") answer += event["token"];
      if (typeof event["error"] === "string") error = event["error"];
    },
  });
  const reader = stream.getReader();
  const leave = (): void => void reader.cancel(signal.reason).catch(() => {});
  signal.addEventListener("abort", leave);
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      decoder.feed(value);
    }
    decoder.end();
  } finally {
    signal.removeEventListener("abort", leave);
  }
  signal.throwIfAborted();
  if (error !== undefined) throw new GatewayError("upstream-failed", error);
  return answer;
}

function readEvent(data: Uint8Array): JsonObject {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(data));
    return isJsonObject(value) ? value : {};
  } catch {
    // The end mark is no JSON.
    return {};
  }
}
