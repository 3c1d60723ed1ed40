// The limits of the load test: what they compare is given here, not measured.

import { describe, expect, test } from "bun:test";
import { benchCommand } from "../../../src/cli/bench/bench.ts";
import { crossedLimits, limitFlags, type LoadFigures, parseLimits } from "../../../src/cli/bench/limits.ts";
import { runCommandLine } from "../../../src/cli/run-command-line.ts";

const figures: LoadFigures = { firstTokenRatio: 1.5, eventCpuUs: 30, streamKb: 60, lateMs: 12, brokenStreams: 0 };

describe("the load test's limits", () => {
  test("every flag is one of the command, and has a figure", () => {
    const names = benchCommand.flags.map(({ name }) => name);

    for (const { name } of limitFlags) {
      expect(names).toContain(name);
      const [sentence] = crossedLimits(parseLimits({ [name]: "0" }), {
        firstTokenRatio: 1,
        eventCpuUs: 1,
        streamKb: 1,
        lateMs: 1,
        brokenStreams: 1,
      });
      expect(sentence).toMatch(new RegExp(`^--${name} 0 was not kept: the .+ is 1 \\S+$`));
    }
  });

  test("a figure at its limit is kept, one above it is told with what was measured [R4-065]", () => {
    const limits = parseLimits({ "max-stream-kb": "60", "max-late-ms": "11.9", "max-event-cpu-us": "100" });

    expect(crossedLimits(limits, figures)).toEqual([
      "--max-late-ms 11.9 was not kept: the lateness of the slowest hundredth of events is 12 ms",
    ]);
  });

  test("streams that broke off are too many without any flag", () => {
    expect(crossedLimits(parseLimits({}), figures)).toEqual([]);
    expect(crossedLimits(parseLimits({}), { ...figures, brokenStreams: 2 })).toEqual([
      "--max-broken-streams 0 was not kept: the streams that broke off is 2 streams",
    ]);
    expect(crossedLimits(parseLimits({ "max-broken-streams": "2" }), { ...figures, brokenStreams: 2 })).toEqual([]);
  });

  test("what cannot be measured keeps no limit", () => {
    const limits = parseLimits({ "max-event-cpu-us": "100", "max-late-ms": "100" });

    expect(crossedLimits(limits, { ...figures, eventCpuUs: undefined, lateMs: Number.NaN })).toEqual([
      "--max-event-cpu-us 100 was not kept: the CPU of an event cannot be measured on this system",
      "--max-late-ms 100 was not kept: the lateness of the slowest hundredth of events cannot be measured on this system",
    ]);
  });

  test.each([
    [["--max-late-ms", "fast"], '--max-late-ms "fast": it must be a number'],
    [["--max-late-ms", "-1"], '--max-late-ms "-1": it must be a number'],
    [["--only", "rooms", "--max-late-ms", "5"], "--max-late-ms: it belongs to the part streams"],
    [["--only", "lookups", "--streams", "5"], "--streams: it belongs to the part streams"],
    [["--streams", "0"], "--streams: it is up to 10 numbers"],
  ])("bench %p is refused before anything is measured", async (words, sentence) => {
    const complaints: string[] = [];
    const exitCode = await runCommandLine(["bench", ...words], {
      environment: {},
      print: (text) => expect(text).toBe(""),
      complain: (text) => complaints.push(text),
      readInput: () => Promise.resolve(""),
    });

    expect(exitCode).toBe(2);
    expect(complaints.join("\n")).toContain(sentence);
  });
});
