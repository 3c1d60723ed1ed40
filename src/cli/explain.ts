// qwen-gateway explain FILE: a captured exchange as a timeline.

import type { Command } from "./command.ts";
import { loadCapture } from "./load-capture.ts";

export const explainCommand: Command = {
  name: "explain",
  summary: "Tells a captured exchange as a timeline: who said what when, gaps, retries, errors",
  example: "qwen-gateway explain captures/20261127T093015123Z-req_5f0c.jsonl",
  operand: "file",
  flags: [{ name: "file", value: "FILE", description: "The capture; see --capture of serve" }],
  async run(flags, context) {
    const file = loadCapture(flags["file"]);
    const { explainCapture } = await import("../capture/explain.ts");
    // What was captured may hold what a terminal obeys.
    for (const line of explainCapture(file)) context.print(withoutControls(line));
    return 0;
  },
};

function withoutControls(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: controls are what is looked for
  return text.replace(/[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/g, "?");
}
