// A pool of made-up accounts over a store in memory, with a clock that only tests move.

import type { Account } from "../../../src/credentials/account.ts";
import { type AccountPool, createAccountPool } from "../../../src/credentials/account-pool.ts";
import { type AccountRegistry, createAccountRegistry } from "../../../src/credentials/account-registry.ts";
import { defaultAsideMs } from "../../../src/credentials/account-state.ts";
import { type AccountVault, createAccountVault } from "../../../src/credentials/account-vault.ts";
import { createSecretBox, type SecretBox } from "../../../src/credentials/secret-box.ts";
import { createMemoryStore } from "../../../src/store/memory-store.ts";
import type { AccountStore } from "../../../src/store/store.ts";
import { silentLog } from "../../../src/telemetry/log.ts";

export const upstream = "qwen-web";
export const testBox: SecretBox = createSecretBox(() => [new Uint8Array(32).fill(1)]);

export function accountOf(id: string, changes: Partial<Account> = {}): Account {
  return { id, alias: id, token: `token of ${id}`, cookies: undefined, headers: {}, ...changes };
}

export interface TestClock {
  readonly now: () => number;
  advance(milliseconds: number): void;
}

export function createClock(): TestClock {
  let nowMs = 1_790_000_000_000;
  return {
    now: () => nowMs,
    advance(milliseconds) {
      nowMs += milliseconds;
    },
  };
}

export interface TestProcess {
  readonly registry: AccountRegistry;
  readonly vault: AccountVault;
  readonly pool: AccountPool;
  /** How long was waited. */
  readonly waits: number[];
}

/** One process; several may share a store. */
export async function startProcess(options: {
  readonly clock: TestClock;
  readonly configured?: readonly Account[];
  readonly store?: AccountStore;
  readonly box?: SecretBox;
  readonly maxAsideMs?: number;
}): Promise<TestProcess> {
  const { clock, configured = [], box = testBox, maxAsideMs } = options;
  const store = options.store ?? createMemoryStore({ clock: clock.now, sessionTimeoutMs: 1 });
  const vault = createAccountVault(upstream, store, box);
  const anonymous = accountOf("anonymous", { token: undefined });
  const registry = createAccountRegistry({ vault, configured, anonymous, clock: clock.now, log: silentLog });
  const waits: number[] = [];
  const pool = createAccountPool({
    registry,
    upstream,
    asideMs: defaultAsideMs,
    maxAsideMs,
    clock: clock.now,
    log: silentLog,
    async wait(delayMs) {
      waits.push(delayMs);
      clock.advance(delayMs);
    },
  });
  await registry.load();
  return { registry, vault, pool, waits };
}
