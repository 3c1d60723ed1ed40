// What watches a gateway follows its settings without a stop: the history, captures, traces. What runs ends as it began.

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "../support/binary.ts";
import { serveCollector } from "../support/fake-collector.ts";
import { type Harness, startHarness } from "../support/harness.ts";
import { readLive } from "../support/live-stream.ts";
import { parseMetrics, sumOf } from "../support/read-metrics.ts";
import { createTestClock } from "../support/test-store.ts";
import { bodyOf, user } from "./client.ts";

// Far beyond what the tests need, for machines that are busy with something else.
setDefaultTimeout(60_000);

interface Listed {
  readonly data: readonly { readonly content: string; readonly request_id: string }[];
  readonly kept: string;
}

const list = async (harness: Harness) => (await (await harness.get("/v1/history")).json()) as Listed;
const say = async (harness: Harness, text = "Hello") => bodyOf(await harness.chat({ messages: [user(text)] }));

describe("the history", () => {
  test("begins, keeps more or less, and ends by a reload, and what was kept stays", async () => {
    await using harness = await startHarness();
    await say(harness);
    for (const [setting, text] of [
      ["content", "one"],
      ["metadata", "two"],
      ["off", "three"],
    ] as const) {
      await harness.reload({ HISTORY: setting });
      await say(harness, text);
      expect((await list(harness)).kept).toBe(setting);
    }

    expect((await list(harness)).data.map(({ content }) => content)).toEqual(["none", "kept"]);
    await harness.reload({ HISTORY: "content" });
    await say(harness, "four");
    expect((await list(harness)).data).toHaveLength(3);
  });

  test("a reply that runs over a reload is kept as it began", async () => {
    await using harness = await startHarness({ environment: { HISTORY: "content" } });
    harness.emulator.script({ gate: "held", reply: { text: "one two three" } });
    harness.emulator.release("held", 2);
    const live = readLive(await harness.chat({ stream: true, messages: [user("Count")] }));
    await live.nextText();
    await harness.reload({ HISTORY: "off" });
    harness.emulator.release("held", "all");
    await live.rest();

    await eventually(
      async () => ((await list(harness)).data[0]?.content === "kept" ? true : undefined),
      () => "the exchange in the history",
    );
  });

  test("what is older than it is kept goes with the reload that says so", async () => {
    const clock = createTestClock(1_790_035_200_000);
    await using harness = await startHarness({ environment: { HISTORY: "content" }, clock: clock.now });
    await say(harness, "old");
    await list(harness);
    clock.advance(3_600_000);
    await say(harness, "young");

    await harness.reload({ HISTORY_KEEP: "60000" });

    await eventually(
      async () => ((await list(harness)).data.length === 1 ? true : undefined),
      () => "one exchange",
    );
  });

  test("a smaller budget makes room at once, and holds from then on", async () => {
    const mebibyte = 1024 * 1024;
    await using harness = await startHarness({
      environment: { HISTORY: "content", HISTORY_MAX_BYTES: String(64 * mebibyte) },
    });
    const size = () =>
      ["", "-wal", "-shm"].reduce(
        (sum, end) => sum + (statSync(join(harness.dataDir, `history.db${end}`), { throwIfNoEntry: false })?.size ?? 0),
        0,
      );
    const long = () => Array.from({ length: 12_000 }, () => Math.random().toString(36).slice(2, 9)).join(" ");
    for (let count = 0; count < 50; count++) await say(harness, long());
    await list(harness);
    expect(size()).toBeGreaterThan(6 * mebibyte);

    await harness.reload({ HISTORY_MAX_BYTES: String(4 * mebibyte) });
    await eventually(
      async () => (size() <= 4 * mebibyte ? true : undefined),
      () => "a file within its budget",
    );
    for (let count = 0; count < 30; count++) {
      await say(harness, long());
      await list(harness);
      expect(size()).toBeLessThanOrEqual(4 * mebibyte);
    }
    const metrics = parseMetrics(await (await harness.get("/metrics")).text());
    expect(sumOf(metrics, "qwen_gateway_history_max_bytes")).toBe(4 * mebibyte);
    expect(sumOf(metrics, "qwen_gateway_history_lost_total")).toBe(0);
  });
});

describe("captures", () => {
  test("begin, move and end by a reload", async () => {
    await using harness = await startHarness();
    const base = mkdtempSync(join(tmpdir(), "qwen-gateway-moved-captures-"));
    const [one, two] = [join(base, "one"), join(base, "two")];
    const filesIn = (folder: string) => (existsSync(folder) ? readdirSync(folder).length : 0);
    const until = (folder: string, count: number) =>
      eventually(
        async () => (filesIn(folder) === count ? true : undefined),
        () => `${count} files in ${folder}`,
      );
    await say(harness);
    await harness.reload({ CAPTURE_DIR: one });
    await say(harness);
    await until(one, 1);
    await harness.reload({ CAPTURE_DIR: two });
    await say(harness);
    await until(two, 1);
    await harness.reload({ CAPTURE_DIR: undefined });
    await say(harness);
    await harness.app.stop();

    expect([filesIn(one), filesIn(two), filesIn(join(harness.dataDir, "captures"))]).toEqual([1, 1, 0]);
    rmSync(base, { recursive: true });
  });

  test("a folder that cannot be made is told of by the reload that names it, and answers go on", async () => {
    await using harness = await startHarness();
    const file = join(harness.dataDir, "a-file");
    writeFileSync(file, "");

    await harness.reload({ CAPTURE_DIR: join(file, "folder") });

    expect(harness.logLines.filter((line) => line.includes("Cannot write captures"))).toHaveLength(1);
    await say(harness);
  });
});

describe("traces", () => {
  test("go to another collector after a reload, to none after another, and are counted on", async () => {
    await using one = serveCollector();
    await using two = serveCollector();
    await using harness = await startHarness({ environment: { OTEL_EXPORTER_OTLP_ENDPOINT: one.url } });
    await say(harness);
    await harness.reload({ OTEL_EXPORTER_OTLP_ENDPOINT: two.url, OTEL_SERVICE_NAME: "renamed" });
    // The former one has sent what it had when it is retired.
    await eventually(
      async () => (one.spans.length > 0 ? true : undefined),
      () => "spans at the first collector",
    );
    const sentToOne = one.spans.length;
    await say(harness);
    await harness.reload({ OTEL_EXPORTER_OTLP_ENDPOINT: undefined });
    await eventually(
      async () => (two.spans.length > 0 ? true : undefined),
      () => "spans at the second collector",
    );
    await say(harness);
    const metrics = parseMetrics(await (await harness.get("/metrics")).text());
    await harness.app.stop();

    expect([one.spans.length, two.spans.length]).toEqual([sentToOne, sentToOne]);
    expect(sumOf(metrics, "qwen_gateway_spans_total", { outcome: "sent" })).toBe(2 * sentToOne);
  });

  test("with the same settings stay with their sender", async () => {
    await using collector = serveCollector();
    await using harness = await startHarness({ environment: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url } });
    harness.emulator.script({ gate: "held", reply: { text: "one two three" } });
    harness.emulator.release("held", 2);
    const live = readLive(await harness.chat({ stream: true, messages: [user("Count")] }));
    await live.nextText();
    await harness.reload({ MAX_STREAMS: "7" });
    harness.emulator.release("held", "all");
    await live.rest();
    await harness.app.stop();

    // Of the request and of its attempt, which ended behind the reload.
    expect(collector.spans.length).toBeGreaterThanOrEqual(2);
  });
});
