// What there is to choose from, asked of the gateway: conversations, models, upstreams. And whether it wants a key for that.

import type { ChatState } from "./chat-state.ts";
import { type Api, RequestError } from "./gateway/api.ts";
import type { Memory } from "./memory.ts";
import type { Store } from "./store.ts";

export interface Listing {
  listSessions(): Promise<void>;
  listChoices(): Promise<void>;
  /** Has the page ask for a key, or for another one. */
  wantKey(): void;
  /** @returns the sentence to show; undefined when a key was wanted, which the page asks for by itself */
  explain(error: unknown): string | undefined;
}

export function createListing(
  { update }: Store<ChatState>,
  api: Pick<Api, "listSessions" | "listModels" | "listUpstreams" | "findSpeechModel">,
  memory: Memory,
): Listing {
  function wantKey(): void {
    const access = memory.readKey() === undefined ? "wanted" : "refused";
    update((state) => ({ ...state, access }));
  }

  function explain(error: unknown): string | undefined {
    if (!(error instanceof RequestError)) throw error;
    if (error.status !== 401) return error.message;
    wantKey();
    return undefined;
  }

  return {
    wantKey,
    explain,
    async listSessions() {
      try {
        const sessions = await api.listSessions();
        update((state) => ({ ...state, sessions, sessionsError: undefined }));
      } catch (error) {
        const sessionsError = explain(error);
        update((state) => ({ ...state, sessionsError }));
      }
    },
    async listChoices() {
      // Without them the defaults serve, and the header says nothing.
      const [models, upstreams, speechModel] = await Promise.all([
        api.listModels().catch(() => []),
        api.listUpstreams().catch(() => []),
        api.findSpeechModel().catch(() => undefined),
      ]);
      update((state) => ({ ...state, models, upstreams, speechModel }));
    },
  };
}
