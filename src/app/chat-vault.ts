// What is kept of conversations beside the gateway's turns: one database and one place of replays for the life of the process,
// whatever the settings are. Opened when somebody first asks for it, or when it has something to forget.

import { existsSync } from "node:fs";
import { GatewayError } from "../contract/gateway-error.ts";
import { reasonOf } from "../contract/thrown.ts";
import { madeOnce } from "../contract/made-once.ts";
import type { ChatStoreState } from "../server/health/diagnosis.ts";
import { chatMigrations } from "../store/chat-database.ts";
import { inspectDatabase } from "../store/inspect-database.ts";
import { inMemory } from "../store/open-database.ts";
import type { OpenVault, VaultParts } from "./open-vault.ts";

export interface ChatVault {
  /** Somebody has used it, now or in an earlier process. */
  isUsed(): boolean;
  /** @throws {GatewayError} when its database cannot be opened */
  open(): Promise<OpenVault>;
  /** How its database is. Looks at the file, at most once a second, while it is not open. */
  check(): ChatStoreState;
  /** Finds out whether its database can be written again, if it could not. Never rejects. */
  probe(): Promise<void>;
  /** Ends a stream that runs here and that another worker has forgotten. Never rejects. */
  stopForgotten(caller: string, streamId: string): Promise<void>;
  /** Other settings from now on. */
  adjust(): void;
  close(): Promise<void>;
}

/** How long a look at the file counts. */
const freshMs = 1000;

export function createChatVault(parts: VaultParts): ChatVault {
  let opened: OpenVault | undefined;
  let failure: unknown;
  let checkedAtMs = Number.NEGATIVE_INFINITY;
  let checked: ChatStoreState = { state: "unused" };

  const vault = madeOnce(async () => {
    try {
      const { openVault } = await import("./open-vault.ts");
      opened = openVault(parts);
      failure = undefined;
      return opened;
    } catch (error) {
      failure = error;
      // The sentence of the cause names a path of this machine, which is no client's business.
      throw new GatewayError("internal", "Cannot open the typed chat: the gateway's log says why", { cause: error });
    }
  });

  function look(): ChatStoreState {
    const isThere = parts.path !== inMemory && existsSync(parts.path);
    if (!isThere && failure === undefined) return { state: "unused" };
    try {
      if (isThere) inspectDatabase(parts.path, chatMigrations.length);
      if (failure === undefined) return { state: "ok" };
      return failedBy(failure);
    } catch (error) {
      return failedBy(error);
    }
  }

  return {
    // What stands in a shared store, any gateway may have put there.
    isUsed: () => vault.isAsked || parts.shared !== undefined || existsSync(parts.path),
    open: () => vault.get(),
    check() {
      const nowMs = performance.now();
      if (opened !== undefined) return { state: "ok" };
      if (nowMs - checkedAtMs >= freshMs) {
        checkedAtMs = nowMs;
        checked = look();
      }
      return checked;
    },
    async probe() {
      // What comes of it the watch is told.
      if (parts.watch.trouble !== undefined) await opened?.probe().catch(() => {});
    },
    async stopForgotten(caller, streamId) {
      const isHere = opened?.replays.running().some((one) => one.streamId === streamId && one.caller === caller);
      // It may have been noted behind its deletion. Of what runs elsewhere, or nowhere any more, nothing has to be said.
      if (isHere === true) await opened?.replays.forget(caller, streamId).catch(() => {});
    },
    adjust: () => opened?.adjust(),
    async close() {
      await (await vault.ifAsked())?.close();
    },
  };
}

function failedBy(error: unknown): ChatStoreState {
  return { state: "failed", reason: reasonOf(error) };
}
