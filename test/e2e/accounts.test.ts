// Accounts of the compiled executable: added, tested and removed beside a running gateway, and renewed across kill -9.

import { expect, test } from "bun:test";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type BinaryResult, eventually, runBinary } from "../support/binary.ts";
import { accessToken, cookiesOf, longToken, refreshTokenOf } from "../support/tokens.ts";
import { createTalker, type Stage, startStage } from "./stage.ts";

function accounts(stage: Stage, ...words: string[]): Promise<BinaryResult> {
  const environment = { QWEN_BASE_URL: stage.emulator.url, QWEN_AUTH_URL: stage.emulator.url };
  return runBinary(["accounts", ...words], environment, stage.place);
}

function copyRequest(stage: Stage, user: string, token: string): string {
  const path = join(stage.place.folder, `${user}.txt`);
  writeFileSync(
    path,
    `curl '${stage.emulator.url}/api/v2/chats/' \\\n  -H 'bx-v: 2.5.37' \\\n  -b '${cookiesOf(user, token)}'\n`,
  );
  return path;
}

/** Asks in new conversations until one is served by this account. */
function untilServedBy(stage: Stage, account: string) {
  return eventually(
    async () => {
      await createTalker(stage, { stream: true }).say("Hello");
      const turn = (await stage.emulator.turns()).at(-1);
      return turn?.record.account === account ? turn : undefined;
    },
    () => `a turn of ${account}`,
  );
}

test("accounts add, list, test and remove work while the gateway runs, and it follows", async () => {
  await using stage = await startStage({ environment: { QWEN_TOKEN: "" } });
  const talker = createTalker(stage, { stream: true });
  await talker.say("My name is Ada.");
  expect((await stage.emulator.turns()).at(-1)?.record.headers["authorization"]).toBeUndefined();

  const added = await accounts(stage, "add", "--alias", "work", "--file", copyRequest(stage, "ann", longToken("ann")));
  expect(added).toMatchObject({ exitCode: 0, errors: "" });
  const turn = await untilServedBy(stage, "ann");
  expect(turn.record.headers).toMatchObject({ authorization: `Bearer ${longToken("ann")}`, "bx-v": "2.5.37" });
  // The conversation from before goes on, told as a whole.
  expect(await talker.say("What is my name?")).toContain("Ada");
  expect((await stage.emulator.turns()).at(-1)?.content).toContain("My name is Ada.");

  const tested = await accounts(stage, "test", "work", "--message", "Say: hi there");
  expect(tested.output).toContain("answers: hi there");
  expect(tested.exitCode).toBe(0);
  expect((await accounts(stage, "list")).output).toMatch(/work .* renews itself +ready/);

  expect((await accounts(stage, "remove", "work")).exitCode).toBe(0);
  await untilServedBy(stage, "anonymous");
  expect(await talker.say("What is my name?")).toContain("Ada");
});

test("a token that was renewed is there after kill -9, and no secret lies in the files", async () => {
  const token = accessToken("ann", 60_000);
  await using stage = await startStage({ environment: { QWEN_TOKEN: "", QWEN_COOKIES: cookiesOf("ann", token) } });
  const talker = createTalker(stage, { stream: true });
  await talker.say("My name is Ada.");
  await stage.crashAndRestart();
  expect(await talker.say("What is my name?")).toContain("Ada");
  const turns = await stage.emulator.turns();
  const [first, second] = turns.map(({ record }) => record.headers["authorization"]);
  expect(first).not.toBe(`Bearer ${token}`);
  expect(second).toBe(first);
  expect(await stage.emulator.requests("refresh")).toHaveLength(1);

  const dataDir = join(stage.place.home, ".local", "share", "qwen-gateway");
  const files = readdirSync(dataDir);
  expect(files).toContain("master-key");
  for (const name of files) {
    expect(statSync(join(dataDir, name)).mode & 0o077).toBe(0);
    const kept = readFileSync(join(dataDir, name), "latin1");
    for (const secret of [token, refreshTokenOf("ann"), first?.slice("Bearer ".length) ?? "", "cna=abc123"]) {
      expect(kept).not.toContain(secret);
    }
  }
});
