// A page with a chat in a real React DOM, and a server that is a script.

import { afterAll, beforeAll } from "bun:test";
import { Activity, type ActivityProps, createElement } from "react";
import { type Chat, type ChatMessage, type ChatOptions, type ChatStorage, useChat } from "../../../src/client/react.ts";
import { openDocument } from "./react-stage.ts";
import { type Answers, frame, hastyTimers, scriptedFetch, streamOf } from "./stage.ts";

export const url = "/api/chat/stream";
export const source = { chunk_id: "c1", document_name: "Contract", text: "One month", score: 0.9 };

export function metadata(turn: number) {
  return {
    metadata: {
      stream_id: `stream-${turn}`,
      session_id: "session-1",
      user_message_id: `question-${turn}`,
      message_id: `answer-${turn}`,
    },
  };
}

export function answerOf(turn: number, ...events: readonly unknown[]): Response {
  const frames = [metadata(turn), ...events, "[DONE]"].map((event, index) => frame(event, index + 1));
  return streamOf(...frames);
}

function createStorage(): ChatStorage & { readonly kept: Map<string, string> } {
  const kept = new Map<string, string>();
  return {
    kept,
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, value) => void kept.set(key, value),
    removeItem: (key) => void kept.delete(key),
  };
}

type Mode = "visible" | "hidden";

function ChatPage({ options, take }: { options: ChatOptions; take: (chat: Chat) => void }): null {
  take(useChat(options));
  return null;
}

export const outline = (messages: readonly ChatMessage[]) =>
  messages.map(({ role, content, status }) => [role, content, status]);

/** For the length of a test file. */
export function setChatStage() {
  let page!: Awaited<ReturnType<typeof openDocument>>;
  beforeAll(async () => {
    page = await openDocument();
  });
  afterAll(() => page.close());

  async function openChat(answers: Answers, options: Partial<ChatOptions> = {}, isStrict = false) {
    const { fetch, asked } = scriptedFetch(...answers);
    const storage = createStorage();
    const timers = options.stream?.timers ?? hastyTimers;
    const given: ChatOptions = { url, storage, ...options, stream: { fetch, ...options.stream, timers } };
    const hook = await page.renderHook(useChat, given, {
      isStrict,
      show: ({ messages }) => messages.map(({ id, content }) => createElement("p", { key: id }, content)),
    });
    return { ...hook, asked, storage, given };
  }

  const perform = (work: () => void | Promise<void>) => page.perform(work);
  const until = (isThere: () => boolean) => page.until(isThere);
  const shown = () => page.texts();
  /** A page that React hides and shows. */
  async function openHidablePage(options: ChatOptions) {
    let chat!: Chat;
    const take = (current: Chat) => {
      chat = current;
    };
    const shell = await page.renderHook((mode: Mode) => mode, "visible" as Mode, {
      // The types want the children among the properties, the linter behind them.
      show: (mode) => createElement(Activity, { mode } as ActivityProps, createElement(ChatPage, { options, take })),
    });
    return { chat: () => chat, turn: (mode: Mode) => shell.rerender(mode) };
  }
  return { openChat, openHidablePage, perform, until, shown };
}
