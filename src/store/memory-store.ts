// The Store in this process's memory, for embedding and tests. Nothing survives the process, so no lease outlives its
// claim and no reply is ever found interrupted.

import { isPassingSession, passingTimeoutMs } from "./passing-session.ts";
import { sessionOf } from "./session-of-turn.ts";
import type { Message } from "../contract/chat-request.ts";
import type { Continuation } from "../contract/continuation.ts";
import type { Conversation, Turn } from "./memory-turns.ts";
import { keyOf, TurnIndex } from "./memory-turns.ts";
import { MemoryAccounts } from "./memory-accounts.ts";
import { MemoryCallers } from "./memory-callers.ts";
import { hashListKey } from "./hash-list.ts";
import { groupSessions } from "./session-view.ts";
import type {
  ChatPlace,
  ConversationView,
  NewConversation,
  SessionView,
  Store,
  TurnClaim,
  TurnLookup,
  TurnRecord,
} from "./store.ts";
import { maxContentChars, type StoreOptions } from "./store-options.ts";

export function createMemoryStore(options: StoreOptions): Store {
  return new MemoryStore(options);
}

interface HeldClaim {
  readonly conversation: Conversation;
  readonly base: Turn | undefined;
  /** Answers before this turn. */
  readonly baseCount: number;
  readonly chat: string;
}

/** Where a claim attaches. */
interface Place extends Pick<TurnClaim, "upstream" | "account" | "continuation" | "prefixIndex"> {
  readonly conversation: Conversation;
  readonly base: Turn | undefined;
  readonly baseCount: number;
  /** What the chat has seen already. */
  readonly seen: TurnRecord | undefined;
}

class MemoryStore implements Store {
  readonly #options: StoreOptions;
  readonly #turns: TurnIndex;
  /** By caller and session. */
  readonly #sessions = new Map<string, Set<Conversation>>();
  /** By chat: the claim that runs in it. */
  readonly #leases = new Map<string, string>();
  /** By chat. */
  readonly #readyAtMs = new Map<string, number>();
  readonly #held = new Map<string, HeldClaim>();
  /** By chat: the conversation that was opened in it, as long as it has no answer. */
  readonly #unanswered = new Map<string, Conversation>();
  /** By conversation. */
  readonly #messages = new Map<string, readonly Message[]>();
  #conversationCount = 0;
  readonly #accounts: MemoryAccounts;
  readonly #callers: MemoryCallers;

  constructor(options: StoreOptions) {
    this.#options = options;
    this.#accounts = new MemoryAccounts(options);
    this.#callers = new MemoryCallers(options);
    this.#turns = new TurnIndex({
      isExpired: (conversation) => this.#isExpired(conversation),
      isLeased: ({ upstream, account, record }) =>
        this.#leases.has(chatKey({ upstream, account, chatId: record.continuation.chatId })),
    });
  }

  async beginTurn(caller: string, lookup: TurnLookup): Promise<TurnClaim | "busy" | undefined> {
    const place = lookup.by === "head" ? this.#findHead(caller, lookup.sessionId) : this.#findTurn(caller, lookup);
    if (place === undefined || place === "busy") return place;
    if (lookup.by === "head") {
      touch(place.conversation, this.#options.clock());
      place.conversation.byHead = true;
    }
    return this.#hold(place);
  }

  async openConversation(caller: string, opened: NewConversation): Promise<TurnClaim> {
    const { replaces } = opened;
    // Of another caller's claim nothing is taken over.
    const isOwn = replaces !== undefined && this.#held.get(replaces.claimId)?.conversation.caller === caller;
    const replaced = isOwn ? this.#letGo(replaces, 0) : undefined;
    const { upstream, account, model, priorReplies } = opened;
    const continuation = emptyChat(opened.continuation.chatId);
    const chat = { upstream, account, ...continuation, model, lastAccessedMs: this.#options.clock() };
    const empty = { upstream, account, continuation, prefixIndex: undefined, seen: undefined };
    if (replaced === undefined || replaced.conversation.deleted || isContinued(replaced)) {
      const sessionId = replaced?.conversation.sessionId ?? opened.sessionId;
      this.#forgetUnanswered(caller, chatKey(chat));
      const conversation = this.#createConversation(caller, sessionId, { ...chat, messageCount: priorReplies });
      conversation.byHead = opened.byHead;
      this.#unanswered.set(chatKey(chat), conversation);
      return this.#hold({ ...empty, conversation, base: undefined, baseCount: priorReplies });
    }
    const { conversation, base } = replaced;
    const messageCount = Math.max(conversation.view.messageCount, priorReplies);
    conversation.view = { ...conversation.view, ...chat, messageCount };
    conversation.head = undefined;
    return this.#hold({ ...empty, conversation, base, baseCount: messageCount });
  }

  async noteReply(): Promise<void> {
    // Noted for the time after a crash, of which nothing is left here.
  }

  async endTurn(claim: TurnClaim, record: TurnRecord): Promise<void> {
    const held = this.#letGo(claim, record.settleMs);
    // Deleted while the turn ran: it stays deleted.
    if (held === undefined || held.conversation.deleted) return;
    const { upstream, account } = claim;
    const sessionId = sessionOf(claim, record);
    const isElsewhere = held.base !== undefined && sessionId !== claim.sessionId;
    const branches = isElsewhere || isContinued(held);
    const messageCount = (branches ? held.baseCount : held.conversation.view.messageCount) + 1;
    const lastAccessedMs = this.#options.clock();
    const { model, continuation } = record;
    const head = { upstream, account, ...nodeOf(continuation), model, messageCount, lastAccessedMs };
    const conversation = branches
      ? this.#createConversation(held.conversation.caller, sessionId, head)
      : held.conversation;
    const systemKey = hashListKey(record.systemHashes);
    if (branches) conversation.byHead = claim.prefixIndex === undefined;
    const turn: Turn = { conversation, record, systemKey, upstream, account, messageCount, continued: false };
    conversation.view = { ...conversation.view, ...head };
    conversation.head = turn;
    this.#unanswered.delete(chatKey(conversation.view));
    conversation.turns.push(turn);
    this.#turns.add(turn);
    this.#remember(claim.conversationId, conversation.view.conversationId, record.said);
    if (held.base !== undefined && !isElsewhere) held.base.continued = true;
  }

  async readMessages({ conversationId }: TurnClaim): Promise<readonly Message[]> {
    return this.#messages.get(conversationId) ?? [];
  }

  async releaseTurn(claim: TurnClaim, settleMs: number): Promise<void> {
    const held = this.#letGo(claim, settleMs);
    if (held !== undefined) touch(held.conversation, this.#options.clock());
  }

  async findUnusedChats(chats: readonly ChatPlace[]): Promise<readonly ChatPlace[]> {
    const used = new Set(this.#allConversations().map((one) => chatKey(one.view)));
    return [...new Map(chats.map((chat) => [chatKey(chat), chat])).values()].filter((chat) => !used.has(chatKey(chat)));
  }

  async getSession(caller: string, sessionId: string): Promise<SessionView | undefined> {
    return toSessions(this.#livingConversations(caller, sessionId))[0];
  }

  async listSessions(caller: string, limit: number): Promise<readonly SessionView[]> {
    const own = this.#allConversations().filter(
      (one) => one.caller === caller && !isPassingSession(one.sessionId) && !this.#isExpired(one),
    );
    return toSessions(own.sort(newestFirst)).slice(0, limit);
  }

  async listCallers(limit: number): Promise<readonly string[]> {
    return [...new Set(this.#allConversations().map(({ caller }) => caller))].sort().slice(0, limit);
  }

  async deleteSession(caller: string, sessionId: string): Promise<readonly ConversationView[] | undefined> {
    if (this.#livingConversations(caller, sessionId).length === 0) return undefined;
    return this.#delete([...(this.#sessions.get(keyOf(caller, sessionId)) ?? [])]);
  }

  async sweep(): Promise<readonly ConversationView[]> {
    const nowMs = this.#options.clock();
    for (const [chat, readyAtMs] of this.#readyAtMs) if (readyAtMs <= nowMs) this.#readyAtMs.delete(chat);
    return this.#delete(
      this.#allConversations().filter((one) => this.#isExpired(one) && !this.#leases.has(chatKey(one.view))),
    );
  }

  async sweepPassing(): Promise<readonly ConversationView[]> {
    const oldestMs = this.#options.clock() - passingTimeoutMs;
    return this.#delete(
      this.#allConversations().filter(
        ({ sessionId, view }) =>
          isPassingSession(sessionId) && view.lastAccessedMs < oldestMs && !this.#leases.has(chatKey(view)),
      ),
    );
  }

  listAccounts: Store["listAccounts"] = (upstream) => this.#accounts.listAccounts(upstream);
  putAccount: Store["putAccount"] = (...put) => this.#accounts.putAccount(...put);
  saveAccountState: Store["saveAccountState"] = (...save) => this.#accounts.saveAccountState(...save);
  removeAccount: Store["removeAccount"] = (...key) => this.#accounts.removeAccount(...key);
  resealAccounts: Store["resealAccounts"] = (reseal) => this.#accounts.resealAccounts(reseal);
  leaseAccount: Store["leaseAccount"] = (...lease) => this.#accounts.leaseAccount(...lease);
  releaseAccount: Store["releaseAccount"] = (...lease) => this.#accounts.releaseAccount(...lease);

  keysRevision: Store["keysRevision"] = () => this.#callers.keysRevision();
  listKeys: Store["listKeys"] = () => this.#callers.listKeys();
  addKey: Store["addKey"] = (key) => this.#callers.addKey(key);
  revokeKey: Store["revokeKey"] = (prefix) => this.#callers.revokeKey(prefix);
  removeKey: Store["removeKey"] = (prefix) => this.#callers.removeKey(prefix);
  reserveAmount: Store["reserveAmount"] = (reservation) => this.#callers.reserveAmount(reservation);
  addAmounts: Store["addAmounts"] = (amounts) => this.#callers.addAmounts(amounts);
  readAmounts: Store["readAmounts"] = (keys) => this.#callers.readAmounts(keys);
  listSubjects: Store["listSubjects"] = (question) => this.#callers.listSubjects(question);
  forgetAmounts: Store["forgetAmounts"] = (subject) => this.#callers.forgetAmounts(subject);
  countReplies: Store["countReplies"] = (subjects) => this.#callers.countReplies(subjects);
  dropAmounts: Store["dropAmounts"] = (kinds) => this.#callers.dropAmounts(kinds);
  holdReplies: Store["holdReplies"] = (subject, wanted, limit) => this.#callers.holdReplies(subject, wanted, limit);
  renewReplies: Store["renewReplies"] = () => this.#callers.renewReplies();
  async probe(): Promise<void> {}

  async close(): Promise<void> {
    this.#held.clear();
    this.#leases.clear();
  }

  #remember(before: string, conversationId: string, said: readonly Message[] | undefined): void {
    if (said === undefined) return;
    const messages = [...(this.#messages.get(before) ?? []), ...said];
    let first = messages.length;
    for (let chars = 0; first > 0; first--) {
      chars += JSON.stringify(messages[first - 1]).length;
      if (chars > maxContentChars) break;
    }
    this.#messages.set(conversationId, messages.slice(first));
  }

  #findHead(caller: string, sessionId: string): Place | "busy" | undefined {
    const living = this.#livingConversations(caller, sessionId);
    // A title request under the same session name is newer than the conversation of a thin client, and not its head.
    const conversation = living.find((one) => one.byHead) ?? living[0];
    if (conversation === undefined) return undefined;
    if (this.#leases.has(chatKey(conversation.view))) return "busy";
    const { view, head } = conversation;
    const { upstream, account, messageCount } = view;
    const at = { upstream, account, continuation: nodeOf(view), prefixIndex: undefined };
    return { ...at, conversation, base: head, baseCount: messageCount, seen: head?.record };
  }

  #findTurn(caller: string, lookup: TurnLookup & { by: "history" }): Place | undefined {
    const found = this.#turns.find(caller, lookup);
    if (found === undefined) return undefined;
    const { turn, prefixIndex } = found;
    const { upstream, account, conversation, record, messageCount } = turn;
    const at = { upstream, account, continuation: nodeOf(record.continuation), prefixIndex };
    return { ...at, conversation, base: turn, baseCount: messageCount, seen: record };
  }

  /** A chat whose first turn failed serves its repetition: the conversation that came to nothing makes room. */
  #forgetUnanswered(caller: string, chat: string): void {
    const conversation = this.#unanswered.get(chat);
    if (conversation === undefined || conversation.caller !== caller || conversation.head !== undefined) return;
    if (this.#leases.has(chat)) return;
    this.#delete([conversation]);
  }

  #createConversation(
    caller: string,
    sessionId: string,
    view: Omit<ConversationView, "conversationId" | "createdAtMs">,
  ): Conversation {
    const conversation: Conversation = {
      order: ++this.#conversationCount,
      caller,
      sessionId,
      view: { ...view, conversationId: crypto.randomUUID(), createdAtMs: view.lastAccessedMs },
      head: undefined,
      turns: [],
      deleted: false,
      byHead: false,
    };
    const key = keyOf(caller, sessionId);
    const conversations = this.#sessions.get(key);
    if (conversations === undefined) this.#sessions.set(key, new Set([conversation]));
    else conversations.add(conversation);
    return conversation;
  }

  #hold({ conversation, base, baseCount, seen, ...at }: Place): TurnClaim {
    const chat = chatKey({ ...at, chatId: at.continuation.chatId });
    const claim: TurnClaim = {
      claimId: crypto.randomUUID(),
      sessionId: conversation.sessionId,
      conversationId: conversation.view.conversationId,
      ...at,
      systemHashes: seen?.systemHashes ?? [],
      toolHashes: seen?.toolHashes ?? [],
      interrupted: undefined,
      readyAtMs: this.#readyAtMs.get(chat) ?? 0,
    };
    this.#held.set(claim.claimId, { conversation, base, baseCount, chat });
    this.#leases.set(chat, claim.claimId);
    this.#readyAtMs.delete(chat);
    return claim;
  }

  #letGo(claim: TurnClaim, settleMs: number): HeldClaim | undefined {
    const held = this.#held.get(claim.claimId);
    if (held === undefined) return undefined;
    this.#held.delete(claim.claimId);
    if (this.#leases.get(held.chat) !== claim.claimId) return held;
    this.#leases.delete(held.chat);
    this.#readyAtMs.set(held.chat, this.#options.clock() + Math.ceil(settleMs));
    return held;
  }

  #allConversations(): Conversation[] {
    return Array.from(this.#sessions.values(), (session) => [...session]).flat();
  }

  #livingConversations(caller: string, sessionId: string): Conversation[] {
    const conversations = this.#sessions.get(keyOf(caller, sessionId)) ?? [];
    return [...conversations].filter((one) => !this.#isExpired(one)).sort(newestFirst);
  }

  #isExpired(conversation: Conversation): boolean {
    return conversation.view.lastAccessedMs < this.#options.clock() - this.#options.sessionTimeoutMs;
  }

  #delete(conversations: readonly Conversation[]): readonly ConversationView[] {
    for (const conversation of conversations) {
      conversation.deleted = true;
      this.#messages.delete(conversation.view.conversationId);
      this.#unanswered.delete(chatKey(conversation.view));
      const key = keyOf(conversation.caller, conversation.sessionId);
      const session = this.#sessions.get(key);
      session?.delete(conversation);
      if (session?.size === 0) this.#sessions.delete(key);
    }
    this.#turns.forget(conversations);
    return conversations.map((conversation) => conversation.view);
  }
}

function touch(conversation: Conversation, nowMs: number): void {
  conversation.view = { ...conversation.view, lastAccessedMs: nowMs };
}

/** Whether this place was answered by somebody else: the claim's own answer then becomes a branch. */
function isContinued({ base, conversation }: HeldClaim): boolean {
  return base === undefined ? conversation.head !== undefined : base.continued;
}

function chatKey({ upstream, account, chatId }: { upstream: string; account: string; chatId: string }): string {
  return keyOf(upstream, account, chatId);
}

function emptyChat(chatId: string): Continuation {
  return { chatId, nodeId: null, responseId: null, parentId: null };
}

/** The ids alone, without whatever else the object holds. */
function nodeOf({ chatId, nodeId, responseId, parentId }: Continuation): Continuation {
  return { chatId, nodeId, responseId, parentId };
}

function newestFirst(one: Conversation, other: Conversation): number {
  return other.view.lastAccessedMs - one.view.lastAccessedMs || other.order - one.order;
}

function toSessions(conversations: readonly Conversation[]): readonly SessionView[] {
  return groupSessions(conversations.map(({ sessionId, view }) => ({ sessionId, conversation: view })));
}
