// Files exchanged as if at once: whatever step the machine dies at, the next start ends it, and no old file is lost.

import { afterEach, describe, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { thisProcess } from "../../../src/store/lease-owner.ts";
import { exchangeFiles, finishRestore, type PendingRestore } from "../../../src/store/pending-restore.ts";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

const restore: PendingRestore = {
  staged: ".restore-1",
  kept: "before",
  leaving: ["a.db-wal", "gone.key", "never.key"],
  arriving: ["a.db", "fresh.key"],
};

/** A directory with old files, and new ones that wait. */
function prepare(): string {
  const folder = mkdtempSync(join(tmpdir(), "qwen-gateway-restore-"));
  folders.push(folder);
  mkdirSync(join(folder, restore.staged));
  for (const name of ["a.db", "a.db-wal", "gone.key"]) writeFileSync(join(folder, name), `old ${name}`);
  for (const name of restore.arriving) writeFileSync(join(folder, restore.staged, name), `new ${name}`);
  return folder;
}

function contents(folder: string): Record<string, string> {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8", withFileTypes: true });
  return Object.fromEntries(
    files
      .filter((file) => file.isFile())
      .map((file) => [
        join(file.parentPath, file.name).slice(folder.length + 1),
        readFileSync(join(file.parentPath, file.name), "utf8"),
      ]),
  );
}

const exchanged = {
  "a.db": "new a.db",
  "fresh.key": "new fresh.key",
  "before/a.db": "old a.db",
  "before/a.db-wal": "old a.db-wal",
  "before/gone.key": "old gone.key",
};

function writeJournal(folder: string, owner: object): void {
  writeFileSync(join(folder, "restore-pending.json"), JSON.stringify({ ...restore, owner }));
}

const dead = { ...thisProcess(), ownerStartedMs: 1 };

describe("exchangeFiles", () => {
  test("exchangeFiles puts the new files in place and keeps the old ones", () => {
    const folder = prepare();
    exchangeFiles(folder, restore);

    expect(contents(folder)).toEqual(exchanged);
  });

  test("finishRestore ends what died at any step", () => {
    const moves: readonly (readonly [string, string])[] = [
      ["a.db-wal", "before/a.db-wal"],
      ["gone.key", "before/gone.key"],
      ["a.db", "before/a.db"],
      [".restore-1/a.db", "a.db"],
      [".restore-1/fresh.key", "fresh.key"],
    ];
    for (let done = 0; done <= moves.length; done++) {
      const folder = prepare();
      writeJournal(folder, dead);
      mkdirSync(join(folder, "before"));
      for (const [from, to] of moves.slice(0, done)) renameSync(join(folder, from), join(folder, to));
      finishRestore(folder);

      expect(contents(folder)).toEqual(exchanged);
    }
  });

  test("finishRestore does nothing where nothing was begun, and waits for nobody who lives", () => {
    const folder = prepare();
    const before = contents(folder);
    finishRestore(folder);
    expect(contents(folder)).toEqual(before);
    writeJournal(folder, thisProcess());
    expect(() => finishRestore(folder)).toThrow("a backup is being restored");
    expect(existsSync(join(folder, "a.db-wal"))).toBe(true);
  });

  test.each(["{}", '{"staged":"../x"}'])("finishRestore follows no journal that is none: %s", (text) => {
    const folder = prepare();
    writeFileSync(join(folder, "restore-pending.json"), text);

    expect(() => finishRestore(folder)).toThrow("it is not what this program writes");
  });
});
