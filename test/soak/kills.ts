// kill -9 in the middle of many conversations, again and again: every turn whose end a client has seen is continued
// where it ended, and the database is sound.

import { Database } from "bun:sqlite";
import { copyFileSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startStage, type Stage } from "../e2e/stage.ts";
import type { SentTurn } from "../support/emulator-process.ts";
import { parseChatStream } from "../support/sse-frames.ts";
import { mebibyte, resourcesOf, type Soak } from "./figures.ts";

export interface KillsOptions {
  readonly kills: number;
  readonly talkers: number;
}

/** A conversation begins anew after so many turns; all that are over are continued once more at the end. */
const turnsOfConversation = 25;
const shortestLoadMs = 100;
const longestLoadMs = 500;

interface Turn {
  /** What was asked; it stands in no other turn. */
  readonly content: string;
  /** The answer that was seen whole. */
  readonly answer: string;
}

/** Acknowledged turns only. */
type Conversation = Turn[];

export async function soakKills({ kills, talkers }: KillsOptions): Promise<Soak> {
  const dataDir = mkdtempSync(join(tmpdir(), "qwen-gateway-soak-"));
  try {
    await using stage = await startStage({
      environment: { LOG_LEVEL: "error", DATA_DIR: dataDir },
      emulatorWords: ["--token-delay-ms", "1"],
    });
    const load = createLoad(talkers);
    const judge = createJudge();
    let unsound = 0;
    let slowestStartMs = 0;
    for (let kill = 0; kill < kills; kill++) {
      const running = load.run(stage);
      await Bun.sleep(shortestLoadMs + ((longestLoadMs - shortestLoadMs) * kill) / Math.max(1, kills - 1));
      stage.gateway.kill("SIGKILL");
      await stage.gateway.exited;
      await running;
      if (integrityOf(dataDir) !== "ok") unsound++;
      const startedAtMs = performance.now();
      await stage.crashAndRestart();
      slowestStartMs = Math.max(slowestStartMs, performance.now() - startedAtMs);
      judge.look(await stage.emulator.turns(), load.conversations);
    }
    await load.continueAll(stage, async () => judge.look(await stage.emulator.turns(), load.conversations));
    const { residentBytes } = await resourcesOf(stage.gateway.pid);

    return {
      name: "kill -9 under load",
      figures: [
        { what: "kills", value: kills, unit: "" },
        { what: "conversations", value: load.conversations.length, unit: "" },
        { what: "acknowledged turns", value: judge.judged, unit: "" },
        { what: "turns cut by a kill", value: load.cut, unit: "" },
        { what: "slowest restart", value: slowestStartMs, unit: "ms" },
        { what: "acknowledged turns lost", value: judge.lost, unit: "", atMost: 0 },
        { what: "answers of another turn", value: load.mixedUp, unit: "", atMost: 0 },
        { what: "databases not sound", value: unsound, unit: "", atMost: 0 },
        { what: "turns never judged", value: load.acknowledged - judge.judged, unit: "", atMost: 0 },
        { what: "RSS at the end", value: residentBytes / mebibyte, unit: "MB", atMost: 256 },
      ],
    };
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
}

function createLoad(talkers: number) {
  const conversations: Conversation[] = [];
  const current: Conversation[] = Array.from({ length: talkers }, begin);
  let nextOrdinal = 0;
  const load = {
    conversations,
    acknowledged: 0,
    cut: 0,
    mixedUp: 0,
    /** All talkers at once; resolves when the gateway is gone. */
    async run(stage: Stage): Promise<void> {
      await Promise.all(
        current.map(async (_, talker) => {
          for (;;) {
            const conversation = current[talker]!;
            if (!(await say(stage, conversation))) return;
            if (conversation.length >= turnsOfConversation) current[talker] = begin();
          }
        }),
      );
    },
    /** @param look called while the emulator still remembers */
    async continueAll(stage: Stage, look: () => Promise<void>): Promise<void> {
      for (const [index, conversation] of conversations.entries()) {
        if (!(await say(stage, conversation))) throw new Error("a gateway that nobody killed cut a turn");
        if (index % 100 === 99) await look();
      }
      await look();
    },
  };

  function begin(): Conversation {
    const conversation: Conversation = [];
    conversations.push(conversation);
    return conversation;
  }

  /** False when the end of the answer was not seen. */
  async function say(stage: Stage, conversation: Conversation): Promise<boolean> {
    const ordinal = nextOrdinal++;
    const words = `turn number ${ordinal}`;
    const content = `Say "${words}"`;
    const history = conversation.flatMap((turn) => [
      { role: "user", content: turn.content },
      { role: "assistant", content: turn.answer },
    ]);
    const stream = ordinal % 3 !== 0;
    const body = { model: "qwen3-max", stream, messages: [...history, { role: "user", content }] };
    const answer = await readWhole(stage, body, stream).catch(() => undefined);
    if (answer === undefined) {
      load.cut++;
      return false;
    }
    if (answer !== words) load.mixedUp++;
    load.acknowledged++;
    conversation.push({ content, answer });
    return true;
  }
  return load;
}

/** Undefined when the answer has no end, or is a failure of a gateway that dies. */
async function readWhole(stage: Stage, body: unknown, stream: boolean): Promise<string | undefined> {
  const response = await stage.post("/v1/chat/completions", body);
  const text = await response.text();
  if (response.status !== 200) throw new Error(`a turn was refused: ${response.status} ${text}`);
  if (stream) return text.endsWith("data: [DONE]\n\n") ? parseChatStream(text).text : undefined;
  // The shape is what the tests assert.
  const whole = JSON.parse(text) as { choices: readonly { message: { content: string } }[] };
  return whole.choices[0]?.message.content;
}

/** Compares what the emulator was sent with what the clients have seen; the emulator forgets, so it looks often. */
function createJudge() {
  /** Node of the answer, by what was asked. */
  const nodes = new Map<string, SentTurn>();
  const judged = new Set<Turn>();
  const judge = {
    judged: 0,
    lost: 0,
    look(turns: readonly SentTurn[], conversations: readonly Conversation[]): void {
      for (const turn of turns) if (turn.responseId !== undefined) nodes.set(turn.content, turn);
      for (const conversation of conversations) {
        for (const [index, turn] of conversation.entries()) {
          if (judged.has(turn)) continue;
          judged.add(turn);
          judge.judged++;
          if (!isContinued(conversation[index - 1], turn)) judge.lost++;
        }
      }
    },
  };

  /** A turn whose history the gateway has lost is sent with all of it, so that its content is another. */
  function isContinued(before: Turn | undefined, turn: Turn): boolean {
    const sent = nodes.get(turn.content);
    if (sent === undefined) return false;
    if (before === undefined) return sent.parentId === null;
    const continued = nodes.get(before.content);
    return continued !== undefined && sent.parentId === continued.responseId && sent.chatId === continued.chatId;
  }
  return judge;
}

/** Of a copy, so that the next gateway finds the files as the kill left them. */
function integrityOf(dataDir: string): unknown {
  const copy = mkdtempSync(join(tmpdir(), "qwen-gateway-copy-"));
  try {
    for (const name of ["qwen-gateway.sqlite", "qwen-gateway.sqlite-wal"]) {
      if (existsSync(join(dataDir, name))) copyFileSync(join(dataDir, name), join(copy, name));
    }
    using database = new Database(join(copy, "qwen-gateway.sqlite"));
    return database.query<{ integrity_check: string }, []>("PRAGMA integrity_check").get()?.integrity_check;
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}
