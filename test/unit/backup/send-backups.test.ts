// Backups that are sent: whole, without keys, one at a time, no faster than they are read, and nothing left on the disk however
// one ends.

import { Database } from "bun:sqlite";
import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { unpackTar } from "modern-tar";
import { copyDatabase } from "../../../src/backup/copy-database.ts";
import { restoreBackup } from "../../../src/backup/restore-backup.ts";
import {
  createSentBackups,
  type SentBackup,
  type SentBackups,
  type SentBackupsOptions,
} from "../../../src/backup/send-backups.ts";
import { GatewayError } from "../../../src/contract/gateway-error.ts";
import { openDatabase } from "../../../src/store/open-database.ts";
import { silentLog } from "../../../src/telemetry/log.ts";
import { until } from "../../support/until.ts";

// Far beyond what the tests need, for machines that are busy with something else.
setDefaultTimeout(60_000);

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "qwen-gateway-sent-backup-"));
  folders.push(folder);
  return folder;
}

const key = "ab".repeat(32);

/** @param bytes of its database at least, which do not pack */
function makeDirectory(bytes = 1000): string {
  const dataDir = join(makeFolder(), "data");
  using database = openDatabase(join(dataDir, "qwen-gateway.sqlite"), silentLog);
  database.run("CREATE TABLE words (word TEXT)");
  database.run("CREATE TABLE filling (bytes BLOB)");
  database.run("INSERT INTO words VALUES ('kept')");
  for (let filled = 0; filled < bytes; filled += 1_000_000) {
    database.run("INSERT INTO filling VALUES (randomblob(?))", [Math.min(bytes, 1_000_000)]);
  }
  writeFileSync(join(dataDir, "master-key"), `${key}\n`, { mode: 0o600 });
  return dataDir;
}

function start(dataDir: string, options: Partial<SentBackupsOptions> = {}) {
  return createSentBackups({ dataDir, version: "1.2.3", clock: Date.now, log: silentLog, ...options });
}

const copiesIn = (dataDir: string) => readdirSync(dataDir).filter((name) => name.startsWith("."));
const never = new AbortController().signal;
const readAll = async ({ bytes }: SentBackup) => new Uint8Array(await new Response(bytes).arrayBuffer());

/** The one before has gone in a moment, and not sooner than its folder. */
async function openNext(backups: SentBackups): Promise<SentBackup> {
  const deadlineMs = performance.now() + 10_000;
  for (;;) {
    try {
      return await backups.open(never);
    } catch (error) {
      if (!(error instanceof GatewayError) || performance.now() > deadlineMs) throw error;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

describe("a backup that is sent", () => {
  test("is restored as it was, and holds no key", async () => {
    const dataDir = makeDirectory();
    const sent = await start(dataDir).open(never);
    const bytes = await readAll(sent);

    expect((await unpackTar(bytes)).map(({ header }) => header.name)).toEqual(["manifest.json", "qwen-gateway.sqlite"]);
    expect(sent.manifest).toMatchObject({ secrets: "left-out", version: "1.2.3" });
    expect(Buffer.from(bytes).includes(key)).toBe(false);
    expect(copiesIn(dataDir)).toEqual([]);
    const path = join(makeFolder(), "gateway.tar");
    writeFileSync(path, bytes);
    const other = join(makeFolder(), "other");
    await restoreBackup({ dataDir: other, path, clock: Date.now });
    using database = new Database(join(other, "qwen-gateway.sqlite"), { readwrite: true, create: false });
    expect(database.query("SELECT word FROM words").get()).toEqual({ word: "kept" });
  });

  test("leaves the keys of the directory in place where it is restored", async () => {
    const dataDir = makeDirectory();
    const path = join(makeFolder(), "gateway.tar");
    writeFileSync(path, await readAll(await start(dataDir).open(never)));

    const { kept = "" } = await restoreBackup({ dataDir, path, clock: Date.now });

    expect(readFileSync(join(dataDir, "master-key"), "utf8")).toBe(`${key}\n`);
    expect(existsSync(join(kept, "qwen-gateway.sqlite"))).toBe(true);
    expect(existsSync(join(kept, "master-key"))).toBe(false);
  });

  test("is one at a time: the next is refused until its reader has it, or has gone", async () => {
    const backups = start(makeDirectory());
    const first = await backups.open(never);
    const refused = { kind: "overloaded", retryAfterMs: 5000 };

    await expect(backups.open(never)).rejects.toMatchObject(refused);
    await readAll(first);
    const second = await backups.open(never);
    await expect(backups.open(never)).rejects.toMatchObject(refused);
    await second.bytes.cancel();

    await readAll(await backups.open(never));
  });

  test("is read no further ahead than a bound", async () => {
    const dataDir = makeDirectory(40_000_000);
    const { bytes } = await start(dataDir).open(never);
    const reader = bytes.getReader();
    await reader.read();
    Bun.gc(true);
    const before = process.memoryUsage.rss();
    // Whatever would come by itself has come then.
    for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve));
    Bun.gc(true);

    expect(process.memoryUsage.rss() - before).toBeLessThan(20_000_000);
    await reader.cancel();
  });

  test("leaves nothing behind when its reader goes while the copies are made", async () => {
    const dataDir = makeDirectory(5_000_000);
    const backups = start(dataDir);
    const gone = new AbortController();
    const opening = backups.open(gone.signal);
    await until(() => copiesIn(dataDir).length > 0);
    gone.abort(new Error("gone"));

    await expect(opening).rejects.toThrow("gone");
    await until(() => copiesIn(dataDir).length === 0);
    await readAll(await openNext(backups));
  });

  test("leaves nothing behind when its reader goes in the middle, by its signal or by its stream", async () => {
    const dataDir = makeDirectory(30_000_000);
    const backups = start(dataDir);
    const gone = new AbortController();
    const first = (await backups.open(gone.signal)).bytes.getReader();
    await first.read();
    expect(copiesIn(dataDir)).toHaveLength(1);
    gone.abort(new Error("gone"));
    await expect(
      (async () => {
        while (!(await first.read()).done);
      })(),
    ).rejects.toThrow("gone");
    await until(() => copiesIn(dataDir).length === 0);

    const second = (await openNext(backups)).bytes.getReader();
    await second.read();
    await second.cancel();
    expect(copiesIn(dataDir)).toEqual([]);
  });

  test("is given up when nobody reads it, and the next one comes through", async () => {
    const dataDir = makeDirectory(30_000_000);
    const backups = start(dataDir, { stallMs: 20 });
    const { bytes } = await backups.open(never);
    await until(() => copiesIn(dataDir).length === 0);

    await expect(new Response(bytes).arrayBuffer()).rejects.toThrow("nobody reads it");
    await (await openNext(backups)).bytes.cancel();
  });

  test("ends when the gateway stops, and what a killed one has left goes with the next", async () => {
    const dataDir = makeDirectory(30_000_000);
    const [old, young] = ["old", "young"].map((name) => join(dataDir, `.sent-backup-${name}`));
    for (const path of [old!, young!]) mkdirSync(path);
    utimesSync(old!, new Date(0), new Date(0));
    const backups = start(dataDir);
    const { bytes } = await backups.open(never);
    expect([existsSync(old!), existsSync(young!)]).toEqual([false, true]);
    await backups.close();

    expect(copiesIn(dataDir)).toEqual([".sent-backup-young"]);
    await expect(new Response(bytes).arrayBuffer()).rejects.toThrow("stopping");
  });

  test("is refused where there is nothing to be copied, or it is damaged, and leaves nothing", async () => {
    await expect(start(undefined as never).open(never)).rejects.toMatchObject({ kind: "invalid-request" });
    const empty = makeFolder();
    await expect(start(empty).open(never)).rejects.toThrow("there is no database");
    const dataDir = makeDirectory(5_000_000);
    const path = join(dataDir, "qwen-gateway.sqlite");
    // Behind the first page, which alone is looked at before.
    writeFileSync(path, Buffer.alloc(4_000_000, 1), { flag: "r+" });

    await expect(start(dataDir).open(never)).rejects.toThrow();
    expect([copiesIn(empty), copiesIn(dataDir)]).toEqual([[], []]);
  });
});

describe("copyDatabase", () => {
  test("others have their turn meanwhile", async () => {
    const dataDir = makeDirectory(20_000_000);
    let turns = 0;
    let isDone = false;
    const copied = copyDatabase(join(dataDir, "qwen-gateway.sqlite"), join(dataDir, "copy")).then(
      () => (isDone = true),
    );
    while (!isDone) {
      turns++;
      await new Promise((resolve) => setImmediate(resolve));
    }
    await copied;

    // Here and not on its thread the whole copy would be one turn.
    expect(turns).toBeGreaterThan(5);
  });

  test("fails with SQLite's code, and does not write over a file", async () => {
    const dataDir = makeDirectory();
    const [from, to] = [join(dataDir, "qwen-gateway.sqlite"), join(dataDir, "there")];
    writeFileSync(to, "somebody's");

    await expect(copyDatabase(join(dataDir, "missing"), join(dataDir, "x"))).rejects.toMatchObject({
      name: "CopyError",
      code: "SQLITE_CANTOPEN",
    });
    await expect(copyDatabase(from, to)).rejects.toMatchObject({ name: "CopyError" });
    expect(readFileSync(to, "utf8")).toBe("somebody's");
  });
});
