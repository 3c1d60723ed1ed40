import { Database } from "bun:sqlite";
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { maxLogBytes, openDatabase } from "../../../src/store/open-database.ts";
import { silentLog } from "../../../src/telemetry/log.ts";
import { createCheckpoints } from "../../../src/workers/checkpoints.ts";

const folder = mkdtempSync(join(tmpdir(), "qwen-gateway-checkpoints-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const steps = ["CREATE TABLE rows (content BLOB)"];

/** Pages of the log, and how many of them stand in the file. */
function stateOf(database: Database): { readonly log: number; readonly checkpointed: number } {
  using state = database.prepare<{ log: number; checkpointed: number }, []>("PRAGMA wal_checkpoint(NOOP)");
  return state.get()!;
}

function write(database: Database, bytes: number): void {
  database.run("INSERT INTO rows VALUES (randomblob(?))", [bytes]);
}

test("checkpoints copy a log when it is large, which a worker leaves alone", () => {
  const path = join(folder, "a.sqlite");
  const database = openDatabase(path, silentLog, steps, "elsewhere");
  const checkpoints = createCheckpoints([path, join(folder, "not-there.sqlite")], silentLog, 0);
  write(database, 1024);
  checkpoints.look();
  const small = stateOf(database);
  for (let written = 0; written < maxLogBytes + 1024 * 1024; written += 512 * 1024) write(database, 512 * 1024);
  const large = stateOf(database);
  checkpoints.look();
  const copied = stateOf(database);

  expect(small.log).toBeGreaterThan(0);
  expect([small.checkpointed, large.checkpointed]).toEqual([0, 0]);
  expect(copied.checkpointed).toBe(large.log);
  checkpoints.close();
  database.close();
});

test("a process that serves alone copies its log itself", () => {
  const database = openDatabase(join(folder, "b.sqlite"), silentLog, steps);
  let pages = 0;
  for (let written = 0; written < maxLogBytes + 1024 * 1024; written += 512 * 1024) {
    write(database, 512 * 1024);
    pages += 256;
  }

  // Behind a copy it begins anew.
  expect(stateOf(database).log).toBeLessThan(pages / 2);
  database.close();
});

test("checkpoints that fail are told once, and wait for nobody", () => {
  const path = join(folder, "c.sqlite");
  const database = openDatabase(path, silentLog, steps, "elsewhere");
  write(database, 1024);
  const warned: string[] = [];
  const broken = join(folder, "d.sqlite");
  rmSync(broken, { force: true });
  new Database(`${broken}-wal`, { create: true }).close();
  Bun.spawnSync(["touch", `${broken}-wal`]);
  const checkpoints = createCheckpoints(
    [broken],
    { ...silentLog, warn: (message: string) => void warned.push(message) },
    0,
  );
  checkpoints.look();
  checkpoints.look();

  expect(warned).toEqual(["Cannot copy the log of a database into its file"]);
  checkpoints.close();
  database.close();
});
