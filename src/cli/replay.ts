// qwen-gateway replay FILE: the upstream of a captured exchange, as a server that a gateway can be pointed at.

import { announce } from "./announce.ts";
import type { Command } from "./command.ts";
import { describeListenError } from "./describe-start-error.ts";
import { numberFlag } from "./number-flag.ts";
import { loadCapture } from "./load-capture.ts";
import { awaitStopSignal } from "./stop-signals.ts";

const defaultPort = 8789;
const fastest = 10_000;

export const replayCommand: Command = {
  name: "replay",
  summary: "Serves the upstream of a captured exchange again, in its own time or faster",
  example: "qwen-gateway replay captures/20261127T093015123Z-req_5f0c.jsonl --speed 10",
  operand: "file",
  notes: "It prints the settings of a gateway that asks it. What is not in the capture, an emulator answers.",
  flags: [
    { name: "file", value: "FILE", description: "The capture; see --capture of serve" },
    {
      name: "speed",
      value: "NUMBER",
      description: "How many times as fast as it was; 0 waits for nothing (default 1)",
    },
    { name: "host", value: "TEXT", description: "Address to listen on (default 127.0.0.1)" },
    { name: "port", value: "NUMBER", description: `Port to listen on; 0 takes a free one (default ${defaultPort})` },
  ],
  async run(flags, context) {
    const file = loadCapture(flags["file"]);
    const speed = numberFlag(flags, "speed", { most: fastest, decimals: 3 }) ?? 1;
    const hostname = flags["host"] ?? "127.0.0.1";
    const port = numberFlag(flags, "port", { most: 65_535 }) ?? defaultPort;
    try {
      const { serveRecorded } = await import("../emulator/serve-recorded.ts");
      const served = serveRecorded({ hostname, port, file, speed });
      const stopSignal = awaitStopSignal(process, () => process.exit(1));
      const lines = [`Recorded upstream on ${served.url}`, ...served.settings.map((line) => `For a gateway: ${line}`)];
      if (served.settings.length === 0) lines.push("No upstream was asked in this capture: an emulator answers");
      for (const call of served.cutCalls) lines.push(`The answer to call ${call} was cut: it breaks off there`);
      announce(lines.join("\n"), context);
      await stopSignal;
      await served.stop();
      return 0;
    } catch (error) {
      const sentence = describeListenError(error, { host: hostname, port });
      if (sentence === undefined) throw error;
      context.complain(sentence);
      return 1;
    }
  },
};
