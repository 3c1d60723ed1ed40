// What the browser keeps for the page: the key until the tab is closed, choices for longer, words not yet sent.

export interface Memory {
  /** Kept in the session storage alone: it is gone with the tab. */
  readKey(): string | undefined;
  saveKey(key: string): void;
  readChoices(): Choices;
  saveChoices(choices: Choices): void;
  /** Words that were typed and not sent: a reload does not lose them. */
  readDraft(): string;
  saveDraft(text: string): void;
}

export interface Choices {
  readonly model: string;
  readonly upstream: string;
}

const keyName = "qwen-gateway-key";
const draftName = "qwen-gateway-draft";
const modelName = "qwen-gateway-model";
const upstreamName = "qwen-gateway-upstream";

export function createMemory(): Memory {
  // A browser may refuse to keep anything: then it is kept as long as the page is.
  const own = new Map<string, string>();

  function read(storage: () => Storage, name: string): string {
    try {
      return storage().getItem(name) ?? "";
    } catch {
      return own.get(name) ?? "";
    }
  }

  function save(storage: () => Storage, name: string, value: string): void {
    try {
      if (value === "") storage().removeItem(name);
      else storage().setItem(name, value);
    } catch {
      own.set(name, value);
    }
  }

  const session = () => sessionStorage;
  const local = () => localStorage;
  return {
    readKey: () => read(session, keyName) || undefined,
    saveKey: (key) => save(session, keyName, key),
    readChoices: () => ({ model: read(local, modelName), upstream: read(local, upstreamName) }),
    saveChoices({ model, upstream }) {
      save(local, modelName, model);
      save(local, upstreamName, upstream);
    },
    readDraft: () => read(session, draftName),
    saveDraft: (text) => save(session, draftName, text),
  };
}
