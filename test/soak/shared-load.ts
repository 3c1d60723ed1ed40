// Conversations that are held through a load balancer by clients that ask again, and the judge of what reached the upstream.

import type { SentTurn } from "../support/emulator-process.ts";
import { parseChatStream } from "../support/sse-frames.ts";

export interface Front {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface LoadOptions {
  readonly conversations: number;
  readonly turns: number;
  readonly parallel: number;
}

export interface HeldTurn {
  /** What was asked; it stands in no other turn. */
  readonly content: string;
  readonly answer: string;
  /** Attempts before the one that was answered: their connection broke. */
  readonly cuts: number;
}

export interface HeldConversation {
  readonly name: string;
  /** Acknowledged. */
  readonly turns: HeldTurn[];
}

export interface Load {
  readonly conversations: readonly HeldConversation[];
  readonly acknowledged: number;
  readonly cut: number;
  readonly refused: number;
  /** Turns whose connection broke, and that are not answered yet. */
  readonly mending: number;
  readonly mixedUp: number;
  /** Refusals that nobody expects. */
  readonly odd: readonly string[];
  run(): Promise<void>;
  /** Resolves when so many turns are acknowledged. */
  progress(turns: number): Promise<void>;
  /** No turn begins when so many are acknowledged, until more are allowed. */
  allow(turns: number): void;
}

/** A client asks again after so long. */
const retryMs = 100;
const mostAttempts = 100;

export function createConversations({ conversations: count, turns, parallel }: LoadOptions, front: Front): Load {
  const conversations = Array.from({ length: count }, (_, index): HeldConversation => ({
    name: `c${index}`,
    turns: [],
  }));
  const waiting = new Set<{ readonly turns: number; tell(): void }>();
  const odd: string[] = [];
  const load = {
    conversations,
    acknowledged: 0,
    cut: 0,
    refused: 0,
    mending: 0,
    mixedUp: 0,
    odd,
    run,
    progress,
    allow,
  };
  let allowed = Number.POSITIVE_INFINITY;
  let atGate: (() => void)[] = [];

  async function run(): Promise<void> {
    let next = 0;
    const talk = async (): Promise<void> => {
      for (let conversation = conversations[next++]; conversation !== undefined; conversation = conversations[next++]) {
        while (conversation.turns.length < turns) {
          while (load.acknowledged >= allowed) await new Promise<void>((resolve) => atGate.push(resolve));
          await say(conversation);
        }
      }
    };
    await Promise.all(Array.from({ length: parallel }, talk));
  }

  function allow(turnsAllowed: number): void {
    allowed = turnsAllowed;
    const waitingThere = atGate;
    atGate = [];
    for (const tell of waitingThere) tell();
  }

  function progress(turnsWanted: number): Promise<void> {
    if (load.acknowledged >= turnsWanted) return Promise.resolve();
    return new Promise((resolve) => waiting.add({ turns: turnsWanted, tell: resolve }));
  }

  async function say(conversation: HeldConversation): Promise<void> {
    const words = `${conversation.name} turn ${conversation.turns.length}`;
    const content = `Say "${words}"`;
    let cuts = 0;
    for (let attempt = 0; ; attempt++) {
      if (attempt >= mostAttempts)
        throw new Error(`a turn was not answered in ${mostAttempts} attempts: ${odd.at(-1)}`);
      const outcome = await ask(conversation, content);
      if (outcome.kind === "answered") {
        if (outcome.text !== words) load.mixedUp++;
        conversation.turns.push({ content, answer: outcome.text, cuts });
        load.acknowledged++;
        if (cuts > 0) load.mending--;
        for (const one of waiting) if (load.acknowledged >= one.turns && waiting.delete(one)) one.tell();
        return;
      }
      if (outcome.kind === "cut") {
        if (cuts === 0) load.mending++;
        cuts++;
        load.cut++;
      } else load.refused++;
      await Bun.sleep(retryMs);
    }
  }

  async function ask(
    { name, turns: said }: HeldConversation,
    content: string,
  ): Promise<{ kind: "answered"; text: string } | { kind: "cut" } | { kind: "refused" }> {
    const history = said.flatMap((turn) => [
      { role: "user", content: turn.content },
      { role: "assistant", content: turn.answer },
    ]);
    const body = { model: "qwen3-max", stream: true, messages: [...history, { role: "user", content }] };
    try {
      const response = await fetch(`${front.url}/v1/chat/completions`, {
        method: "POST",
        headers: { ...front.headers, "content-type": "application/json", "x-session-id": name },
        body: JSON.stringify(body),
      });
      const text = await response.text();
      if (response.status === 200) {
        return text.endsWith("data: [DONE]\n\n") && !text.includes('"error"')
          ? { kind: "answered", text: parseChatStream(text).text }
          : { kind: "cut" };
      }
      // Of HAProxy, about a gateway that died under the request.
      if (response.status === 502) return { kind: "cut" };
      if (response.status !== 503) odd.push(`${response.status} ${text}`);
      return { kind: "refused" };
    } catch {
      return { kind: "cut" };
    }
  }
  return load;
}

export interface ChainJudge {
  look(turns: readonly SentTurn[]): void;
  /** Turns in a new chat, or elsewhere than where their conversation stood, by whether an attempt at them was cut. */
  countAnew(conversations: readonly HeldConversation[]): { uncut: number; afterCut: number };
  unseen(conversations: readonly HeldConversation[]): number;
  doubled(conversations: readonly HeldConversation[]): number;
  readSessions(
    conversations: readonly HeldConversation[],
    front: Front,
  ): Promise<{ miscounted: number; misplaced: number }>;
}

/** Compares what the upstream was asked with what the clients have seen. */
export function createChainJudge(turnsOfConversation: number): ChainJudge {
  /** By the question, which comes last where a whole history was sent; by ordinal, since it is looked at again and again. */
  const asked = new Map<string, Map<number, SentTurn>>();

  const attemptsOf = (content: string): SentTurn[] => [...(asked.get(content)?.values() ?? [])];

  /** The turn continues an answer of the one before it, with its question alone. */
  function isContinued(before: HeldTurn | undefined, turn: HeldTurn): boolean {
    return attemptsOf(turn.content).some((attempt) => {
      if (before === undefined) return attempt.parentId === null;
      if (attempt.content !== turn.content) return false;
      return attemptsOf(before.content).some(
        ({ chatId, responseId }) => responseId === attempt.parentId && chatId === attempt.chatId,
      );
    });
  }

  function count(
    conversations: readonly HeldConversation[],
    fits: (turn: HeldTurn, before: HeldTurn | undefined) => boolean,
  ) {
    return conversations.reduce(
      (sum, { turns }) => sum + turns.filter((turn, index) => fits(turn, turns[index - 1])).length,
      0,
    );
  }

  return {
    look(turns) {
      for (const turn of turns) {
        const question = [...turn.content.matchAll(/Say "c\d+ turn \d+"/g)].at(-1)?.[0];
        if (question === undefined) continue;
        const attempts = asked.get(question) ?? new Map<number, SentTurn>();
        asked.set(question, attempts.set(turn.record.ordinal, turn));
      }
    },
    countAnew: (conversations) => ({
      uncut: count(conversations, (turn, before) => turn.cuts === 0 && !isContinued(before, turn)),
      afterCut: count(conversations, (turn, before) => turn.cuts > 0 && !isContinued(before, turn)),
    }),
    unseen: (conversations) => count(conversations, (turn) => attemptsOf(turn.content).length === 0),
    doubled: (conversations) => count(conversations, (turn) => turn.cuts === 0 && attemptsOf(turn.content).length > 1),
    async readSessions(conversations, { url, headers }) {
      let miscounted = 0;
      let misplaced = 0;
      for (const { name, turns } of conversations) {
        const response = await fetch(`${url}/v1/sessions/${name}`, { headers });
        // The shape is what the sessions API promises.
        const session = (await response.json()) as { messageCount: number; responseId: string | null };
        if (session.messageCount !== turnsOfConversation) miscounted++;
        const last = turns.at(-1);
        const answers = last === undefined ? [] : attemptsOf(last.content).map(({ responseId }) => responseId);
        if (!answers.includes(session.responseId ?? undefined)) misplaced++;
      }
      return { miscounted, misplaced };
    },
  };
}
