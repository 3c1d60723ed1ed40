// POST /admin/api/backup over a whole gateway: what is downloaded is restored, and a client that hangs up leaves nothing.

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { unpackTar } from "modern-tar";
import { restoreBackup } from "../../src/backup/restore-backup.ts";
import { createStoredKeys } from "../../src/server/auth/stored-keys.ts";
import { databasePath, openSqliteStore } from "../../src/store/sqlite/open-store.ts";
import { silentLog } from "../../src/telemetry/log.ts";
import { apiKey, ask, changesOf, findOpenDoors, findOpenLoopback, guarded, send } from "../support/admin-client.ts";
import { startHarness } from "../support/harness.ts";
import { bearer } from "../support/keys-beside.ts";
import { eventually } from "../support/binary.ts";
import { user } from "./client.ts";

// Far beyond what the tests need, for machines that are busy with something else.
setDefaultTimeout(60_000);

const copiesIn = (dataDir: string) => readdirSync(dataDir).filter((name) => name.startsWith(".sent-backup"));

describe("backup", () => {
  test("what is downloaded is restored with what was kept, and holds no key", async () => {
    await using harness = await startHarness({ environment: { ...guarded, HISTORY: "content" } });
    await ask(harness, "POST", "keys", { body: { name: "ann" } });
    await ask(harness, "POST", "accounts", { body: { credentials: "token=a-token-of-ann-0009" } });
    await (await harness.chat({ messages: [user("Hello")] }, { headers: bearer(apiKey) })).text();
    await harness.post("/api/chat/stream", { message: "Hello" }, { headers: bearer(apiKey) }).then((one) => one.text());

    // The history is written behind the answers.
    await eventually(
      async () => readdirSync(harness.dataDir).includes("history.db") || undefined,
      () => "the history has a file",
    );

    const answer = await send(harness, "POST", "backup", { body: {} });

    expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "application/x-tar"]);
    expect(answer.headers.get("content-disposition")).toMatch(/^attachment; filename="qwen-gateway-[\dTZ-]+\.tar"$/);
    const bytes = new Uint8Array(await answer.arrayBuffer());
    const names = (await unpackTar(bytes)).map(({ header }) => header.name);
    expect(names).toEqual(["manifest.json", "qwen-gateway.sqlite", "chat.db", "history.db"]);
    expect(Buffer.from(bytes).includes("a-token-of-ann")).toBe(false);
    expect(copiesIn(harness.dataDir)).toEqual([]);
    const folder = mkdtempSync(join(tmpdir(), "qwen-gateway-admin-backup-"));
    const [path, dataDir] = [join(folder, "gateway.tar"), join(folder, "data")];
    writeFileSync(path, bytes);
    await restoreBackup({ dataDir, path, clock: Date.now });
    const options = { path: databasePath(dataDir), clock: Date.now, sessionTimeoutMs: 1e9, log: silentLog };
    const store = openSqliteStore(options);
    expect((await createStoredKeys(store, Date.now).list()).map(({ name }) => name)).toEqual(["ann"]);
    await store.close();
    rmSync(folder, { recursive: true });
    expect(changesOf(harness).at(-1)).toMatchObject({ files: "qwen-gateway.sqlite, chat.db, history.db" });
  });

  test("a client that hangs up leaves no file, also before its answer has begun", async () => {
    await using harness = await startHarness({ environment: guarded });
    const gone = new AbortController();
    const asked = send(harness, "POST", "backup", { body: {}, signal: gone.signal });
    await eventually(
      async () => copiesIn(harness.dataDir).length > 0 || undefined,
      () => "copies",
    );
    gone.abort();
    await expect(asked).rejects.toThrow();

    await eventually(
      async () => copiesIn(harness.dataDir).length === 0 || undefined,
      () => "no copies",
    );
    // The room is free a moment after the folder is gone.
    await eventually(
      async () => {
        const next = await send(harness, "POST", "backup", { body: {} });
        await next.arrayBuffer();
        return next.status === 200 || undefined;
      },
      () => "a backup is made again",
    );
    expect(copiesIn(harness.dataDir)).toEqual([]);
  });

  test("of several at once one is made, the others are told when to come back", async () => {
    await using harness = await startHarness({ environment: guarded });

    const answers = await Promise.all([1, 2, 3].map(() => send(harness, "POST", "backup", { body: {} })));

    const statuses = answers.map(({ status }) => status).toSorted();
    expect(statuses).toEqual([200, 503, 503]);
    const refused = answers.find(({ status }) => status === 503)!;
    expect(refused.headers.get("retry-after")).toBe("5");
    expect(await refused.text()).toContain("there is one at a time");
    for (const answer of answers) if (!answer.bodyUsed) await answer.body?.cancel();
  });

  test("what cannot be copied is an error without a path, and nothing is left", async () => {
    await using harness = await startHarness({ environment: guarded });
    writeFileSync(join(harness.dataDir, "chat.db"), "this is no database, however long it may be".repeat(100));

    const { status, body } = await ask(harness, "POST", "backup", { body: {} });

    expect([status, body.error.message]).toEqual([500, "Cannot back up: the gateway's log says why"]);
    expect(harness.logLines.some((line) => line.includes("chat.db"))).toBe(true);
    expect(copiesIn(harness.dataDir)).toEqual([]);
  });

  test("nobody else gets one, and no page of another site", async () => {
    await using harness = await startHarness({ environment: guarded });
    expect(await findOpenDoors(harness, [["POST", "backup"]])).toEqual([]);
    await using open = await startHarness();
    expect(await findOpenLoopback(open, [["POST", "backup"]])).toEqual([]);
  });
});
