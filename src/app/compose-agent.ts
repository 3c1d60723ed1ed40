// The agent put together: tool servers, engine, its routes, and the gateway as an MCP server. Loaded with the first request.

import { createAskModel, createForget } from "../agent/ask-model.ts";
import type { AgentEngine } from "../agent/engine.ts";
import type { CallerRules } from "../agent/engine/caller-rules.ts";
import { createAgentEngine } from "../agent/engine/create-engine.ts";
import type { SampleModel } from "../agent/mcp/sampling.ts";
import { createSignInVault } from "../agent/mcp/sign-in/sign-in-vault.ts";
import { createToolServers } from "../agent/mcp/tool-servers.ts";
import { createOwnTools, type OwnTool } from "../agent/own-tools.ts";
import type { Config } from "../config/config-schema.ts";
import type { Environment } from "../config/load-config.ts";
import type { ToolServerSettings } from "../config/mcp-servers.ts";
import { version } from "../config/version.ts";
import type { Clock } from "../contract/clock.ts";
import { randomId } from "../contract/random-id.ts";
import type { SecretBox } from "../credentials/secret-box.ts";
import type { Gateway } from "../gateway/gateway.ts";
import { agentRoutes } from "../server/agent/agent-routes.ts";
import type { Edge } from "../server/create-server.ts";
import { mcpRoute } from "../server/agent/mcp-route.ts";
import type { ServerRoute } from "../server/trip.ts";
import type { AccountStore } from "../store/store.ts";
import type { Log } from "../telemetry/log.ts";
import type { Fellows } from "../workers/fellows.ts";
import type { Chat } from "./compose-chat.ts";
import { composeOwnToolParts } from "./own-tool-parts.ts";

export interface AgentParts {
  readonly config: Config;
  readonly servers: readonly ToolServerSettings[];
  /** Of single callers. */
  readonly rules: readonly CallerRules[];
  readonly gateway: Gateway;
  /** Its database is the agent's as well, and its tools offer it. */
  openChat(): Promise<Chat>;
  /** Sign-ins at tool servers are kept as accounts are. */
  readonly accounts: AccountStore;
  readonly box: SecretBox;
  /** Ours: child processes see a few names of it. */
  readonly environment: Environment;
  /** Of several workers: whatever this one has started ends with it. */
  readonly fellows: Pick<Fellows, "guard"> | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

export interface Agent {
  readonly engine: AgentEngine;
  readonly ownTools: readonly OwnTool[];
  routes(edge: Edge): readonly ServerRoute[];
  close(): Promise<void>;
}

/** @throws {GatewayError} when the database cannot be opened */
export async function composeAgent(parts: AgentParts): Promise<Agent> {
  const { config, gateway, clock, log } = parts;
  const chat = await parts.openChat();
  const askModel = createAskModel(gateway);
  const toolServers = createToolServers({
    servers: parts.servers,
    cacheMs: config.mcpCacheMs,
    callTimeoutMs: config.mcpCallTimeoutMs,
    clock,
    log,
    environment: parts.environment,
    signIns: createSignInVault(parts.accounts, parts.box),
    ...(config.agentSampling && { sample: sampleBy(askModel, config) }),
    ...(parts.fellows !== undefined && { onProcess: parts.fellows.guard }),
    onErrorLine: (server, line) => log.debug("A tool server says", { server, line: line.slice(0, 500) }),
  });
  const engine = createAgentEngine({
    toolServers,
    askModel: (question) => askModel({ ...question, model: question.model ?? config.agentModel }),
    forget: createForget(gateway),
    store: chat.agentStore,
    settings: {
      timeoutMs: config.agentTimeoutMs,
      maxSteps: config.agentMaxSteps,
      confirm: config.agentConfirm,
      confirmExpiryMs: config.agentConfirmExpiryMs,
      allow: config.agentAllow,
      ask: config.agentAsk,
      deny: config.agentDeny,
      perCaller: parts.rules,
    },
    clock,
    log,
  });
  const ownTools = createOwnTools(composeOwnToolParts({ openChat: () => parts.openChat(), engine, askModel }));

  return {
    engine,
    ownTools,
    routes: (edge) => [
      ...agentRoutes({ engine, keepAliveMs: config.sseKeepaliveMs, clock, ...edge }),
      mcpRoute({ version, tools: ownTools, keepAliveMs: config.sseKeepaliveMs, ...edge }),
    ],
    async close() {
      await engine.close();
      await toolServers.close();
    },
  };
}

function sampleBy(askModel: ReturnType<typeof createAskModel>, config: Config): SampleModel {
  return async ({ user, access, system, messages, maxTokens, temperature }, signal) => {
    const model = config.agentModel;
    const { text } = await askModel({
      messages: [
        ...(system === undefined
          ? []
          : [{ role: "system" as const, content: [{ type: "text" as const, text: system }] }]),
        ...messages.map(({ role, text: said }) =>
          role === "user"
            ? { role, content: [{ type: "text" as const, text: said }] }
            : { role, content: [{ type: "text" as const, text: said }], toolCalls: [] },
        ),
      ],
      tools: [],
      toolChoice: undefined,
      model,
      maxTokens,
      temperature,
      userId: user,
      access,
      requestId: `req_${randomId()}`,
      signal,
    });
    return { text, model: model ?? config.defaultModel };
  };
}
