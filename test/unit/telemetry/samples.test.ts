import { describe, expect, test } from "bun:test";
import { Samples, sampleIntervalMs } from "../../../src/telemetry/samples.ts";

const hourMs = 3_600_000;
/** A round time, so that slots begin at round times too. */
const begin = Date.UTC(2026, 10, 27, 13);

function createWorld() {
  const world = { nowMs: begin };
  return { world, samples: new Samples(() => world.nowMs) };
}

const complete = (firstTokenMs?: number) => ({ outcome: "complete", kind: undefined, firstTokenMs }) as const;

describe("Samples", () => {
  test("counts what ended in a slot by its outcome, and what went wrong by its kind", () => {
    const { samples } = createWorld();
    for (let count = 0; count < 3; count++) samples.replyStarted();
    samples.replyEnded(complete(120));
    samples.replyEnded({ outcome: "failed", kind: "upstream-timeout", firstTokenMs: undefined });
    samples.replyEnded({ outcome: "aborted", kind: undefined, firstTokenMs: undefined });
    samples.requestRefused("rate-limited");
    samples.requestRefused("rate-limited");

    expect(samples.list()).toEqual([
      {
        atMs: begin,
        complete: 1,
        failed: 1,
        aborted: 1,
        refused: 2,
        liveReplies: 3,
        firstTokenMs: { p50: 120, p95: 120 },
        errors: { "upstream-timeout": 1, "rate-limited": 2 },
      },
    ]);
  });

  test("an aborted reply is no error, whatever it ended by", () => {
    const { samples } = createWorld();
    samples.replyStarted();
    samples.replyEnded({ outcome: "aborted", kind: "upstream-timeout", firstTokenMs: undefined });

    expect(samples.list()[0]).toMatchObject({ aborted: 1, errors: {} });
  });

  test("begins a slot every ten seconds, and leaves out those in which nothing happened", () => {
    const { world, samples } = createWorld();
    samples.requestRefused("unauthenticated");
    world.nowMs += sampleIntervalMs - 1;
    samples.requestRefused("unauthenticated");
    world.nowMs += 1;
    samples.requestRefused("not-found");
    world.nowMs += 7 * sampleIntervalMs;
    samples.requestRefused("not-found");

    expect(samples.list().map(({ atMs, refused }) => [(atMs - begin) / 1000, refused])).toEqual([
      [0, 2],
      [10, 1],
      [80, 1],
    ]);
  });

  test("lists a reply that only runs in each slot that it runs in, also while nobody asks", () => {
    const { world, samples } = createWorld();
    samples.replyStarted();
    samples.replyStarted();
    world.nowMs += 3 * sampleIntervalMs;

    expect(samples.list().map(({ liveReplies, complete: ended }) => [liveReplies, ended])).toEqual([
      [2, 0],
      [2, 0],
      [2, 0],
      [2, 0],
    ]);
    samples.replyEnded(complete());
    samples.replyEnded(complete());
    world.nowMs += 5 * sampleIntervalMs;
    expect(samples.list().map(({ liveReplies, complete: ended }) => [liveReplies, ended])).toEqual([
      [2, 0],
      [2, 0],
      [2, 0],
      [2, 2],
    ]);
  });

  test("tells of the first words what half and what 95 of 100 have waited at most", () => {
    const { samples } = createWorld();
    // In no order.
    for (let count = 0; count < 100; count++) samples.replyStarted();
    for (let count = 0; count < 100; count++) samples.replyEnded(complete(((count * 37) % 100) + 1));

    expect(samples.list()[0]?.firstTokenMs).toEqual({ p50: 50, p95: 95 });
  });

  test("tells no time where no word came", () => {
    const { samples } = createWorld();
    samples.replyStarted();
    samples.replyEnded(complete());

    expect(samples.list()[0]?.firstTokenMs).toBeUndefined();
  });

  test("keeps an hour and no more, however long replies run", () => {
    const { world, samples } = createWorld();
    samples.replyStarted();
    world.nowMs += 30 * hourMs;

    const listed = samples.list();

    expect(listed).toHaveLength(360);
    expect(listed[0]?.atMs).toBe(world.nowMs - hourMs + sampleIntervalMs);
    expect(listed.at(-1)?.atMs).toBe(world.nowMs);
    samples.replyEnded(complete());
    world.nowMs += hourMs;
    expect(samples.list()).toEqual([]);
  });

  test("lists what began at a time or later", () => {
    const { world, samples } = createWorld();
    for (let count = 0; count < 4; count++) {
      samples.requestRefused("not-found");
      world.nowMs += sampleIntervalMs;
    }

    const since = samples.list(begin + 2 * sampleIntervalMs);

    expect(since.map(({ atMs }) => (atMs - begin) / 1000)).toEqual([20, 30]);
  });

  test("forgets what lies ahead of a clock that was set back, and goes on", () => {
    const { world, samples } = createWorld();
    samples.requestRefused("not-found");
    world.nowMs += 60_000;
    samples.requestRefused("internal");
    samples.replyStarted();
    world.nowMs -= 30_000;
    samples.replyEnded(complete(5));

    expect(samples.list().map(({ atMs, complete: ended }) => [(atMs - begin) / 1000, ended])).toEqual([
      [0, 0],
      [30, 1],
    ]);
  });
});
