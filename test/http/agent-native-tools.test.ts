// The agent over servers that know tools themselves: what was found goes there as tools, results come back as results.

import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { readAgentFrames } from "../support/agent-gateway.ts";
import { startDialectStage } from "../support/dialect-stage.ts";

setDefaultTimeout(30_000);

const tools = [
  { name: "get_contact", text: "john@example.com", annotations: { readOnlyHint: true } },
  { name: "get_weather", text: "sunny", annotations: { readOnlyHint: true } },
  { name: "create_event", does: "echo" },
];
const servers = {
  calendar: {
    command: process.execPath,
    args: [join(import.meta.dir, "../support/fake-mcp.ts"), JSON.stringify({ tools })],
  },
};

interface SentBody {
  readonly tools: readonly { readonly type: string; readonly function: { readonly name: string } }[];
  readonly messages: readonly {
    readonly role: string;
    readonly content: unknown;
    readonly tool_call_id?: string;
    readonly tool_calls?: readonly { readonly id: string; readonly function: { readonly name: string } }[];
  }[];
}

test.each(["dashscope", "vllm", "ollama", "llama-cpp"] as const)(
  "a run over %s calls natively, at the same time what reads, and hands results on [R4-022]",
  async (dialect) => {
    await using stage = await startDialectStage({
      dialect,
      environment: { MCP_SERVERS: JSON.stringify(servers), AGENT_OPEN: "true" },
    });
    stage.emulator.script(
      {
        reply: {
          calls: [
            { name: "get_contact", arguments: {} },
            { name: "get_weather", arguments: {} },
          ],
        },
      },
      { reply: { calls: [{ name: "create_event", arguments: { title: "With john@example.com" } }] } },
      { reply: { text: "It is in the calendar." } },
    );

    const response = await stage.harness.post("/api/agent/stream", { query: "Meet John tomorrow if it is sunny" });
    const frames = readAgentFrames(await response.text());

    expect(frames.at(-1)?.data).toMatchObject({
      success: true,
      answer: "It is in the calendar.",
      results: [
        { command: "get_contact", success: true },
        { command: "get_weather", success: true },
        { command: "create_event", success: true, result: { title: "With john@example.com" } },
      ],
    });
    // The casts are to what the server was sent.
    const bodies = stage.completions().map(({ body }) => body as unknown as SentBody);
    expect(bodies).toHaveLength(3);
    expect(bodies[0]?.tools.map((tool) => tool.function.name)).toEqual([
      "get_contact",
      "get_weather",
      "create_event",
      "ask_user",
    ]);
    expect(bodies[1]?.messages.map(({ role }) => role)).toEqual(["system", "user", "assistant", "tool", "tool"]);
    const [, , assistant, ...results] = bodies[1]?.messages ?? [];
    expect(results.map((result) => result.tool_call_id)).toEqual(assistant?.tool_calls?.map(({ id }) => id) ?? []);
    expect(JSON.stringify(results[0]?.content)).toContain("john@example.com");
    expect(bodies[2]?.messages.at(-1)?.role).toBe("tool");
  },
);
