// The messages of the path.

import { useLayoutEffect } from "preact/hooks";
import type { Chat } from "../chat.ts";
import { currentOf } from "../chat-state.ts";
import { type Conversation, underwayIn } from "../conversation/conversation.ts";
import type { Message, Source } from "../conversation/message.ts";
import { isPathEnded, siblingsOf } from "../conversation/tree.ts";
import { Answer } from "./answer.tsx";
import { Icon } from "./icons.tsx";
import { Question } from "./question.tsx";
import { TranscriptFrame } from "./transcript-frame.tsx";
import { useEndInSight } from "./use-end-in-sight.ts";
import { whenDrawn } from "./when-drawn.ts";

export interface TranscriptProps {
  readonly chat: Chat;
  readonly conversation: Conversation;
  readonly path: readonly Message[];
  readonly onSource: (source: Source) => void;
  /** Something was begun by a button that is gone with it: the focus needs a place. */
  readonly onAct: () => void;
}

/** More than any screen shows. */
const nearMessages = 12;

export function Transcript({ chat, conversation, path, onSource, onAct }: TranscriptProps) {
  const end = useEndInSight();
  const { tree } = conversation;
  const isBusy = underwayIn(conversation) !== undefined;
  const last = path.at(-1);
  const lastQuestion = path.findLast(({ role }) => role === "user")?.id;
  // What one has just said is to be seen, wherever one was.
  useLayoutEffect(end.goToEnd, [lastQuestion]);

  const thenAct =
    <Values extends readonly unknown[]>(act: (...values: Values) => void) =>
    (...values: Values) => {
      act(...values);
      onAct();
    };
  function walk(messageId: string, step: -1 | 1): void {
    // Asked for now: answers that have not changed keep the function that they were drawn with.
    const { tree: present } = currentOf(chat.store.get());
    const message = present.messages.get(messageId);
    const siblings = message === undefined ? [] : siblingsOf(present, message);
    const neighbour = siblings[siblings.indexOf(messageId) + step];
    chat.walk(messageId, step);
    whenDrawn(() => focusSiblings(neighbour, step));
  }

  return (
    <TranscriptFrame label="Messages" end={end}>
      {path.length === 0 && <Opening conversation={conversation} onRetry={chat.show} />}
      {path.map((message, position) => {
        const siblings = siblingsOf(tree, message);
        const place = {
          message,
          index: siblings.indexOf(message.id),
          count: siblings.length,
          isBusy,
          onWalk: walk,
        };
        return message.role === "user" ? (
          <Question key={message.id} {...place} onEdit={thenAct(chat.edit)} />
        ) : (
          <Answer
            key={message.id}
            {...place}
            isLast={message === last}
            isNear={position >= path.length - nearMessages}
            onRetry={thenAct(chat.retry)}
            onResume={thenAct(chat.resume)}
            onBranch={thenAct(chat.branchAt)}
            onSource={onSource}
            onAsk={thenAct((text: string) => chat.send({ text, attachments: [] }))}
          />
        );
      })}
      {isPathEnded(tree) && (
        <p class="notice branch-notice">
          <Icon name="branch" /> Your next message begins a new branch here.
          <button type="button" class="link" onClick={thenAct(chat.leaveBranch)}>
            Back to where it went on
          </button>
        </p>
      )}
    </TranscriptFrame>
  );
}

/** The button that was pressed went with its message: the one of the neighbour is pressed next. */
function focusSiblings(messageId: string | undefined, step: -1 | 1): void {
  const buttons = document.getElementById(`message-${messageId}`)?.querySelectorAll<HTMLElement>(".siblings button");
  const [earlier, later] = [...(buttons ?? [])].map((button) => (button.matches(":disabled") ? undefined : button));
  (step === 1 ? (later ?? earlier) : (earlier ?? later))?.focus();
}

interface OpeningProps {
  readonly conversation: Conversation;
  readonly onRetry: (sessionId: string) => Promise<void>;
}

function Opening({ conversation: { state, error, sessionId }, onRetry }: OpeningProps) {
  if (state === "loading") return <p class="opening faint">Loading the conversation…</p>;
  if (state === "failed") {
    return (
      <div class="opening">
        <p role="alert">{error ?? "This conversation is not open without a key."}</p>
        {error !== undefined && sessionId !== undefined && (
          <button type="button" class="secondary" onClick={() => void onRetry(sessionId)}>
            Try again
          </button>
        )}
      </div>
    );
  }
  return (
    <div class="opening">
      <h2>What would you like to know?</h2>
      <p class="faint">Answers come from the model behind this gateway, and from your documents where they fit.</p>
    </div>
  );
}
