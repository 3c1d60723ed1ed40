// What a person can do on the page. Holds the state and asks the gateway; the views call it and draw what it holds.

import { type Answering, createAnswering } from "./answering.ts";
import {
  changeConversation,
  changeTree,
  type ChatState,
  conversationOfSession,
  createChatState,
  currentOf,
  putConversation,
} from "./chat-state.ts";
import {
  ask,
  askAgain,
  askInstead,
  type Birth,
  type Conversation,
  createConversation,
  type Draft,
  type Exchange,
  underwayIn,
} from "./conversation/conversation.ts";
import type { Switches } from "./conversation/switches.ts";
import { canResume, isUnderway } from "./conversation/message.ts";
import { addMessages, choose, chooseSibling, continuePath, emptyTree, endPathAt } from "./conversation/tree.ts";
import { createShelf, type Shelf } from "./documents/shelf.ts";
import type { Api } from "./gateway/api.ts";
import type { ImportFile } from "./gateway/import-file.ts";
import type { ReadAnswer } from "./gateway/read-answer.ts";
import { createListing } from "./listing.ts";
import type { Memory } from "./memory.ts";
import { createStore, type Schedule, type Store } from "./store.ts";
import { createSwitching } from "./switching.ts";

export interface ChatOptions {
  readonly api: Api;
  readonly readAnswer: ReadAnswer;
  stopAnswer(streamId: string, key: string | undefined): Promise<void>;
  readonly importFile: ImportFile;
  readonly memory: Memory;
  readonly schedule: Schedule;
  createId(): string;
  nowMs(): number;
  /** The session that is shown has changed; undefined: a new conversation. */
  onShow(sessionId: string | undefined): void;
}

export interface Chat {
  readonly store: Store<ChatState>;
  readonly documents: Shelf;
  /** Asks for all that the page shows, and shows a session. */
  start(sessionId: string | undefined): Promise<void>;
  /** The page is looked at again: another one may have begun conversations. */
  refresh(): void;
  giveKey(key: string): Promise<void>;
  showNew(): void;
  show(sessionId: string): Promise<void>;
  remove(sessionId: string): Promise<void>;
  chooseModel(model: string): void;
  chooseUpstream(upstream: string): void;
  /** Of the conversation that is shown. */
  setSwitches(change: Partial<Switches>): void;
  send(draft: Draft): void;
  /** Another wording of a message of the user. */
  edit(messageId: string, draft: Draft): void;
  /** Another answer to the same message. */
  retry(answerId: string): void;
  /** Reads an answer on whose connection was lost. */
  resume(answerId: string): void;
  /** The network is back: reads on what was lost with it. */
  resumeLost(): void;
  stop(): void;
  walk(messageId: string, step: -1 | 1): void;
  goTo(messageId: string): void;
  /** The next message begins a branch behind this one. */
  branchAt(messageId: string): void;
  leaveBranch(): void;
}

export function createChat(options: ChatOptions): Chat {
  const { api, memory } = options;
  const store = createStore(createChatState(newConversation(), memory.readChoices()), options.schedule);
  const { get, update } = store;
  const { listSessions, listChoices, wantKey, explain } = createListing(store, api, memory);
  const switching = createSwitching(store, memory);
  const documents = createShelf({ ...options, store, readKey: memory.readKey, explain });
  /** Answers that were refused for want of a key: asked for again as soon as there is one. */
  let waitingForKey: (() => void)[] = [];

  const answering: Answering = createAnswering({
    ...options,
    store,
    readKey: memory.readKey,
    onSession(conversationId, sessionId) {
      switching.keepFor(sessionId, conversationId);
      if (get().currentId === conversationId) options.onShow(sessionId);
      if (!get().sessions?.some((session) => session.sessionId === sessionId)) void listSessions();
    },
    onEnd: () => void listSessions(),
    onKeyWanted(conversationId, answerId) {
      wantKey();
      waitingForKey.push(() => retryIn(conversationId, answerId));
    },
  });

  /** Switches that were set before the first message, and before a reload. */
  function newConversation(): Conversation {
    return createConversation(options.createId(), { switches: memory.readSwitches(undefined) });
  }

  function showNew(): void {
    const current = currentOf(get());
    const isNew = current.sessionId === undefined && current.tree === emptyTree;
    if (!isNew) {
      const conversation = newConversation();
      update((state) => ({ ...putConversation(state, conversation), currentId: conversation.id }));
    }
    options.onShow(undefined);
  }

  async function show(sessionId: string): Promise<void> {
    const known = conversationOfSession(get(), sessionId);
    const conversation = known ?? storedConversation(sessionId);
    update((state) => ({ ...putConversation(state, conversation), currentId: conversation.id }));
    options.onShow(sessionId);
    // What is being read here is newer than what is stored.
    if (known !== undefined && known.state === "ready") return;
    await load(conversation.id, sessionId);
  }

  function storedConversation(sessionId: string): Conversation {
    const title = get().sessions?.find((session) => session.sessionId === sessionId)?.title ?? "";
    const switches = memory.readSwitches(sessionId);
    return createConversation(options.createId(), { sessionId, title, switches, state: "loading" });
  }

  async function load(conversationId: string, sessionId: string): Promise<void> {
    try {
      const { title, messages } = await api.readSession(sessionId);
      update((state) =>
        changeConversation(state, conversationId, (conversation) => ({
          ...conversation,
          title,
          tree: addMessages(emptyTree, messages),
          state: "ready",
          error: undefined,
        })),
      );
      for (const message of messages) if (isUnderway(message)) resumeIn(conversationId, message.id);
    } catch (error) {
      const sentence = explain(error);
      update((state) =>
        changeConversation(state, conversationId, (conversation) => ({
          ...conversation,
          state: "failed",
          error: sentence,
        })),
      );
    }
  }

  function begin(conversationId: string, exchangeOf: (birth: Birth) => Exchange | undefined): void {
    const conversation = get().conversations.get(conversationId);
    // One answer at a time: the button says so, and a key pressed twice must not ask twice.
    if (conversation === undefined || underwayIn(conversation) !== undefined) return;
    const exchange = exchangeOf({ userId: options.createId(), answerId: options.createId(), nowMs: options.nowMs() });
    if (exchange === undefined) return;
    update((state) => putConversation(state, exchange.conversation));
    const { model, upstream } = get();
    const { sessionId } = exchange.conversation;
    void answering.ask(conversationId, exchange.answerId, {
      ...exchange.question,
      ...switching.fieldsFor(exchange.conversation),
      ...(sessionId === undefined ? {} : { session_id: sessionId }),
      ...(model === "" ? {} : { model }),
      ...(upstream === "" ? {} : { upstream }),
    });
  }

  function retryIn(conversationId: string, answerId: string): void {
    begin(conversationId, (birth) => {
      const conversation = get().conversations.get(conversationId);
      return conversation === undefined ? undefined : askAgain(conversation, answerId, birth);
    });
  }

  function resumeIn(conversationId: string, answerId: string): void {
    const message = get().conversations.get(conversationId)?.tree.messages.get(answerId);
    if (message?.streamId === undefined) return;
    update((state) =>
      changeTree(state, conversationId, (tree) => ({
        ...tree,
        messages: new Map(tree.messages).set(answerId, { ...message, status: "running", error: undefined }),
      })),
    );
    void answering.resume(conversationId, answerId, message.streamId);
  }

  const current = () => currentOf(get());
  const changeCurrentTree = (change: Parameters<typeof changeTree>[2]) =>
    update((state) => changeTree(state, state.currentId, change));

  return {
    store,
    documents,
    async start(sessionId) {
      await Promise.all([
        listSessions(),
        listChoices(),
        documents.list(),
        sessionId === undefined ? undefined : show(sessionId),
      ]);
    },
    refresh() {
      void listSessions();
      void documents.list();
    },
    async giveKey(key) {
      memory.saveKey(key);
      try {
        const sessions = await api.listSessions();
        update((state) => ({ ...state, sessions, sessionsError: undefined, access: "granted" }));
      } catch (error) {
        const sessionsError = explain(error);
        update((state) => ({ ...state, sessionsError }));
        return;
      }
      const { sessionId, state, id } = current();
      const waiting = waitingForKey;
      waitingForKey = [];
      for (const again of waiting) again();
      await Promise.all([
        listChoices(),
        documents.list(),
        sessionId !== undefined && state !== "ready" ? load(id, sessionId) : undefined,
      ]);
    },
    showNew,
    show,
    async remove(sessionId) {
      const conversation = conversationOfSession(get(), sessionId);
      const answer = conversation === undefined ? undefined : underwayIn(conversation);
      if (conversation !== undefined && answer !== undefined) answering.stop(conversation.id, answer.id);
      try {
        await api.deleteSession(sessionId);
      } catch (error) {
        const sessionsError = explain(error);
        update((state) => ({ ...state, sessionsError }));
        return;
      }
      switching.forget(sessionId);
      if (current().sessionId === sessionId) showNew();
      update((state) => {
        const conversations = new Map(state.conversations);
        if (conversation !== undefined) conversations.delete(conversation.id);
        return {
          ...state,
          conversations,
          sessions: state.sessions?.filter((session) => session.sessionId !== sessionId),
        };
      });
    },
    chooseModel(model) {
      update((state) => ({ ...state, model }));
      memory.saveChoices(get());
    },
    chooseUpstream(upstream) {
      update((state) => ({ ...state, upstream }));
      memory.saveChoices(get());
    },
    setSwitches: switching.set,
    send: (draft) => begin(current().id, (birth) => ask(current(), draft, birth)),
    edit: (messageId, draft) => begin(current().id, (birth) => askInstead(current(), messageId, draft, birth)),
    retry: (answerId) => retryIn(current().id, answerId),
    resume: (answerId) => resumeIn(current().id, answerId),
    resumeLost() {
      for (const { id, tree } of get().conversations.values()) {
        for (const message of tree.messages.values()) if (canResume(message)) resumeIn(id, message.id);
      }
    },
    stop() {
      const answer = underwayIn(current());
      if (answer !== undefined) answering.stop(current().id, answer.id);
    },
    walk: (messageId, step) => changeCurrentTree((tree) => chooseSibling(tree, messageId, step)),
    goTo: (messageId) => changeCurrentTree((tree) => choose(tree, messageId)),
    branchAt: (messageId) => changeCurrentTree((tree) => endPathAt(tree, messageId)),
    leaveBranch: () => changeCurrentTree(continuePath),
  };
}
