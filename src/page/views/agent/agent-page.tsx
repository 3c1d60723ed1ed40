// The agent's tab: the services on the left, commands and what became of them in the middle.

import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Agent } from "../../agent/agent.ts";
import { type AgentState, workingIn } from "../../agent/agent-state.ts";
import { announceRun } from "../../agent/announcements.ts";
import { createRun, type Run } from "../../agent/run.ts";
import type { Chat } from "../../chat.ts";
import { type ChatState, currentOf } from "../../chat-state.ts";
import type { Memory } from "../../memory.ts";
import { ThemeSwitch } from "../theme-switch.tsx";
import { IconButton } from "../icons.tsx";
import { KeyForm, type KeyFormWords } from "../key-form.tsx";
import { LiveRegion } from "../live-region.tsx";
import { useEscape } from "../use-escape.ts";
import { CommandField, type CommandFieldHandle } from "./command-field.tsx";
import { Runs } from "./runs.tsx";
import { ServiceList } from "./service-list.tsx";

export interface AgentPageProps {
  readonly agent: Agent;
  readonly chat: Chat;
  readonly memory: Memory;
  readonly state: AgentState;
  readonly chatState: ChatState;
}

const tokenWords: KeyFormWords = {
  label: "The agent needs its token",
  help: "The gateway printed it at its first start (“Token of the agent”), and keeps it in the file agent-token of its data directory. It stays in this tab.",
  refusal: "This is not the token of the agent. It stands in the file agent-token of the gateway's data directory.",
};

export function AgentPage({ agent, chat, memory, state, chatState }: AgentPageProps) {
  const [isListOpen, setListOpen] = useState(false);
  const field = useRef<CommandFieldHandle>(null);
  const working = workingIn(state);
  const { sessionId } = currentOf(chatState);
  const focusField = () => field.current?.focus();

  useEffect(() => {
    document.title = "Agent · qwen-gateway";
  }, []);
  useEffect(focusField, [state.access, chatState.access]);
  useEscape(() => {
    if (isListOpen) setListOpen(false);
    else agent.stop();
  });

  return (
    <div class="layout">
      <ServiceList
        agent={agent}
        state={state}
        sessionId={sessionId}
        isOpen={isListOpen}
        onClose={() => setListOpen(false)}
        onNew={() => {
          setListOpen(false);
          agent.begin();
          focusField();
        }}
      />
      <main class="main" aria-label="Agent" inert={isListOpen}>
        <header class="header">
          <IconButton
            icon="menu"
            label="Services"
            class="quiet narrow-only"
            expanded={isListOpen}
            onClick={() => setListOpen(!isListOpen)}
          />
          <h1 class="title">Agent</h1>
          <ThemeSwitch />
        </header>
        <Runs
          agent={agent}
          state={state}
          onWrite={(command) => {
            field.current?.write(command);
            focusField();
          }}
          onAct={focusField}
        />
        <Foot agent={agent} chat={chat} state={state} chatState={chatState}>
          <CommandField
            handle={field}
            memory={memory}
            speechModel={chatState.speechModel}
            isWorking={working !== undefined}
            isStopping={working?.status === "stopping"}
            onRun={agent.run}
            onStop={agent.stop}
          />
        </Foot>
      </main>
      <RunAnnouncer run={state.runs.at(-1)} />
    </div>
  );
}

interface FootProps extends Pick<AgentPageProps, "agent" | "chat" | "state" | "chatState"> {
  readonly children: ComponentChildren;
}

/** Whoever is not let in is asked for what lets them in. */
function Foot({ agent, chat, state, chatState, children }: FootProps) {
  if (chatState.access !== "granted") {
    return (
      <KeyForm
        isRefused={chatState.access === "refused"}
        onKey={async (key) => {
          await chat.giveKey(key);
          await agent.list();
        }}
      />
    );
  }
  // There is nothing to act on: how to get it stands above.
  if (state.access === "off" || (state.services?.length === 0 && state.runs.length === 0)) return null;
  // Until the chat has been let in, nobody knows whether it is a key that is wanted.
  const isKeyless = chatState.sessions !== undefined || chatState.sessionsError !== undefined;
  if (state.access === "granted" || !isKeyless) return <>{children}</>;
  return <KeyForm isRefused={state.access === "refused"} onKey={agent.giveToken} words={tokenWords} />;
}

function RunAnnouncer({ run }: { readonly run: Run | undefined }) {
  const seen = useRef(run);
  return (
    <LiveRegion
      label="Progress of the command"
      subject={run}
      listen={() => {
        // One that was not there before was begun since, however far it has come in the first frame that shows it.
        const isNew = run !== undefined && run.id !== seen.current?.id;
        const said = announceRun(isNew ? createRun(run) : seen.current, run);
        seen.current = run;
        return said;
      }}
    />
  );
}
