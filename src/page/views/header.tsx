// Above the conversation: what it is about, who answers, and how the page looks.

import type { Chat } from "../chat.ts";
import type { ChatState } from "../chat-state.ts";
import type { Conversation } from "../conversation/conversation.ts";
import { Choice } from "./choice.tsx";
import { IconButton } from "./icons.tsx";
import type { Panel } from "./panel.ts";
import { SwitchesButton } from "./switches.tsx";
import { ThemeSwitch } from "./theme-switch.tsx";

export interface HeaderProps {
  readonly chat: Chat;
  readonly state: ChatState;
  readonly conversation: Conversation;
  readonly panel: Panel | undefined;
  readonly onToggle: (panel: Panel) => void;
}

export function Header({ chat, state, conversation, panel, onToggle }: HeaderProps) {
  return (
    <header class="header">
      <IconButton
        icon="menu"
        label="Conversations"
        class="quiet narrow-only"
        expanded={panel === "conversations"}
        onClick={() => onToggle("conversations")}
      />
      <h1 class="title">{conversation.title === "" ? "New conversation" : conversation.title}</h1>
      <div class="choices">
        {state.models.length > 0 && (
          <Choice
            label="Model"
            value={state.model}
            options={[["", "Default model"], ...state.models.map(({ id, name }) => [id, name] as const)]}
            onChange={chat.chooseModel}
          />
        )}
        {state.upstreams.length > 1 && (
          <Choice
            label="Upstream"
            value={state.upstream}
            options={[["", "Any upstream"], ...state.upstreams.map((name) => [name, name] as const)]}
            onChange={chat.chooseUpstream}
          />
        )}
        <SwitchesButton
          switches={conversation.switches}
          isOpen={panel === "options"}
          onToggle={() => onToggle("options")}
          onChange={chat.setSwitches}
          onChooseDocuments={() => onToggle("documents")}
        />
      </div>
      <IconButton
        icon="document"
        label="Documents"
        expanded={panel === "documents"}
        onClick={() => onToggle("documents")}
      />
      <IconButton
        icon="branch"
        label="Tree of the conversation"
        expanded={panel === "tree"}
        disabled={conversation.tree.messages.size === 0}
        onClick={() => onToggle("tree")}
      />
      <ThemeSwitch />
    </header>
  );
}
