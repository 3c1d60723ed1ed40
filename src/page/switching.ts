// The switches of conversations: changed, kept by the browser, and asked for with a message.

import { changeConversation, type ChatState, currentOf } from "./chat-state.ts";
import type { Conversation } from "./conversation/conversation.ts";
import {
  countChanged,
  plainSwitches,
  requestFieldsOf,
  type SwitchFields,
  type Switches,
} from "./conversation/switches.ts";
import type { Memory } from "./memory.ts";
import type { Store } from "./store.ts";

export interface Switching {
  /** Of the conversation that is shown. */
  set(change: Partial<Switches>): void;
  /** A new conversation has got its name: what was set is kept by it, and the next one begins plainly. */
  keepFor(sessionId: string, conversationId: string): void;
  forget(sessionId: string): void;
  fieldsFor(conversation: Conversation): SwitchFields;
}

export function createSwitching(store: Store<ChatState>, memory: Memory): Switching {
  function save(sessionId: string | undefined, switches: Switches): void {
    const isPlain = countChanged(switches) === 0 && switches.chosenDocuments.length === 0;
    memory.saveSwitches(sessionId, isPlain ? plainSwitches : switches);
  }

  return {
    set(change) {
      const { id, sessionId, switches } = currentOf(store.get());
      const changed = { ...switches, ...change };
      store.update((state) =>
        changeConversation(state, id, (conversation) => ({ ...conversation, switches: changed })),
      );
      save(sessionId, changed);
    },
    keepFor(sessionId, conversationId) {
      const switches = store.get().conversations.get(conversationId)?.switches;
      if (switches === undefined) return;
      save(sessionId, switches);
      save(undefined, plainSwitches);
    },
    forget: (sessionId) => save(sessionId, plainSwitches),
    fieldsFor({ switches }) {
      const { documents } = store.get();
      return requestFieldsOf(switches, documents.list && new Set(documents.list.map(({ id }) => id)));
    },
  };
}
