// qwen-gateway bench: what the hot rooms cost on this machine, as ratios within one run. Talks to nobody but itself.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { codeOf } from "../../contract/thrown.ts";
import { type Command, type CommandContext, UsageError } from "../command.ts";
import { awaitStopSignal } from "../stop-signals.ts";
import { benchDecoder, benchEncoder, benchFingerprints } from "./hot-rooms.ts";
import { crossedLimits, limitFlags, parseLimits } from "./limits.ts";
import { benchLookups } from "./lookups.ts";
import { benchStreams } from "./streams.ts";

const parts = ["rooms", "lookups", "streams"] as const;
type Part = (typeof parts)[number];

export const benchCommand: Command = {
  name: "bench",
  summary: "Measures the decoder, the encoder, fingerprints, lookups, and whole streams over the emulator",
  example: "qwen-gateway bench --only streams",
  notes:
    "Only ratios within one run count: machines and moments differ. As a load test it ends with 1 when a limit was not kept:\n" +
    "  qwen-gateway bench --only streams --streams 2000 --max-first-token-ratio 4 --max-stream-kb 200",
  flags: [
    { name: "only", value: "PART", description: `One part of ${parts.join(", ")} (default: all)` },
    { name: "full", description: "Also look conversations up among a million stored turns" },
    { name: "streams", value: "LIST", description: "Streams: how many at a time, one run for each (default 100,1000)" },
    ...limitFlags,
  ],
  async run(flags, context) {
    const only = flags["only"];
    if (only !== undefined && !parts.some((part) => part === only)) {
      throw new UsageError(`Cannot use --only: it must be one of ${parts.join(", ")}`);
    }
    if (only !== undefined && only !== "streams") {
      const stray = ["streams", ...limitFlags.map(({ name }) => name)].find((name) => flags[name] !== undefined);
      if (stray !== undefined) throw new UsageError(`Cannot use --${stray}: it belongs to the part streams`);
    }
    const counts = parseCounts(flags["streams"] ?? "100,1000");
    const limits = parseLimits(flags);
    const wants = (part: Part): boolean => only === undefined || only === part;
    const folder = makeFolder();
    try {
      if (wants("rooms"))
        for (const line of [...benchDecoder(), ...benchEncoder(), ...benchFingerprints()]) context.print(line);
      if (wants("lookups"))
        for await (const line of benchLookups(folder, flags["full"] === "true")) context.print(line);
      if (!wants("streams")) return 0;
      const load = benchStreams({ folder, environment: context.environment, counts });
      // Not while nothing but this process measures: it hears nothing then, and ends at once by itself.
      const stopped = awaitStopSignal(process, () => process.exit(1));
      const isWhole = await Promise.race([printAll(load.lines, context), stopped.then(() => false)]);
      if (!isWhole) {
        load.stop();
        context.complain("Stopped before it was done");
        return 1;
      }
      const crossed = crossedLimits(limits, load.figures);
      for (const sentence of crossed) context.complain(sentence);
      return crossed.length === 0 ? 0 : 1;
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

async function printAll(lines: AsyncIterable<string>, context: CommandContext): Promise<true> {
  for await (const line of lines) context.print(line);
  return true;
}

/** @throws {UsageError} */
function makeFolder(): string {
  try {
    return mkdtempSync(join(tmpdir(), "qwen-gateway-bench-"));
  } catch (cause) {
    throw new UsageError(
      `Cannot measure: nothing can be made in "${tmpdir()}" (${codeOf(cause)}); name another folder by TMPDIR`,
    );
  }
}

function parseCounts(list: string): readonly number[] {
  const words = list.split(",").map((word) => word.trim());
  const isCount = (word: string): boolean => /^[1-9]\d{0,4}$/.test(word);
  if (words.length <= 10 && words.every(isCount)) return words.map(Number);
  throw new UsageError("Cannot use --streams: it is up to 10 numbers from 1 to 99999, separated by commas");
}
