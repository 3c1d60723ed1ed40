// The data directory by the compiled executable: backed up under a gateway that runs, restored, migrated, its key changed, its
// modes.

import { Database } from "bun:sqlite";
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseTyped, postMessage, readMessages, say } from "../http/typed-client.ts";
import { type BinaryResult, createPlace, eventually, runBinary, startBinary } from "../support/binary.ts";
import { accessToken, cookiesOf, longToken } from "../support/tokens.ts";
import { createTalker, startStage, type Stage } from "./stage.ts";

// Far beyond what the tests need, for machines that are busy with something else.
setDefaultTimeout(40_000);

const quiet = { follow_ups: false, quality: false };
const dataDirOf = (stage: Stage) => join(stage.place.home, ".local", "share", "qwen-gateway");

function run(stage: Stage, words: readonly string[], environment: Record<string, string> = {}): Promise<BinaryResult> {
  const urls = { QWEN_BASE_URL: stage.emulator.url, QWEN_AUTH_URL: stage.emulator.url };
  return runBinary(words, { ...urls, ...environment }, stage.place);
}

async function addAccount(stage: Stage, user: string, environment: Record<string, string> = {}): Promise<void> {
  const path = join(stage.place.folder, `${user}.txt`);
  writeFileSync(path, `curl '${stage.emulator.url}/api/v2/chats/' -b '${cookiesOf(user, longToken(user))}'\n`);
  const added = await run(stage, ["accounts", "add", "--alias", user, "--file", path], environment);
  expect(added).toMatchObject({ exitCode: 0, errors: "" });
}

const servedByAnn = (stage: Stage) =>
  eventually(
    async () => {
      await createTalker(stage, { stream: true }).say("Hello");
      return (await stage.emulator.turns()).at(-1)?.record.account === "ann" ? true : undefined;
    },
    () => "a turn of ann",
  );

describe("backup and restore", () => {
  test("a backup under load is restored into an empty place: accounts, conversations and messages are there", async () => {
    await using stage = await startStage({ environment: { QWEN_TOKEN: "" } });
    await addAccount(stage, "ann");
    await servedByAnn(stage);
    const talker = createTalker(stage, { stream: true });
    await talker.say("My dog is called Rex.");
    const chatId = (await stage.emulator.turns()).at(-1)?.chatId;
    await say(stage, { message: "Say typed", session_id: "s1", options: quiet });
    let isOver = false;
    const others = Array.from({ length: 2 }, async () => {
      while (!isOver) expect(await createTalker(stage, { stream: true }).say("Say on")).toBe("on");
    });
    const file = join(stage.place.folder, "gateway.tar");
    const written = await run(stage, ["backup", file]);
    const again = await run(stage, ["backup", file]);
    const refused = await run(stage, ["restore", file]);
    isOver = true;
    await Promise.all(others);

    expect(written).toMatchObject({ exitCode: 0, errors: "" });
    expect(written.output).toContain("qwen-gateway.sqlite, chat.db, master-key");
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(stage.place.folder).filter((name) => name.startsWith("."))).toEqual([]);
    expect(again).toMatchObject({ exitCode: 1, errors: expect.stringContaining("is there already") });
    expect(refused).toMatchObject({ exitCode: 1, errors: expect.stringContaining("open in another process") });
    stage.gateway.kill("SIGKILL");
    await stage.gateway.exited;
    rmSync(dataDirOf(stage), { recursive: true });
    const restored = await run(stage, ["restore", file]);
    expect(restored).toMatchObject({ exitCode: 0, errors: "" });
    await stage.crashAndRestart();

    expect(await talker.say("What is my dog called?")).toContain("Rex");
    expect((await stage.emulator.turns()).at(-1)).toMatchObject({ chatId, record: { account: "ann" } });
    expect((await readMessages(stage, "s1")).map(({ content }) => content)).toEqual(["Say typed", "typed"]);
  });

  test("what is there is kept beside a restore, and an answer that the backup cut is told as ended", async () => {
    await using stage = await startStage();
    await stage.emulator.script({ match: "half", gate: "half", reply: { chunks: ["begun", " ended"] } });
    await stage.emulator.release("half", 2);
    const body = { message: "half", session_id: "s1", resumable: true, options: quiet };
    const response = await postMessage(stage, body);
    const streamId = response.headers.get("x-stream-id");
    const file = join(stage.place.folder, "gateway.tar");
    expect(await run(stage, ["backup", file])).toMatchObject({ exitCode: 0 });
    await stage.emulator.release("half", "all");
    parseTyped(await response.text());
    await say(stage, { message: "Say later", session_id: "s1", options: quiet });
    stage.gateway.kill("SIGTERM");
    await stage.gateway.exited;
    const { output } = await run(stage, ["restore", file]);
    const kept = /in "([^"]+)"; delete/.exec(output)?.[1] ?? "";
    expect(readdirSync(kept).sort()).toEqual(["agent-token", "chat.db", "qwen-gateway.sqlite", "replay"]);
    await stage.crashAndRestart();

    const messages = await readMessages(stage, "s1");
    expect(messages.map(({ role, status }) => [role, status])).toEqual([
      ["user", "complete"],
      ["assistant", "failed"],
    ]);
    expect((await stage.get(`/api/chat/stream/${streamId}`)).status).toBeLessThan(500);
    expect((await say(stage, { message: "Say on", session_id: "s1", options: quiet })).text).toBe("on");
  });

  test("a restore that was killed between its steps is ended by the next start", async () => {
    await using stage = await startStage();
    await createTalker(stage, { stream: true }).say("Say one");
    stage.gateway.kill("SIGTERM");
    await stage.gateway.exited;
    const dataDir = dataDirOf(stage);
    // As the process leaves it that wrote down what it does, and did nothing of it.
    const staged = join(dataDir, ".restore-x");
    await Bun.write(join(staged, "agent-token"), "qg-agent-restored\n");
    writeFileSync(join(dataDir, "agent-token"), "qg-agent-old\n");
    const owner = { ownerHost: "another", ownerPid: 1, ownerStartedMs: 1 };
    const journal = { staged: ".restore-x", kept: "before", leaving: [], arriving: ["agent-token"], owner };
    writeFileSync(join(dataDir, "restore-pending.json"), JSON.stringify(journal));
    const elsewhere = await run(stage, ["serve"], { PORT: "0" });
    expect(elsewhere).toMatchObject({ exitCode: 1, errors: expect.stringContaining("a backup is being restored") });
    const here = { ...owner, ownerHost: (await import("node:os")).hostname(), ownerPid: 2 ** 22 - 1 };
    writeFileSync(join(dataDir, "restore-pending.json"), JSON.stringify({ ...journal, owner: here }));
    await stage.crashAndRestart();

    expect(readFileSync(join(dataDir, "agent-token"), "utf8")).toBe("qg-agent-restored\n");
    expect(readFileSync(join(dataDir, "before", "agent-token"), "utf8")).toBe("qg-agent-old\n");
    expect(readdirSync(dataDir).filter((name) => name.includes("restore"))).toEqual([]);
  });
});

describe("migrate", () => {
  test("looks, refuses a newer database as the start does, and changes nothing under a gateway", async () => {
    await using stage = await startStage();
    await say(stage, { message: "Say hello", options: quiet });
    const dataDir = dataDirOf(stage);
    const checked = await run(stage, ["migrate", "--check"]);
    expect(checked).toMatchObject({ exitCode: 0, errors: "" });
    expect(checked.output).toMatch(
      /^qwen-gateway\.sqlite: schema \d+, nothing to do\nchat\.db: schema \d+, nothing to do/,
    );
    stage.gateway.kill("SIGTERM");
    await stage.gateway.exited;
    const setVersion = (version: number): void => {
      using database = new Database(join(dataDir, "qwen-gateway.sqlite"));
      database.run(`PRAGMA user_version = ${version}`);
    };
    const known = Number(/schema (\d+)/.exec(checked.output)?.[1]);
    setVersion(known + 1);

    for (const words of [
      ["migrate"],
      ["migrate", "--check"],
      ["serve"],
      ["backup", join(stage.place.folder, "x.tar")],
    ]) {
      const { exitCode, errors } = await run(stage, words, { PORT: "0" });
      expect({ words, exitCode, errors }).toMatchObject({
        exitCode: 1,
        errors: expect.stringContaining(
          `written by a newer version of this program (schema ${known + 1}, known here is ${known})`,
        ),
      });
    }
    setVersion(known);
    expect(await run(stage, ["migrate"])).toMatchObject({ exitCode: 0, errors: "" });
  });
});

describe("a database that a newer version wrote", () => {
  test.each(["qwen-gateway.sqlite", "chat.db", "files.db", "history.db"])(
    "is refused at the start, although nobody has asked for it yet: %s",
    async (name) => {
      using place = createPlace();
      const path = join(place.folder, name);
      const setVersion = (version: number): void => {
        using database = new Database(path);
        // In the log alone, as after kill -9 of the newer version.
        database.run("PRAGMA journal_mode = WAL");
        database.run(`PRAGMA user_version = ${version}`);
      };
      setVersion(1000);
      const environment = { PORT: "0", DATA_DIR: place.folder };

      const { exitCode, errors } = await runBinary(["serve"], environment, place);

      expect({ exitCode, errors }).toMatchObject({
        exitCode: 1,
        errors: expect.stringContaining(
          "it was written by a newer version of this program (schema 1000, known here is ",
        ),
      });
      expect(errors).toContain(path);
      setVersion(0);
      await using gateway = await startBinary(["serve"], environment, place);
      expect((await fetch(`${gateway.url}/health`)).status).toBe(200);
    },
  );
});

describe("keys rotate-master", () => {
  const listed = async (stage: Stage, environment: Record<string, string> = {}) =>
    (await run(stage, ["accounts", "list"], environment)).output;
  const noneLocked = (stage: Stage) => stage.gateway.errors.filter((line) => line.includes("cannot be opened"));

  test("with the key file: a gateway that runs goes on, renews, and the new key opens everything after kill -9", async () => {
    const token = accessToken("bob", 60_000);
    await using stage = await startStage({ environment: { QWEN_TOKEN: "", QWEN_COOKIES: cookiesOf("bob", token) } });
    await addAccount(stage, "ann");
    // The gateway has sealed something itself: the token that it renewed.
    await createTalker(stage, { stream: true }).say("Hello");
    const before = readFileSync(join(dataDirOf(stage), "master-key"), "utf8").trim();
    for (let round = 1; round <= 2; round++) {
      const rotated = await run(stage, ["keys", "rotate-master"]);
      expect(rotated).toMatchObject({ exitCode: 0, errors: "" });
      expect(rotated.output).toContain("Sealed 2 accounts with a new key");
      await servedByAnn(stage);
    }
    const keys = readFileSync(join(dataDirOf(stage), "master-key"), "utf8")
      .trim()
      .split("\n");
    expect(keys).toHaveLength(2);
    expect(keys).not.toContain(before);
    writeFileSync(join(dataDirOf(stage), "master-key"), `${keys[0]}\n`);
    await stage.crashAndRestart();
    await servedByAnn(stage);

    expect(noneLocked(stage)).toEqual([]);
    expect(await stage.emulator.requests("refresh")).toHaveLength(1);
  });

  test("with MASTER_KEY: refused under a gateway that may not know it, done by a reload with both", async () => {
    const [first, second] = ["ab".repeat(32), "cd".repeat(32)];
    await using stage = await startStage({ environment: { QWEN_TOKEN: "" }, settings: { MASTER_KEY: first } });
    await addAccount(stage, "ann", { MASTER_KEY: first });
    await servedByAnn(stage);
    const both = { MASTER_KEY: second, MASTER_KEY_PREVIOUS: first };
    const early = await run(stage, ["keys", "rotate-master"], both);
    expect(early).toMatchObject({ exitCode: 1, errors: expect.stringContaining("reload it with MASTER_KEY") });
    expect(await listed(stage, { MASTER_KEY: first })).toMatch(/ann .* ready/);
    const line = await stage.reload(both);
    expect(JSON.parse(line)).toMatchObject({ changed: "MASTER_KEY, MASTER_KEY_PREVIOUS" });
    const done = await run(stage, ["keys", "rotate-master", "--after-reload"], both);
    // A comparison puts what it expects in the place of what it was given.
    const said = [done.output, done.errors];
    expect(done).toMatchObject({ exitCode: 0, output: expect.stringContaining("Sealed 1 account with MASTER_KEY") });
    await stage.reload({ MASTER_KEY: second });
    await servedByAnn(stage);

    expect(noneLocked(stage)).toEqual([]);
    const late = await run(stage, ["keys", "rotate-master", "--after-reload"], { MASTER_KEY: first });
    said.push(late.output, late.errors, ...stage.gateway.errors);
    expect(late).toMatchObject({ exitCode: 1, errors: expect.stringContaining('account "ann"') });
    // Eight letters of a key: the ids of requests have four of them now and then.
    expect(said.join("\n")).not.toMatch(/abababab|cdcdcdcd/);
  });
});

test.skipIf(process.platform === "win32")(
  "whatever the umask is, files are of mode 0600 and folders 0700",
  async () => {
    const before = process.umask(0);
    try {
      await using stage = await startStage({
        environment: { QWEN_TOKEN: "", AGENT_OPEN: "false", MCP_SERVERS: '{"none":{"command":"false"}}' },
      });
      await addAccount(stage, "ann");
      await say(stage, { message: "Say hello", session_id: "s1", resumable: true });
      await run(stage, ["keys", "rotate-master"]);
      const found: string[] = [];
      for (const entry of readdirSync(dataDirOf(stage), { recursive: true, encoding: "utf8", withFileTypes: true })) {
        const path = join(entry.parentPath, entry.name);
        const mode = (statSync(path).mode & 0o777).toString(8);
        found.push(`${entry.isDirectory() ? "folder" : "file"} ${mode}`);
      }
      found.push(`folder ${(statSync(dataDirOf(stage)).mode & 0o777).toString(8)}`);

      expect(new Set(found)).toEqual(new Set(["file 600", "folder 700"]));
      expect(found.length).toBeGreaterThan(8);
    } finally {
      process.umask(before);
    }
  },
);
