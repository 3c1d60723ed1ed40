// The history as it is written and found: in groups behind the answers, for its caller alone, within its time and budget.

import { Database, SQLiteError } from "bun:sqlite";
import { expect, setDefaultTimeout, test } from "bun:test";
import { statSync } from "node:fs";
import { removeExchanges } from "../../../src/history/scan-exchanges.ts";
import { scrub } from "../../../src/history/write-group.ts";
import { silentLog } from "../../../src/telemetry/log.ts";
import { contentOf, createHistoryStage, smallestBudget } from "../../support/history-stage.ts";

// Far beyond what the tests need, for machines that are busy with something else.
setDefaultTimeout(60_000);

test("an exchange is written behind its answer, and found by each thing that is known of it", async () => {
  await using stage = createHistoryStage();
  stage.add({ requestId: "r1", content: contentOf("What is the weather?", "It rains") });
  stage.add({ requestId: "r2", model: "qwen-flash", surface: "anthropic-messages", sessionId: "s2", upstream: "u2" });
  stage.nowMs += 60_000;
  stage.add({ requestId: "r3", status: 502, outcome: "failed", errorKind: "upstream-failed" });
  await stage.history.flush();

  const ids = (filter: Parameters<typeof stage.find>[0]) => stage.find(filter).map(({ requestId }) => requestId);
  expect(ids({})).toEqual(["r3", "r2", "r1"]);
  expect(ids({ model: "qwen-flash" })).toEqual(["r2"]);
  expect(ids({ surface: "anthropic-messages" })).toEqual(["r2"]);
  expect(ids({ sessionId: "s1" })).toEqual(["r3", "r1"]);
  expect(ids({ upstream: "u2" })).toEqual(["r2"]);
  expect(ids({ status: 502 })).toEqual(["r3"]);
  expect(ids({ outcome: "complete" })).toEqual(["r2", "r1"]);
  expect(ids({ sinceMs: 1_700_000_059_900 })).toEqual(["r3"]);
  expect(ids({ untilMs: 1_700_000_059_900 })).toEqual(["r2", "r1"]);
  expect(ids({ outcome: "complete", sessionId: "s1", q: "weather" })).toEqual(["r1"]);
  expect(stage.find({ q: "weather" })[0]).toMatchObject({ totalMs: 100, startedAtMs: 1_699_999_999_900, stream: true });
});

test("words are found in what was asked and said, Chinese ones of two characters too, and no others", async () => {
  await using stage = createHistoryStage();
  stage.add({ requestId: "zh", content: contentOf("今天天气怎么样？", "北京今天下雨。") });
  stage.add({ requestId: "en", content: contentOf("Tell me about Rivers", "The Danube is a river") });
  stage.add({ requestId: "no", content: contentOf('quotes " and NEAR(', "天上没有大气") });
  await stage.history.flush();

  const ids = (q: string) => stage.find({ q }).map(({ requestId }) => requestId);
  expect(ids("天气")).toEqual(["zh"]);
  expect(ids("下雨 北京")).toEqual(["zh"]);
  expect(ids("river danube")).toEqual(["en"]);
  expect(ids("rivers london")).toEqual([]);
  expect(ids('" NEAR( quotes')).toEqual(["no"]);
  // How we write it down is not what was said.
  expect(ids("messages")).toEqual([]);
  expect(ids("role")).toEqual([]);
});

test("callers are separate: nobody lists, finds, searches or deletes what another one has", async () => {
  await using stage = createHistoryStage();
  stage.add({ content: contentOf("my secret word", "ok") });
  await stage.history.flush();
  const [mine] = stage.find();
  const { store } = stage.opened();

  expect(stage.find({}, "you")).toEqual([]);
  expect(stage.find({ q: "secret" }, "you")).toEqual([]);
  expect(store.find("you", mine!.exchangeId)).toBeUndefined();
  expect(store.remove("you", mine!.exchangeId)).toBe(false);
  expect(await removeExchanges(store, { scope: "you", filter: {} }, new AbortController().signal)).toBe(0);
  expect([store.keyOf("you", mine!.exchangeId), store.keyOf("me", mine!.exchangeId)]).toEqual([
    undefined,
    mine!.exchangeKey,
  ]);
  expect(store.find("me", mine!.exchangeId)?.content).toEqual(contentOf("my secret word", "ok"));
  expect(store.remove("me", mine!.exchangeId)).toBe(true);
  expect(stage.find({ q: "secret" })).toEqual([]);
});

test("what is older than it is kept is forgotten, and its room given back to the disk", async () => {
  await using stage = createHistoryStage({ keepMs: 1000, maxBytes: 64 * 1024 * 1024 });
  for (let count = 0; count < 200; count++)
    stage.add({ content: contentOf(`old words ${count}`, "x y ".repeat(2000)) });
  await stage.history.flush();
  await stage.history.sweep();
  const full = stage.diskBytes();
  stage.nowMs += 1001;
  stage.add({ requestId: "new", content: contentOf("new words", "z") });
  await stage.history.flush();
  await stage.history.sweep();

  expect(stage.find().map(({ requestId }) => requestId)).toEqual(["new"]);
  expect(stage.find({ q: "old" })).toEqual([]);
  expect(full).toBeGreaterThan(1_500_000);
  expect(stage.diskBytes()).toBeLessThan(400_000);
});

test("the budget holds: contents go first and the oldest of them, what is known of exchanges goes last", async () => {
  await using stage = createHistoryStage();
  for (let count = 0; count < 300; count++) {
    stage.add({ requestId: String(count), content: contentOf(`word${count}`, "lorem ipsum dolor ".repeat(2000)) });
    if (count % 20 === 19) {
      await stage.history.flush();
      expect(stage.diskBytes()).toBeLessThanOrEqual(smallestBudget);
    }
  }
  const kept = stage.find();
  const firstKept = kept.findLast(({ contentState }) => contentState === "kept");

  expect(kept).toHaveLength(300);
  expect(kept.at(-1)).toMatchObject({ requestId: "0", contentState: "dropped" });
  expect(kept[0]).toMatchObject({ requestId: "299", contentState: "kept" });
  for (const { requestId, contentState } of kept) {
    expect(contentState).toBe(Number(requestId) >= Number(firstKept!.requestId) ? "kept" : "dropped");
  }
  expect(stage.find({ q: "word0" })).toEqual([]);
  expect(stage.find({ q: "word299" })).toHaveLength(1);
  expect(stage.history.view()).toMatchObject({ written: 300, droppedExchanges: 0 });
});

test("the oldest exchanges go when there is no content left to give up", async () => {
  await using stage = createHistoryStage();
  for (let count = 0; count < 8000; count++) {
    stage.add({ requestId: `${count} ${"r".repeat(180)}` });
    if (count % 1000 === 999) await stage.history.flush();
  }
  const kept = stage.find();

  expect(stage.diskBytes()).toBeLessThanOrEqual(smallestBudget);
  expect(kept[0]!.requestId).toStartWith("7999 ");
  expect(stage.history.view().droppedExchanges).toBe(8000 - kept.length);
  expect(kept.length).toBeGreaterThan(3000);
});

test("a budget that was lowered is kept after the next sweep", async () => {
  await using stage = createHistoryStage({ maxBytes: 32 * 1024 * 1024 });
  for (let count = 0; count < 300; count++) stage.add({ content: contentOf(`w${count}`, "lorem ipsum ".repeat(3000)) });
  await stage.history.flush();
  expect(stage.diskBytes()).toBeGreaterThan(8 * 1024 * 1024);
  await stage.reopen(smallestBudget);
  await stage.history.sweep();

  expect(stage.diskBytes()).toBeLessThanOrEqual(smallestBudget);
  expect(stage.find()).toHaveLength(300);
});

test("a file that cannot be written costs exchanges and one warning, and is tried again", async () => {
  await using stage = createHistoryStage();
  const open = stage.open;
  stage.open = () => Promise.reject(new SQLiteError("disk is full"));
  stage.add();
  await stage.history.flush();
  stage.add();
  stage.nowMs += 11_000;
  stage.add();
  await stage.history.flush();
  expect(stage.history.view()).toMatchObject({ isFailing: true, written: 0, lost: { failed: 3 } });
  expect(stage.logLines.filter((line) => line.includes('"warn"'))).toHaveLength(1);

  stage.open = open;
  stage.nowMs += 11_000;
  stage.add({ requestId: "again" });
  await stage.history.flush();

  expect(stage.history.view()).toMatchObject({ isFailing: false, written: 1, lost: { failed: 3 } });
  expect(stage.find().map(({ requestId }) => requestId)).toEqual(["again"]);
});

test("while another process holds the lock nothing waits, and nothing is lost when it lets go", async () => {
  await using stage = createHistoryStage();
  stage.add();
  await stage.history.flush();
  const other = new Database(stage.path);
  other.run("BEGIN IMMEDIATE");
  stage.add({ requestId: "held up" });
  const flushed = stage.history.flush();
  const before = performance.now();
  await new Promise((resolve) => setImmediate(resolve));
  const blockedMs = performance.now() - before;
  other.run("ROLLBACK");
  other.close();
  await flushed;

  expect(stage.find()[0]!.requestId).toBe("held up");
  // A statement waits 20 ms for a lock; then others have their turn.
  expect(blockedMs).toBeLessThan(2000);
});

test("the queue is bounded: what does not fit is counted", async () => {
  await using stage = createHistoryStage();
  for (let count = 0; count < 2500; count++) stage.add();
  await stage.history.flush();

  expect(stage.history.view()).toMatchObject({ written: 2000, lost: { "queue-full": 500 } });
});

test("the file is its owner's alone", async () => {
  await using stage = createHistoryStage();
  stage.add();
  await stage.history.flush();

  expect(statSync(stage.path).mode & 0o777).toBe(0o600);
});

test("a deletion among others leaves none of its words in the file, and those of the others are found", async () => {
  await using stage = createHistoryStage();
  for (const word of ["apricot", "kumquat", "lychee"]) {
    for (let count = 0; count < 40; count++)
      stage.add({ model: word, content: contentOf(`${word} ${count}`, "fruit") });
    await stage.history.flush();
  }
  const { store } = stage.opened();
  expect(
    await removeExchanges(store, { scope: "me", filter: { model: "kumquat" } }, new AbortController().signal),
  ).toBe(40);
  await scrub(store, 60_000, silentLog);

  const file = await Bun.file(stage.path).text();
  expect([/apricot/.test(file), /kumquat/i.test(file), /lychee/.test(file)]).toEqual([true, false, true]);
  expect(stage.find({ q: "lychee" })).toHaveLength(40);
  expect(stage.find({ q: "fruit" })).toHaveLength(80);
});

test("whoever reads the file for a moment costs nothing, as another worker does all the time", async () => {
  await using stage = createHistoryStage();
  stage.add({ requestId: "first" });
  await stage.history.flush();
  using reader = new Database(stage.path, { readonly: true });
  for (let count = 0; count < 60; count++) {
    reader.run("BEGIN");
    reader.query("SELECT count(*) FROM exchanges").get();
    stage.add({ requestId: String(count), content: contentOf(`w${count}`, "lorem ipsum ".repeat(2500)) });
    const flushed = stage.history.flush();
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    reader.run("COMMIT");
    await flushed;
    expect(stage.diskBytes()).toBeLessThanOrEqual(smallestBudget);
  }

  expect(stage.history.view()).toMatchObject({ isFailing: false, written: 61, lost: { failed: 0 } });
});

test("whoever reads the file for long costs exchanges, and never the budget", async () => {
  await using stage = createHistoryStage();
  stage.add({ requestId: "first" });
  await stage.history.flush();
  const reader = new Database(stage.path, { readonly: true });
  reader.run("BEGIN");
  reader.query("SELECT count(*) FROM exchanges").get();
  for (let count = 0; count < 60; count++) {
    stage.add({ requestId: String(count), content: contentOf(`w${count}`, "lorem ipsum ".repeat(2500)) });
    await stage.history.flush();
    expect(stage.diskBytes()).toBeLessThanOrEqual(smallestBudget);
  }
  expect(stage.history.view().isFailing).toBe(true);
  reader.run("COMMIT");
  reader.close();
  stage.nowMs += 10_001;
  stage.add({ requestId: "last" });
  await stage.history.flush();

  expect(stage.find()[0]!.requestId).toBe("last");
  expect(stage.history.view()).toMatchObject({ isFailing: false });
});
