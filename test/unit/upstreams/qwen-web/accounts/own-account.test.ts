// Whether a conversation leaves its account, by what else there is.

import { expect, test } from "bun:test";
import type { Resume } from "../../../../../src/contract/upstream.ts";
import { createOwnAccounts } from "../../../../../src/upstreams/qwen-web/accounts/own-account.ts";
import { accountOf, createClock, startProcess } from "../../../credentials/test-accounts.ts";

const resume: Resume = {
  continuation: { chatId: "c", nodeId: "n", parentId: null, responseId: "n" },
  account: "a",
  unseenFrom: 2,
  unseenSystem: [],
  systemChange: "none",
  tools: "known",
  interrupted: undefined,
  readyAtMs: 0,
};

async function start() {
  const { pool } = await startProcess({ clock: createClock(), configured: [accountOf("a"), accountOf("b")] });
  return { pool, own: createOwnAccounts(pool) };
}

test("an account that wants seconds is waited for once, and left when it refuses again", async () => {
  const { pool, own } = await start();
  pool.setAside("a", "limit", { durationMs: 5000, reason: "" });

  expect([own.waitsFor(resume, "a"), [...own.leftBy(resume)]]).toEqual([true, []]);
  expect(own.waitsFor(resume, "a")).toBe(false);
  own.refused(resume, "a");
  expect([...own.leftBy(resume)]).toEqual(["a"]);
});

test("an account that wants seconds is not left for one that is away for hours", async () => {
  const { pool, own } = await start();
  pool.setAside("a", "limit", { durationMs: 5000, reason: "" });
  pool.setAside("b", "limit", { durationMs: 3_600_000, reason: "" });
  own.waitsFor(resume, "a");
  own.refused(resume, "a");

  expect([own.waitsFor(resume, "a"), [...own.leftBy(resume)]]).toEqual([false, []]);
});
