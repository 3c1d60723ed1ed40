// What the gateway itself offers as an MCP server: tools over its model, its documents, its sessions and its agent.

import { type Static, type TSchema, Type } from "typebox";
import type { Access } from "../contract/access.ts";
import type { ChatSource } from "../contract/chat-stream.ts";
import { isJsonObject, type Json, type JsonObject } from "../contract/json.ts";
import { createBodyCheck, withoutNulls } from "../surfaces/check-body.ts";
import type { AgentResult } from "./engine.ts";

export interface OwnCall {
  readonly caller: string;
  readonly access?: Access | undefined;
  readonly requestId: string;
  readonly signal: AbortSignal;
  /** Told to the client while the call runs. */
  onProgress(message: string): void;
}

export interface OwnAnswer {
  readonly text: string;
  readonly structured?: JsonObject;
  readonly isError?: boolean;
}

export interface OwnTool {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  /** JSON schema of the arguments. */
  readonly inputSchema: TSchema;
  readonly isReadOnly: boolean;
  /** @throws {GatewayError} `invalid-request` that names the argument, and what goes wrong */
  run(input: unknown, call: OwnCall): Promise<OwnAnswer>;
}

/** What the tools are made of. */
export interface OwnToolParts {
  ask(
    question: { prompt: string; system: string | undefined; model: string | undefined },
    call: OwnCall,
  ): Promise<string>;
  search(query: string, limit: number, call: OwnCall): Promise<readonly ChatSource[]>;
  runAgent(query: string, sessionId: string | undefined, call: OwnCall): Promise<AgentResult>;
  listSessions(
    limit: number,
    call: OwnCall,
  ): Promise<readonly { session_id: string; title: string; updated_at: number }[]>;
  /** The next message of a session of the typed chat. @returns the answer */
  continueSession(sessionId: string, message: string, call: OwnCall): Promise<string>;
}

const text = Type.String({ minLength: 1, maxLength: 200_000 });
const id = Type.String({ minLength: 1, maxLength: 200 });

export function createOwnTools(parts: OwnToolParts): readonly OwnTool[] {
  return [
    defineTool({
      name: "ask_qwen",
      title: "Ask Qwen",
      description: "Asks a Qwen model one question, without a memory. Give all it needs to know in the prompt.",
      schema: Type.Object({
        prompt: text,
        system: Type.Optional(Type.String({ maxLength: 200_000, description: "Instructions for the model" })),
        model: Type.Optional(id),
      }),
      isReadOnly: true,
      run: async ({ prompt, system, model }, call) => ({ text: await parts.ask({ prompt, system, model }, call) }),
    }),
    defineTool({
      name: "search_documents",
      title: "Search documents",
      description: "Finds passages in the documents that the user has given to the gateway, the best first.",
      schema: Type.Object({
        query: Type.String({ minLength: 1, maxLength: 2000 }),
        limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 50 })),
      }),
      isReadOnly: true,
      async run({ query, limit = 5 }, call) {
        const sources = await parts.search(query, limit, call);
        const passages = sources.map(({ document_name, text: said }, at) => `[${at + 1}] ${document_name}\n${said}`);
        return {
          text: passages.length === 0 ? "No passage fits." : passages.join("\n\n"),
          structured: { sources: sources as unknown as Json },
        };
      },
    }),
    defineTool({
      name: "run_agent",
      title: "Run the agent",
      description:
        "Carries out a command in plain words with the tools of the gateway's own MCP servers. What risks something is not done: the answer then holds a question for the user.",
      schema: Type.Object({ query: Type.String({ minLength: 1 }), session_id: Type.Optional(id) }),
      isReadOnly: false,
      async run({ query, session_id: sessionId }, call) {
        const { error, ...result } = await parts.runAgent(query, sessionId, call);
        return {
          text: error?.message ?? tellRun(result),
          // A cast: a result is JSON by construction.
          structured: result as unknown as JsonObject,
          isError: !result.success,
        };
      },
    }),
    defineTool({
      name: "list_sessions",
      title: "List conversations",
      description: "Lists the user's conversations of the typed chat, last changed first.",
      schema: Type.Object({ limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 })) }),
      isReadOnly: true,
      async run({ limit = 20 }, call) {
        const sessions = await parts.listSessions(limit, call);
        const lines = sessions.map(({ session_id, title }) => `${session_id}: ${title}`);
        return {
          text: lines.length === 0 ? "There are no conversations." : lines.join("\n"),
          structured: { sessions: sessions as unknown as Json },
        };
      },
    }),
    defineTool({
      name: "continue_session",
      title: "Continue a conversation",
      description: "Sends the next message of one of the user's conversations and gives the answer.",
      schema: Type.Object({ session_id: id, message: text }),
      isReadOnly: false,
      run: async ({ session_id: sessionId, message }, call) => ({
        text: await parts.continueSession(sessionId, message, call),
      }),
    }),
  ];
}

/** With what it takes to go on: many clients show their model the words alone. */
function tellRun({ answer = "Done.", clarificationQuestion, pending, session_id: sessionId }: AgentResult): string {
  if (clarificationQuestion !== undefined)
    return `${clarificationQuestion} Call run_agent with the answer and session_id "${sessionId}".`;
  if (pending === undefined) return answer;
  return `${answer} It is answered at POST /api/agent/confirm, as confirmation_id "${pending.confirmation_id}".`;
}

interface ToolDraft<S extends TSchema> extends Omit<OwnTool, "inputSchema" | "run"> {
  readonly schema: S;
  run(input: Static<S>, call: OwnCall): Promise<OwnAnswer>;
}

function defineTool<S extends TSchema>({ schema, run, ...tool }: ToolDraft<S>): OwnTool {
  const check = createBodyCheck(schema);
  return {
    ...tool,
    inputSchema: schema,
    // Models fill in null for what they leave open.
    run: async (input, call) => run(check(isJsonObject(input) ? withoutNulls(input) : input), call),
  };
}
