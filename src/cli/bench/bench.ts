// qwen-gateway bench: what the hot rooms cost on this machine, as ratios within one run. Talks to nobody but itself.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Command } from "../command.ts";
import { UsageError } from "../command.ts";
import { benchDecoder, benchEncoder, benchFingerprints } from "./hot-rooms.ts";
import { benchLookups } from "./lookups.ts";
import { benchStreams } from "./streams.ts";

const parts = ["rooms", "lookups", "streams"] as const;
type Part = (typeof parts)[number];

export const benchCommand: Command = {
  name: "bench",
  summary: "Measures the decoder, the encoder, fingerprints, lookups, and whole streams over the emulator",
  example: "qwen-gateway bench --only streams",
  notes: "Only ratios within one run count: machines and moments differ.",
  flags: [
    { name: "only", value: "PART", description: `One part of ${parts.join(", ")} (default: all)` },
    { name: "full", description: "Also look conversations up among a million stored turns" },
  ],
  async run(flags, context) {
    const only = flags["only"];
    if (only !== undefined && !parts.some((part) => part === only)) {
      throw new UsageError(`Cannot use --only: it must be one of ${parts.join(", ")}`);
    }
    const wants = (part: Part): boolean => only === undefined || only === part;
    const folder = mkdtempSync(join(tmpdir(), "qwen-gateway-bench-"));
    try {
      if (wants("rooms"))
        for (const line of [...benchDecoder(), ...benchEncoder(), ...benchFingerprints()]) context.print(line);
      if (wants("lookups"))
        for await (const line of benchLookups(folder, flags["full"] === "true")) context.print(line);
      if (wants("streams")) for await (const line of benchStreams(folder, context.environment)) context.print(line);
      return 0;
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};
