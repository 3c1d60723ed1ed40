// Above the conversation: what it is about, who answers, and how the page looks.

import { useState } from "preact/hooks";
import type { Chat } from "../chat.ts";
import type { ChatState } from "../chat-state.ts";
import type { Conversation } from "../conversation/conversation.ts";
import { nextTheme, readTheme, saveTheme, type Theme } from "../theme.ts";
import { IconButton, type IconName } from "./icons.tsx";

export interface HeaderProps {
  readonly chat: Chat;
  readonly state: ChatState;
  readonly conversation: Conversation;
  readonly panel: "conversations" | "tree" | undefined;
  readonly onToggle: (panel: "conversations" | "tree") => void;
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
            first="Default model"
            options={state.models.map(({ id, name }) => [id, name] as const)}
            onChange={chat.chooseModel}
          />
        )}
        {state.upstreams.length > 1 && (
          <Choice
            label="Upstream"
            value={state.upstream}
            first="Any upstream"
            options={state.upstreams.map((name) => [name, name] as const)}
            onChange={chat.chooseUpstream}
          />
        )}
      </div>
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

interface ChoiceProps {
  readonly label: string;
  readonly value: string;
  /** The name of no choice. */
  readonly first: string;
  readonly options: readonly (readonly [value: string, name: string])[];
  readonly onChange: (value: string) => void;
}

function Choice({ label, value, first, options, onChange }: ChoiceProps) {
  // A choice that was made earlier may be gone; it is shown all the same, because it is what will be asked for.
  const isKnown = value === "" || options.some(([known]) => known === value);
  return (
    <select
      class="choice"
      aria-label={label}
      title={label}
      value={value}
      onChange={(event) => onChange(event.currentTarget.value)}
    >
      <option value="">{first}</option>
      {!isKnown && <option value={value}>{value}</option>}
      {options.map(([id, name]) => (
        <option key={id} value={id}>
          {name}
        </option>
      ))}
    </select>
  );
}

const themeIcons: Readonly<Record<Theme, IconName>> = { system: "system", light: "sun", dark: "moon" };
const themeNames: Readonly<Record<Theme, string>> = { system: "as the system", light: "light", dark: "dark" };

function ThemeSwitch() {
  const [theme, setTheme] = useState(readTheme);
  return (
    <IconButton
      icon={themeIcons[theme]}
      label={`Colours: ${themeNames[theme]}`}
      onClick={() => {
        const next = nextTheme(theme);
        saveTheme(next);
        setTheme(next);
      }}
    />
  );
}
