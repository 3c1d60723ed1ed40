// What the browser keeps for the page: the key until the tab is closed, choices for longer, words not yet sent.

import type { Attachment } from "./conversation/message.ts";
import { parseSwitches, plainSwitches, type Switches } from "./conversation/switches.ts";

export interface Memory {
  /** Kept in the session storage alone: it is gone with the tab. */
  readKey(): string | undefined;
  saveKey(key: string): void;
  /** Of the agent's routes alone. Gone with the tab, as the key is. */
  readAgentToken(): string | undefined;
  saveAgentToken(token: string): void;
  readCommand(): string;
  saveCommand(text: string): void;
  /** The agent's runs, as text. */
  readRuns(): string;
  saveRuns(runs: string): void;
  readChoices(): Choices;
  saveChoices(choices: Choices): void;
  /** Of a conversation; undefined: of the next new one. */
  readSwitches(sessionId: string | undefined): Switches;
  saveSwitches(sessionId: string | undefined, switches: Switches): void;
  /** Words that were typed and not sent: a reload does not lose them. */
  readDraft(): string;
  saveDraft(text: string): void;
  /** Its files, as long as the page is there: whoever looks at the agent meanwhile finds them again. */
  readAttachments(): readonly Attachment[];
  saveAttachments(attachments: readonly Attachment[]): void;
}

export interface Choices {
  readonly model: string;
  readonly upstream: string;
}

const keyName = "qwen-gateway-key";
const agentTokenName = "qwen-gateway-agent-token";
const commandName = "qwen-gateway-agent-command";
const runsName = "qwen-gateway-agent-runs";
const draftName = "qwen-gateway-draft";
const modelName = "qwen-gateway-model";
const upstreamName = "qwen-gateway-upstream";
const switchesName = "qwen-gateway-switches";
/** Conversations whose switches are kept; those that were changed longest ago give way. */
const keptSwitches = 300;
/** No session has an empty id. */
const newConversation = "";

export function createMemory(): Memory {
  // A browser may refuse to keep anything, or more than it does already: then it is kept as long as the page is.
  const own = new Map<string, string>();
  let attached: readonly Attachment[] = [];

  function read(storage: () => Storage, name: string): string {
    try {
      return own.get(name) ?? storage().getItem(name) ?? "";
    } catch {
      return "";
    }
  }

  function save(storage: () => Storage, name: string, value: string): void {
    try {
      if (value === "") storage().removeItem(name);
      else storage().setItem(name, value);
      own.delete(name);
    } catch {
      own.set(name, value);
    }
  }

  const session = () => sessionStorage;
  const local = () => localStorage;
  return {
    readKey: () => read(session, keyName) || undefined,
    saveKey: (key) => save(session, keyName, key),
    readAgentToken: () => read(session, agentTokenName) || undefined,
    saveAgentToken: (token) => save(session, agentTokenName, token),
    readCommand: () => read(session, commandName),
    saveCommand: (text) => save(session, commandName, text),
    readRuns: () => read(session, runsName),
    saveRuns: (runs) => save(session, runsName, runs),
    readChoices: () => ({ model: read(local, modelName), upstream: read(local, upstreamName) }),
    saveChoices({ model, upstream }) {
      save(local, modelName, model);
      save(local, upstreamName, upstream);
    },
    readSwitches: (sessionId = newConversation) =>
      parseSwitches(parseEntries(read(local, switchesName)).find(([id]) => id === sessionId)?.[1]),
    saveSwitches(sessionId = newConversation, switches) {
      const others = parseEntries(read(local, switchesName)).filter(([id]) => id !== sessionId);
      const entries = switches === plainSwitches ? others : [...others, [sessionId, switches] as const];
      save(local, switchesName, entries.length === 0 ? "" : JSON.stringify(entries.slice(-keptSwitches)));
    },
    readDraft: () => read(session, draftName),
    saveDraft: (text) => save(session, draftName, text),
    readAttachments: () => attached,
    saveAttachments(attachments) {
      attached = attachments;
    },
  };
}

/** A cast at the border: whatever else it is, the pairs are looked at one by one. */
function parseEntries(text: string): (readonly [id: unknown, switches: unknown])[] {
  try {
    const entries: unknown = JSON.parse(text);
    return Array.isArray(entries) ? (entries.filter((entry) => Array.isArray(entry)) as [unknown, unknown][]) : [];
  } catch {
    // Nothing was kept, or another program has written over it.
    return [];
  }
}
