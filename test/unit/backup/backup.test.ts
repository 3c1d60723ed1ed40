// Backups: what is in one, what is refused, and that a refusal leaves everything as it was.

import { Database } from "bun:sqlite";
import { afterEach, describe, expect, test } from "bun:test";
import {
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packTar, unpackTar } from "modern-tar";
import { format } from "../../../src/backup/contents.ts";
import { migrateDirectory, readSchemas } from "../../../src/backup/migrate-directory.ts";
import { restoreBackup } from "../../../src/backup/restore-backup.ts";
import { writeBackup } from "../../../src/backup/write-backup.ts";
import { openKeyRing } from "../../../src/server/auth/key-ring.ts";
import { createStoredKeys } from "../../../src/server/auth/stored-keys.ts";
import { chatMigrations, openChatDatabase } from "../../../src/store/chat-database.ts";
import { migrations } from "../../../src/store/migrate.ts";
import { openSqliteFiles } from "../../../src/store/sqlite/files.ts";
import { openSqliteHistory } from "../../../src/store/sqlite/history.ts";
import { openDatabase } from "../../../src/store/open-database.ts";
import { databasePath, openSqliteStore } from "../../../src/store/sqlite/open-store.ts";
import { silentLog } from "../../../src/telemetry/log.ts";
import { canMountDisk, mountSmallDisk } from "../../support/small-disk.ts";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "qwen-gateway-backup-"));
  folders.push(folder);
  return folder;
}

const version = "1.2.3";
const clock = () => Date.UTC(2026, 10, 27, 12);
const key = "ab".repeat(32);

/** A directory as a gateway leaves it, with a word in each of its databases. */
function makeDirectory(word: string): string {
  const dataDir = join(makeFolder(), "data");
  const turns = openDatabase(join(dataDir, "qwen-gateway.sqlite"), silentLog);
  const chat = openChatDatabase(join(dataDir, "chat.db"), silentLog);
  for (const database of [turns, chat]) {
    database.run("CREATE TABLE words (word TEXT)");
    database.run("INSERT INTO words VALUES (?)", [word]);
    database.close();
  }
  writeFileSync(join(dataDir, "master-key"), `${key}\n`, { mode: 0o600 });
  return dataDir;
}

function wordIn(path: string): string {
  using database = new Database(path, { readwrite: true, create: false });
  return database.query<{ word: string }, []>("SELECT word FROM words").get()?.word ?? "";
}

async function makeBackup(word: string): Promise<string> {
  const path = join(makeFolder(), "gateway.tar");
  await writeBackup({ dataDir: makeDirectory(word), path, version, clock });
  return path;
}

/** The same archive with some entries changed, and told so where `isTold`. */
async function forge(
  path: string,
  change: (name: string, data: Uint8Array) => Uint8Array | undefined,
): Promise<string> {
  const entries = await unpackTar(readFileSync(path));
  const changed = entries.flatMap(({ header, data = new Uint8Array() }) => {
    const next = change(header.name, data);
    return next === undefined ? [] : [{ header: { ...header, size: next.length }, body: next }];
  });
  const forged = join(makeFolder(), "forged.tar");
  writeFileSync(forged, await packTar(changed));
  return forged;
}

const changeManifest = (path: string, change: (manifest: Record<string, unknown>) => unknown) =>
  forge(path, (name, data) =>
    name === "manifest.json" ? Buffer.from(JSON.stringify(change(JSON.parse(Buffer.from(data).toString())))) : data,
  );

describe("writeBackup", () => {
  test("writeBackup holds databases and keys, for this user alone", async () => {
    const path = await makeBackup("one");
    const entries = await unpackTar(readFileSync(path));
    const manifest = JSON.parse(Buffer.from(entries[0]!.data!).toString());

    expect(entries.map(({ header }) => [header.name, header.mode])).toEqual(
      ["manifest.json", "qwen-gateway.sqlite", "chat.db", "master-key"].map((name) => [name, 0o600]),
    );
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(manifest).toMatchObject({ format: 1, version, createdAt: "2026-11-27T12:00:00.000Z" });
    expect(manifest.files[0]).toMatchObject({ name: "qwen-gateway.sqlite", schema: migrations.length });
  });

  test.skipIf(!canMountDisk)(
    "writeBackup names its file on a full disk (skipped without the right to mount)",
    async () => {
      using disk = mountSmallDisk(join(makeFolder(), "small"));
      if (disk === undefined) throw new Error("Cannot mount a disk");
      const path = join(disk.folder, "gateway.tar");
      const dataDir = makeDirectory("one");
      disk.fill();

      const refused = writeBackup({ dataDir, path, version, clock });

      await expect(refused).rejects.toThrow(`Cannot write "${path}": the disk is full; free some space`);
      expect(readdirSync(disk.folder)).toEqual(["filler"]);
    },
  );

  test("writeBackup that is stopped in the middle leaves nothing of its copies", async () => {
    const folder = makeFolder();
    const stopping = new AbortController();
    const stopped = new Error("stopped");
    // Asked for when the databases are copied, and nothing is packed yet.
    const stop = () => {
      stopping.abort(stopped);
      return clock();
    };
    const options = { dataDir: makeDirectory("one"), path: join(folder, "gateway.tar"), version, clock: stop };

    await expect(writeBackup({ ...options, signal: stopping.signal })).rejects.toBe(stopped);
    expect(readdirSync(folder)).toEqual([]);
  });

  test("writeBackup names its folder where that may not be written", async () => {
    const path = "/proc/gateway.tar";

    await expect(writeBackup({ dataDir: makeDirectory("one"), path, version, clock })).rejects.toThrow(
      /^Cannot write "\/proc\/gateway.tar": nothing can be made in "\/proc" \(\w+\)$/,
    );
  });

  test("writeBackup copies what is committed while somebody else writes", async () => {
    const dataDir = makeDirectory("one");
    const writer = openDatabase(join(dataDir, "qwen-gateway.sqlite"), silentLog);
    writer.run("BEGIN IMMEDIATE");
    writer.run("UPDATE words SET word = 'two'");
    const path = join(makeFolder(), "gateway.tar");
    await writeBackup({ dataDir, path, version, clock });
    writer.run("COMMIT");
    writer.close();
    const { manifest } = await restoreBackup({ dataDir: join(makeFolder(), "other"), path, clock });

    expect(manifest.files.map(({ name }) => name)).toContain("chat.db");
    expect(wordIn(join(dataDir, "qwen-gateway.sqlite"))).toBe("two");
  });

  test("writeBackup copies uploaded files and the history, where there are any", async () => {
    const dataDir = makeDirectory("one");
    openSqliteFiles(join(dataDir, "files.db"), clock, silentLog).close();
    openSqliteHistory(join(dataDir, "history.db"), { maxBytes: 8 * 1024 * 1024 }, silentLog).close();
    const path = join(makeFolder(), "gateway.tar");
    await writeBackup({ dataDir, path, version, clock });
    const restored = join(makeFolder(), "other");
    await restoreBackup({ dataDir: restored, path, clock });

    expect(
      readdirSync(restored)
        .filter((name) => !name.startsWith("before-"))
        .sort(),
    ).toEqual(["chat.db", "files.db", "history.db", "master-key", "qwen-gateway.sqlite"]);
    openSqliteFiles(join(restored, "files.db"), clock, silentLog).close();
    openSqliteHistory(join(restored, "history.db"), { maxBytes: 8 * 1024 * 1024 }, silentLog).close();
  });

  test("a directory beside a shared store, which holds the turns, is backed up and restored without any", async () => {
    const dataDir = makeDirectory("apart");
    rmSync(join(dataDir, "qwen-gateway.sqlite"));
    const path = join(makeFolder(), "gateway.tar");
    const manifest = await writeBackup({ dataDir, path, version, clock });
    const target = makeDirectory("present");
    const { kept = "" } = await restoreBackup({ dataDir: target, path, clock });

    expect(manifest.files.map(({ name }) => name)).toEqual(["chat.db", "master-key"]);
    expect(wordIn(join(target, "chat.db"))).toBe("apart");
    expect(existsSync(join(target, "qwen-gateway.sqlite"))).toBe(false);
    expect(wordIn(join(kept, "qwen-gateway.sqlite"))).toBe("present");
  });

  test("writeBackup takes no other file's place, and leaves nothing of a failure", async () => {
    const folder = makeFolder();
    const path = join(folder, "gateway.tar");
    writeFileSync(path, "mine");
    await expect(writeBackup({ dataDir: makeDirectory("one"), path, version, clock })).rejects.toThrow("there already");
    expect(readFileSync(path, "utf8")).toBe("mine");
    const damaged = makeDirectory("one");
    writeFileSync(join(damaged, "chat.db"), "no database ".repeat(1000));
    const other = join(folder, "other.tar");
    await expect(writeBackup({ dataDir: damaged, path: other, version, clock })).rejects.toThrow(
      "is damaged or no database",
    );
    await expect(writeBackup({ dataDir: makeFolder(), path: other, version, clock })).rejects.toThrow(
      "no database of a gateway",
    );
    const nowhere = join(folder, "none/gateway.tar");
    await expect(writeBackup({ dataDir: damaged, path: nowhere, version, clock })).rejects.toThrow(
      `Cannot write "${nowhere}": there is no folder "${join(folder, "none")}"`,
    );

    expect(readdirSync(folder)).toEqual(["gateway.tar"]);
  });
});

describe("restoreBackup", () => {
  test.each([
    ["a file that is not there", "/no-such-folder/gateway.tar", "there is no such file"],
    ["a folder", tmpdir(), "it is no file"],
    ["a device", "/dev/null", "it is no file"],
  ])("restoreBackup says so of %s", async (_, path, reason) => {
    const dataDir = join(makeFolder(), "data");

    await expect(restoreBackup({ dataDir, path, clock })).rejects.toThrow(`Cannot read "${path}": ${reason}`);
  });

  test("restoreBackup fills an empty place, and takes the place of what is there, which is kept", async () => {
    const path = await makeBackup("backed up");
    const empty = join(makeFolder(), "new");
    const filled = await restoreBackup({ dataDir: empty, path, clock });
    expect([filled.kept, readdirSync(empty).sort()]).toEqual([
      undefined,
      ["chat.db", "master-key", "qwen-gateway.sqlite"],
    ]);
    expect(wordIn(join(empty, "chat.db"))).toBe("backed up");
    expect(statSync(join(empty, "master-key")).mode & 0o777).toBe(0o600);

    const full = makeDirectory("newer");
    writeFileSync(join(full, "agent-token"), "not in the backup");
    mkdirSync(join(full, "replay"));
    const { kept = "" } = await restoreBackup({ dataDir: full, path, clock });
    expect(readdirSync(full).sort()).toEqual(
      ["before-restore-2026-11-27T12-00-00-000Z", "chat.db", "master-key", "qwen-gateway.sqlite"].sort(),
    );
    expect(wordIn(join(full, "qwen-gateway.sqlite"))).toBe("backed up");
    expect(wordIn(join(kept, "qwen-gateway.sqlite"))).toBe("newer");
    expect(readFileSync(join(kept, "agent-token"), "utf8")).toBe("not in the backup");
    expect(statSync(kept).mode & 0o777).toBe(0o700);
  });

  test("restoreBackup that is stopped in the middle changes nothing and leaves no copies", async () => {
    const path = await makeBackup("backed up");
    const dataDir = makeDirectory("present");
    const before = readdirSync(dataDir).sort();
    const stopped = new Error("stopped");

    await expect(restoreBackup({ dataDir, path, clock, signal: AbortSignal.abort(stopped) })).rejects.toBe(stopped);
    expect(readdirSync(dataDir).sort()).toEqual(before);
    expect(wordIn(join(dataDir, "chat.db"))).toBe("present");
  });

  test("a backup holds stored keys and what callers have used", async () => {
    const dataDir = join(makeFolder(), "data");
    const open = (folder: string) =>
      openSqliteStore({ path: databasePath(folder), clock, sessionTimeoutMs: 1000, log: silentLog });
    const amount = { subject: "key:ann", kind: "tokens/day" };
    const store = open(dataDir);
    const { key: created } = await createStoredKeys(store, clock).create({ name: "ann" });
    await store.addAmounts([{ ...amount, startMs: 0, amount: 7, lastMs: 5 }]);
    const path = join(makeFolder(), "a.tar");
    await writeBackup({ dataDir, path, version, clock });
    await store.close();
    const place = join(makeFolder(), "data");
    await restoreBackup({ dataDir: place, path, clock });

    const restored = open(place);
    const ring = await openKeyRing({ store: restored, clock, log: silentLog });
    expect(await ring.find(created)).toBeDefined();
    expect(await restored.readAmounts([{ ...amount, sinceMs: 0 }])).toEqual([[{ startMs: 0, amount: 7, lastMs: 5 }]]);
    ring.close();
    await restored.close();
  });

  test("restoreBackup refuses while somebody has a database open, in whichever process", async () => {
    const path = await makeBackup("backed up");
    const dataDir = makeDirectory("present");
    for (const name of ["qwen-gateway.sqlite", "chat.db"]) {
      const open = name === "chat.db" ? openChatDatabase : openDatabase;
      const database = open(join(dataDir, name), silentLog);
      await expect(restoreBackup({ dataDir, path, clock })).rejects.toThrow("open in another process");
      expect(wordIn(join(dataDir, name))).toBe("present");
      database.close();
    }
    await restoreBackup({ dataDir, path, clock });
    expect(wordIn(join(dataDir, "chat.db"))).toBe("backed up");
  });

  test.skipIf(process.geteuid?.() !== 0)(
    "restoreBackup refuses to take files from the gateway's own user",
    async () => {
      const path = await makeBackup("backed up");
      const dataDir = makeDirectory("present");
      const database = join(dataDir, "qwen-gateway.sqlite");
      const nobody = 65_534;
      chownSync(database, nobody, nobody);
      const before = readdirSync(dataDir).sort();
      await expect(restoreBackup({ dataDir, path, clock })).rejects.toThrow(
        `Cannot restore into "${dataDir}" as root: the gateway there is another user's (uid ${nobody})`,
      );
      expect(readdirSync(dataDir).sort()).toEqual(before);
      expect([wordIn(database), statSync(database).uid]).toEqual(["present", nobody]);
      const empty = makeFolder();
      chownSync(empty, nobody, nobody);
      await expect(restoreBackup({ dataDir: empty, path, clock })).rejects.toThrow(
        `as root: the folder is another user's (uid ${nobody})`,
      );
      // A folder of somebody else in which root has always served.
      chownSync(database, 0, 0);
      chownSync(dataDir, nobody, nobody);

      await restoreBackup({ dataDir, path, clock });
      expect(wordIn(database)).toBe("backed up");
    },
  );

  test("a database that is being exchanged cannot be opened meanwhile", async () => {
    const dataDir = makeDirectory("present");
    const path = join(dataDir, "qwen-gateway.sqlite");
    const { lockDatabase } = await import("../../../src/store/lock-database.ts");
    const lock = lockDatabase(path);
    const other = new Database(path, { readwrite: true, create: false });

    expect(() => other.query("SELECT word FROM words").get()).toThrow("locked");
    other.close();
    lock?.[Symbol.dispose]();
    expect(wordIn(path)).toBe("present");
  });

  const forgeries: Readonly<Record<string, { forge(path: string): Promise<string>; says: string }>> = {
    "a changed key": {
      forge: (path) =>
        forge(path, (name, data) => (name === "master-key" ? Buffer.from(`${"cd".repeat(32)}\n`) : data)),
      says: '"master-key" is not what was written',
    },
    "a missing file": {
      forge: (path) => forge(path, (name, data) => (name === "chat.db" ? undefined : data)),
      says: '"chat.db" is missing',
    },
    "another file": {
      forge: (path) =>
        changeManifest(path, (manifest) => ({
          ...manifest,
          files: [...(manifest["files"] as object[]), { name: "../../x", size: 1, sha256: "0".repeat(64) }],
        })),
      says: "makes no sense",
    },
    "a newer form": {
      forge: (path) => changeManifest(path, (manifest) => ({ ...manifest, format: format + 1 })),
      says: "newer version",
    },
    "a newer schema": {
      forge: (path) =>
        changeManifest(path, (manifest) => ({
          ...manifest,
          files: (manifest["files"] as { name: string; schema?: number }[]).map((file) =>
            file.name === "chat.db" ? { ...file, schema: chatMigrations.length + 1 } : file,
          ),
        })),
      says: `schema ${chatMigrations.length + 1}, known here is ${chatMigrations.length}`,
    },
    "half of it": {
      async forge(path) {
        const cut = join(makeFolder(), "cut.tar");
        writeFileSync(cut, readFileSync(path).subarray(0, 20_000));
        return cut;
      },
      says: "cut short",
    },
    "no archive": {
      async forge() {
        const other = join(makeFolder(), "other.tar");
        writeFileSync(other, "x".repeat(5000));
        return other;
      },
      says: "not an archive",
    },
    nothing: {
      async forge() {
        const other = join(makeFolder(), "empty.tar");
        writeFileSync(other, "");
        return other;
      },
      says: "empty",
    },
  };
  test.each(Object.keys(forgeries))("restoreBackup refuses %s and changes nothing", async (name) => {
    const { forge: make, says } = forgeries[name]!;
    const path = await make(await makeBackup("backed up"));
    const dataDir = makeDirectory("present");
    const before = readdirSync(dataDir).sort();
    await expect(restoreBackup({ dataDir, path, clock })).rejects.toThrow(says);

    expect(readdirSync(dataDir).sort()).toEqual(before);
    expect(wordIn(join(dataDir, "qwen-gateway.sqlite"))).toBe("present");
  });
});

describe("a directory that this user may not look into", () => {
  // Nothing is forbidden to root: a name that cannot be looked up stands for it.
  const dataDir = `/${"x".repeat(300)}`;

  test("is not taken for an empty one", async () => {
    const says = `Cannot look for "${dataDir}/qwen-gateway.sqlite": `;
    expect(() => readSchemas(dataDir)).toThrow(says);
    expect(() => migrateDirectory(dataDir, silentLog)).toThrow(says);
    const path = join(makeFolder(), "backup.tar");
    await expect(writeBackup({ dataDir, path, version, clock })).rejects.toThrow(says);
    expect(existsSync(path)).toBe(false);
  });
});

describe("migrateDirectory", () => {
  test("migrateDirectory brings older databases to this version, and says which", () => {
    const dataDir = join(makeFolder(), "data");
    openDatabase(join(dataDir, "qwen-gateway.sqlite"), silentLog, migrations.slice(0, 2)).close();
    expect(readSchemas(dataDir)).toEqual([{ name: "qwen-gateway.sqlite", found: 2, known: migrations.length }]);
    expect(migrateDirectory(dataDir, silentLog)).toMatchObject([{ found: 2 }]);
    expect(readSchemas(dataDir)).toMatchObject([{ found: migrations.length }]);
    expect(existsSync(join(dataDir, "chat.db"))).toBe(false);
  });

  test("migrateDirectory refuses a newer one before it changes any, and one that is open", () => {
    const dataDir = join(makeFolder(), "data");
    const older = join(dataDir, "qwen-gateway.sqlite");
    openDatabase(older, silentLog, migrations.slice(0, 2)).close();
    openDatabase(join(dataDir, "chat.db"), silentLog, [...chatMigrations, "CREATE TABLE newer (x)"]).close();
    expect(() => migrateDirectory(dataDir, silentLog)).toThrow("written by a newer version");
    rmSync(join(dataDir, "chat.db"));
    const reader = openDatabase(older, silentLog, migrations.slice(0, 2));
    expect(() => migrateDirectory(dataDir, silentLog)).toThrow("open in another process");
    reader.close();

    expect(readSchemas(dataDir)).toMatchObject([{ found: 2 }]);
  });
});
