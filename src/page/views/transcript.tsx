// The messages of the path, and where the reader stands in them: at the end it stays at the end, elsewhere it stays put.

import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Chat } from "../chat.ts";
import { type Conversation, underwayIn } from "../conversation/conversation.ts";
import type { Message, Source } from "../conversation/message.ts";
import { isPathEnded, siblingsOf } from "../conversation/tree.ts";
import { Answer } from "./answer.tsx";
import { Icon } from "./icons.tsx";
import { Question } from "./question.tsx";

export interface TranscriptProps {
  readonly chat: Chat;
  readonly conversation: Conversation;
  readonly path: readonly Message[];
  readonly onSource: (source: Source) => void;
  readonly onBranch: (messageId: string) => void;
  /** A follow-up was clicked. */
  readonly onAsk: (text: string) => void;
}

export function Transcript({ chat, conversation, path, onSource, onBranch, onAsk }: TranscriptProps) {
  const { box, content, isAtEnd, goToEnd } = useEndInSight();
  const { tree } = conversation;
  const isBusy = underwayIn(conversation) !== undefined;
  const last = path.at(-1);
  const lastQuestion = path.findLast(({ role }) => role === "user")?.id;
  // What one has just said is to be seen, wherever one was.
  useLayoutEffect(goToEnd, [lastQuestion]);

  return (
    <div class="transcript-frame">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard */}
      <section ref={box} class="transcript" tabIndex={0} aria-label="Messages">
        <div ref={content} class="column">
          {path.length === 0 && <Opening conversation={conversation} onRetry={chat.show} />}
          {path.map((message) => {
            const siblings = siblingsOf(tree, message);
            const place = {
              message,
              index: siblings.indexOf(message.id),
              count: siblings.length,
              isBusy,
              onWalk: chat.walk,
            };
            return message.role === "user" ? (
              <Question key={message.id} {...place} onEdit={chat.edit} />
            ) : (
              <Answer
                key={message.id}
                {...place}
                isLast={message === last}
                onRetry={chat.retry}
                onResume={chat.resume}
                onBranch={onBranch}
                onSource={onSource}
                onAsk={onAsk}
              />
            );
          })}
          {isPathEnded(tree) && (
            <p class="notice branch-notice">
              <Icon name="branch" /> Your next message begins a new branch here.
              <button type="button" class="link" onClick={chat.leaveBranch}>
                Back to where it went on
              </button>
            </p>
          )}
        </div>
      </section>
      {!isAtEnd && (
        <button type="button" class="to-end" onClick={goToEnd}>
          <Icon name="down" /> Newest
        </button>
      )}
    </div>
  );
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

/** Farther from the end than this, in pixels, the reader reads something else. */
const nearEnd = 24;

function useEndInSight() {
  const box = useRef<HTMLElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const isPinned = useRef(true);
  const [isAtEnd, setAtEnd] = useState(true);

  const goToEnd = () => {
    isPinned.current = true;
    box.current?.scrollTo({ top: box.current.scrollHeight, behavior: "instant" });
  };

  useEffect(() => {
    const frame = box.current;
    const inner = content.current;
    if (frame === null || inner === null) return;
    let lastTop = frame.scrollTop;
    const onScroll = () => {
      const distance = frame.scrollHeight - frame.clientHeight - frame.scrollTop;
      // Only a reader scrolls upwards: what grows moves the end away and leaves the place.
      if (frame.scrollTop < lastTop - 1 && distance > nearEnd) isPinned.current = false;
      else if (distance <= nearEnd) isPinned.current = true;
      lastTop = frame.scrollTop;
      setAtEnd(isPinned.current || distance <= nearEnd);
    };
    // Runs between layout and paint: what has grown is never seen in the wrong place.
    const observer = new ResizeObserver(() => {
      if (isPinned.current) goToEnd();
      onScroll();
    });
    observer.observe(inner);
    observer.observe(frame);
    frame.addEventListener("scroll", onScroll, { passive: true });
    frame.addEventListener("click", copyCode);
    return () => {
      observer.disconnect();
      frame.removeEventListener("scroll", onScroll);
      frame.removeEventListener("click", copyCode);
    };
  }, []);

  return { box, content, isAtEnd, goToEnd };
}

/** For how long a button says that it has copied, in milliseconds. */
const thanksMs = 1500;

/** Buttons of code blocks stand outside of what Preact draws. */
function copyCode(event: MouseEvent): void {
  const button = event.target instanceof Element ? event.target.closest<HTMLButtonElement>(".copy-code") : null;
  const code = button?.closest("figure")?.querySelector("code");
  if (button == null || code == null) return;
  void navigator.clipboard.writeText((code.textContent ?? "").replace(/\n$/, "")).then(() => {
    button.textContent = "Copied";
    setTimeout(() => {
      button.textContent = "Copy";
    }, thanksMs);
  });
}
