// A gateway with scripted tool servers, each a process of its own, and the emulated model, which is told what to call.

import { join } from "node:path";
import type { AgentResult } from "../../src/agent/engine.ts";
import type { FakeScript } from "./fake-mcp.ts";
import { type Harness, startHarness } from "./harness.ts";
import { parseFrames } from "./sse-frames.ts";

export interface AgentFrame {
  readonly event: string | undefined;
  readonly data: { readonly type?: string; readonly message?: string; readonly code?: string } & Partial<AgentResult>;
}

export interface AgentGateway extends AsyncDisposable {
  readonly harness: Harness;
  /** Opens the stream of a run. */
  open(
    query: unknown,
    init?: { readonly signal?: AbortSignal; readonly headers?: Record<string, string> },
  ): Promise<Response>;
  /** A whole run. */
  run(query: string): Promise<readonly AgentFrame[]>;
  /** Tells the model its next answers: names with arguments, or words. */
  answer(...answers: readonly (string | readonly [name: string, input?: object])[]): void;
}

export async function startAgentGateway(
  servers: Readonly<Record<string, FakeScript>>,
  environment: Readonly<Record<string, string>> = {},
  clock?: () => number,
): Promise<AgentGateway> {
  const fake = join(import.meta.dir, "fake-mcp.ts");
  const settings = Object.entries(servers).map(([name, script]) => [
    name,
    { command: process.execPath, args: [fake, JSON.stringify(script)] },
  ]);
  const harness = await startHarness({
    environment: { MCP_SERVERS: JSON.stringify(Object.fromEntries(settings)), AGENT_OPEN: "true", ...environment },
    ...(clock !== undefined && { clock }),
  });
  const open: AgentGateway["open"] = (query, init) => harness.post("/api/agent/stream", { query }, init);
  return {
    harness,
    open,
    run: async (query) => readAgentFrames(await (await open(query)).text()),
    answer(...answers) {
      const entries = answers.map((said) =>
        typeof said === "string"
          ? { reply: { text: said } }
          : { reply: { text: "", calls: [{ name: said[0], arguments: said[1] ?? {} }] } },
      );
      harness.emulator.script(...entries);
    },
    [Symbol.asyncDispose]: () => harness[Symbol.asyncDispose](),
  };
}

export function readAgentFrames(text: string): AgentFrame[] {
  // The shape is what the tests assert.
  return parseFrames(text).map(({ event, data }) => ({ event, data: JSON.parse(data) as AgentFrame["data"] }));
}
