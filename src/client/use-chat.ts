// A chat for React: messages that fill themselves, and what can be done about them.

import { useEffect, useMemo, useRef, useState } from "react";
import type { ChatMessage } from "./chat-message.ts";
import type { ChatOptions } from "./chat-options.ts";
import { ChatSession, initialState } from "./chat-session.ts";
import { useSSEStream } from "./use-sse-stream.ts";
import type { ChatState } from "./write-answer.ts";

/** The functions stay the same from render to render. */
export interface Chat extends ChatState {
  /**
   * Sends a message and shows its answer as it comes. An answer that runs is stopped first.
   * @param extras Goes along with this message, such as `attachments`.
   */
  send(text: string, extras?: Readonly<Record<string, unknown>>): Promise<void>;
  /** Ends the running answer, here and on the server; what has come stays. */
  stop(): Promise<void>;
  /** Answers once more: the last message of the user, or the one that this message is or answers. */
  retry(messageId?: string): Promise<void>;
  /** Says something else instead of this message of the user; what followed it leaves the page. */
  edit(messageId: string, text: string): Promise<void>;
  /** Shows another conversation, or an empty one. An answer that runs is stopped. */
  reset(messages?: readonly ChatMessage[], sessionId?: string): Promise<void>;
}

export function useChat(options: ChatOptions): Chat {
  const latest = useRef(options);
  useEffect(() => {
    latest.current = options;
  });
  const stream = useSSEStream({ resume: true, maxRetries: 5, ...options.stream });
  const [state, show] = useState(() => initialState(options));
  const [session] = useState(() => new ChatSession({ options: () => latest.current, stream, show }));

  useEffect(() => {
    session.open();
    return () => session.leave();
  }, [session]);

  return useMemo(() => {
    const { send, stop, retry, edit, reset } = session;
    return { ...state, send, stop, retry, edit, reset };
  }, [session, state]);
}
