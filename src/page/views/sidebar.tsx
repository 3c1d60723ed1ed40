// The conversations, newest first.

import { useRef, useState } from "preact/hooks";
import type { Chat } from "../chat.ts";
import { type ChatState, conversationOfSession, currentOf } from "../chat-state.ts";
import { underwayIn } from "../conversation/conversation.ts";
import type { SessionSummary } from "../gateway/parse.ts";
import { ConfirmDelete } from "./confirm-delete.tsx";
import { Icon, IconButton } from "./icons.tsx";
import { SideList } from "./side-list.tsx";

export interface SidebarProps {
  readonly chat: Chat;
  readonly state: ChatState;
  /** Where there is little room it lies over the conversation, while it is open. */
  readonly isOpen: boolean;
  readonly onClose: () => void;
  readonly onNew: () => void;
}

export function Sidebar({ chat, state, isOpen, onClose, onNew }: SidebarProps) {
  const box = useRef<HTMLElement>(null);
  const { sessionId: currentSession } = currentOf(state);
  return (
    <SideList label="Conversations" box={box} tab="chat" sessionId={currentSession} isOpen={isOpen} onClose={onClose}>
      <button type="button" class="new-chat" onClick={onNew}>
        <Icon name="plus" /> New conversation
      </button>
      <nav aria-label="Earlier conversations">
        {state.sessionsError !== undefined && (
          <p class="notice" role="alert">
            {state.sessionsError}
          </p>
        )}
        <ul class="sessions">
          {state.sessions?.map((session) => (
            <SessionItem
              key={session.sessionId}
              session={session}
              isCurrent={session.sessionId === currentSession}
              isAnswering={isAnswering(state, session.sessionId)}
              onShow={() => {
                onClose();
                void chat.show(session.sessionId);
              }}
              onRemove={() => {
                box.current?.querySelector<HTMLElement>(".new-chat")?.focus();
                void chat.remove(session.sessionId);
              }}
            />
          ))}
        </ul>
        {state.sessions?.length === 0 && <p class="faint empty">Conversations will be listed here.</p>}
      </nav>
    </SideList>
  );
}

function isAnswering(state: ChatState, sessionId: string): boolean {
  const conversation = conversationOfSession(state, sessionId);
  return conversation !== undefined && underwayIn(conversation) !== undefined;
}

interface SessionItemProps {
  readonly session: SessionSummary;
  readonly isCurrent: boolean;
  readonly isAnswering: boolean;
  readonly onShow: () => void;
  readonly onRemove: () => void;
}

function SessionItem({ session, isCurrent, isAnswering, onShow, onRemove }: SessionItemProps) {
  const [isAsking, setAsking] = useState(false);
  const title = session.title === "" ? "Untitled" : session.title;
  if (isAsking) {
    return <ConfirmDelete question="Delete it?" name={title} onDelete={onRemove} onKeep={() => setAsking(false)} />;
  }
  return (
    <li class="session">
      <button type="button" class="session-name" aria-current={isCurrent ? "page" : undefined} onClick={onShow}>
        {isAnswering && <span class="dot" role="img" aria-label="Answering" />}
        <span class="ellipsis">{title}</span>
        <time class="faint" dateTime={new Date(session.updatedAtMs).toISOString()}>
          {age(session.updatedAtMs)}
        </time>
      </button>
      <IconButton icon="bin" label={`Delete ${title}`} class="quiet on-hover" onClick={() => setAsking(true)} />
    </li>
  );
}

const units = [
  [86_400_000, "d"],
  [3_600_000, "h"],
  [60_000, "min"],
] as const;

/** Short, as in "5 min"; nothing for the last minute. */
function age(atMs: number): string {
  const pastMs = Date.now() - atMs;
  for (const [unitMs, name] of units) if (pastMs >= unitMs) return `${Math.floor(pastMs / unitMs)} ${name}`;
  return "";
}
