// The agent's tab: what is loaded when it is first looked at.

import { type ComponentChildren, h } from "preact";
import { type Agent, createAgent } from "./agent/agent.ts";
import type { Chat } from "./chat.ts";
import { createAgentApi } from "./gateway/agent-api.ts";
import type { Memory } from "./memory.ts";
import type { Schedule } from "./store.ts";
import { AgentPage } from "./views/agent/agent-page.tsx";

export interface AgentTabOptions {
  readonly memory: Memory;
  readonly schedule: Schedule;
  createId(): string;
  nowMs(): number;
}

export interface AgentTab {
  readonly agent: Agent;
  /** What is to be drawn of what there is now. */
  view(chat: Chat): ComponentChildren;
}

export function createAgentTab(options: AgentTabOptions): AgentTab {
  const { memory } = options;
  const agent = createAgent({
    ...options,
    api: createAgentApi(memory),
    later: (task, delayMs) => void setTimeout(task, delayMs),
  });
  return {
    agent,
    view: (chat) => h(AgentPage, { agent, chat, memory, state: agent.store.get(), chatState: chat.store.get() }),
  };
}
