// The files of a data directory exchanged for others, as if at once: what is to be done is written down first, and whoever finds
// it undone does it. So a machine that dies in the middle leaves either the old files or the new ones.

import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Type } from "typebox";
import { Check } from "typebox/schema";
import { GatewayError } from "../contract/gateway-error.ts";
import { isDead, type LeaseOwner, thisProcess } from "./lease-owner.ts";

/** Names are of files in the data directory. */
export interface PendingRestore {
  /** The folder that the new files wait in. */
  readonly staged: string;
  /** The folder that the old ones go to; it is made when there is one. */
  readonly kept: string;
  /** Old ones that nothing takes the place of, whether they are there or not. They go first. */
  readonly leaving: readonly string[];
  /** Of new ones, which all wait. */
  readonly arriving: readonly string[];
}

const journalName = "restore-pending.json";
const fileName = Type.String({ pattern: "^(?!\\.{1,2}$)[A-Za-z0-9._-]+$" });
const journalSchema = Type.Object({
  staged: fileName,
  kept: fileName,
  leaving: Type.Array(fileName, { maxItems: 100 }),
  arriving: Type.Array(fileName, { maxItems: 100 }),
  owner: Type.Object({ ownerHost: Type.String(), ownerPid: Type.Integer(), ownerStartedMs: Type.Integer() }),
});

/** From its return on the new files count. @throws a system error: then, or later by `finishRestore`, all is done or nothing. */
export function exchangeFiles(dataDir: string, restore: PendingRestore): void {
  const journal = join(dataDir, journalName);
  const draft = `${journal}.${process.pid}`;
  writeFileSync(draft, JSON.stringify({ ...restore, owner: thisProcess() }), { mode: 0o600, flush: true });
  renameSync(draft, journal);
  carryOut(dataDir, restore);
}

/**
 * Ends what a process that died had begun. Nothing happens when there is nothing, as nearly always.
 * @throws {GatewayError} while the process that does it lives
 */
export function finishRestore(dataDir: string): void {
  const journal = join(dataDir, journalName);
  if (!existsSync(journal)) return;
  const pending = readJournal(journal);
  if (!isDead(pending.owner, thisProcess())) {
    throw new GatewayError("internal", `Cannot open the store in "${dataDir}": a backup is being restored into it`);
  }
  carryOut(dataDir, pending);
}

function readJournal(path: string): PendingRestore & { readonly owner: LeaseOwner } {
  const value: unknown = JSON.parse(readFileSync(path, "utf8"));
  if (!Check(journalSchema, value)) {
    throw new GatewayError("internal", `Cannot use "${path}": it is not what this program writes; move it away`);
  }
  return value;
}

/** Each step may have been done before. */
function carryOut(dataDir: string, { staged, kept, leaving, arriving }: PendingRestore): void {
  const setAside = (name: string): void => {
    const [present, old] = [join(dataDir, name), join(dataDir, kept, name)];
    if (!existsSync(present) || existsSync(old)) return;
    mkdirSync(join(dataDir, kept), { recursive: true, mode: 0o700 });
    renameSync(present, old);
  };
  for (const name of leaving) setAside(name);
  for (const name of arriving) {
    const next = join(dataDir, staged, name);
    // It has arrived, and what is there is no old one.
    if (!existsSync(next)) continue;
    setAside(name);
    renameSync(next, join(dataDir, name));
  }
  rmSync(join(dataDir, staged), { recursive: true, force: true });
  rmSync(join(dataDir, journalName), { force: true });
}
