// Rules of the agent for single callers, over the whole gateway: what one key may do, another is asked about or denied.

import { describe, expect, test } from "bun:test";
import type { AgentCapabilities, AgentResult } from "../../src/agent/engine.ts";
import { createApp } from "../../src/app.ts";
import { runCommandLine } from "../../src/cli/run-command-line.ts";
import { ConfigError } from "../../src/config/config-error.ts";
import { loadConfig } from "../../src/config/load-config.ts";
import { createLog } from "../../src/telemetry/create-log.ts";
import { startFakeHttp } from "../support/fake-mcp-http.ts";
import { startHarness } from "../support/harness.ts";
import { keysBeside } from "../support/keys-beside.ts";

const JWT_SECRET = "a secret of tests that has enough bytes";
const script = {
  tools: [
    { name: "list_notes", annotations: { readOnlyHint: true }, text: "milk" },
    { name: "add_note", annotations: { destructiveHint: false }, text: "added" },
    { name: "delete_note", text: "deleted" },
  ],
};
const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

async function mint(sub: string): Promise<string> {
  const printed: string[] = [];
  await runCommandLine(["keys", "jwt", "--sub", sub, "--config", "/dev/null"], {
    environment: { JWT_SECRET },
    print: (text) => printed.push(text),
    complain: (text) => printed.push(text),
    readInput: async () => "",
  });
  return printed.join("\n");
}

async function startRules(rules: readonly object[], more: Readonly<Record<string, string>> = {}) {
  const notes = await startFakeHttp(script);
  const harness = await startHarness({
    environment: {
      MCP_SERVERS: JSON.stringify({ notes: { url: notes.url } }),
      AGENT_RULES: JSON.stringify(rules),
      API_KEY: "ci-one,ci-two,desk-key",
      JWT_SECRET,
      ...more,
    },
  });
  return {
    harness,
    /** What becomes of a command of this caller. */
    async act(key: string, tool: string): Promise<"done" | "asked" | "refused"> {
      const call = { reply: { text: "", calls: [{ name: tool, arguments: {} }] } };
      harness.emulator.script(call, { reply: { text: "Well." } });
      const response = await harness.post("/api/agent", { query: `Please ${tool} now` }, { headers: bearer(key) });
      const result = (await response.json()) as AgentResult;
      if (result.pending !== undefined) return "asked";
      return result.results.some(({ success }) => success) ? "done" : "refused";
    },
    async risks(key: string): Promise<Record<string, string>> {
      const response = await fetch(`${harness.url}/api/agent/capabilities`, { headers: bearer(key) });
      const { services } = (await response.json()) as AgentCapabilities;
      return Object.fromEntries(services.flatMap(({ commands }) => commands.map(({ name, risk }) => [name, risk])));
    },
    async [Symbol.asyncDispose]() {
      await harness[Symbol.asyncDispose]();
      await notes[Symbol.asyncDispose]();
    },
  };
}

describe("AGENT_RULES", () => {
  test("name stored keys by name and prefix, those that are made later included", async () => {
    await using rules = await startRules([{ keys: ["desk-*"], deny: ["*/add_note"] }]);
    const keys = keysBeside(rules.harness);
    const [bot, plain] = [await keys.create("bot-1"), await keys.create("plain")];
    const stored = [
      { keys: ["bot-*"], deny: ["*/list_notes"] },
      { keys: [`${plain.slice(0, 11)}*`], deny: ["*/add_note"] },
    ];
    await rules.harness.restart({ AGENT_RULES: JSON.stringify(stored) });
    const later = await keys.create("bot-2");

    expect(await rules.risks(bot)).toEqual({ list_notes: "denied", add_note: "write", delete_note: "destructive" });
    expect(await rules.risks(later)).toEqual(await rules.risks(bot));
    expect(await rules.risks(plain)).toEqual({ list_notes: "read", add_note: "denied", delete_note: "destructive" });
    expect(await rules.risks("ci-one")).toEqual({ list_notes: "read", add_note: "write", delete_note: "destructive" });
    expect(await rules.act(plain, "list_notes")).toBe("done");
  });

  test("mean the keys that a reload brings, though nothing else of the agent changes", async () => {
    await using rules = await startRules([{ keys: ["ci-*"], deny: ["*/add_note"] }]);
    const denied = await rules.risks("ci-one");
    expect(denied).toMatchObject({ add_note: "denied" });
    await rules.harness.reload({ API_KEY: "ci-one,ci-three" });
    expect([await rules.risks("ci-three"), await rules.risks("ci-one")]).toEqual([denied, denied]);
  });

  test("are looked at again when a question is answered: what is denied meanwhile is not done, and why is said", async () => {
    await using rules = await startRules([{ keys: ["ci-*"], ask: ["notes/add_note"] }]);
    const { harness } = rules;
    harness.emulator.script({ reply: { text: "", calls: [{ name: "delete_note", arguments: {} }] } });
    const asked = await harness.post("/api/agent", { query: "Delete it" }, { headers: bearer("ci-one") });
    const { pending } = (await asked.json()) as AgentResult;
    await harness.restart({ AGENT_RULES: '[{"keys": ["ci-*"], "deny": ["notes/delete_*"]}]' });

    const answer = { confirmation_id: pending?.confirmation_id, decision: "approve" };
    const response = await harness.post("/api/agent/confirm", answer, { headers: bearer("ci-one") });

    expect(await response.json()).toMatchObject({
      success: false,
      results: [],
      error: { code: "tool_changed", message: 'Cannot call "delete_note": the settings forbid it by now' },
    });
  });

  test("let one key do what another is asked about, and a third is denied", async () => {
    await using rules = await startRules([
      { keys: ["ci-*"], deny: ["notes/delete_*"], confirm: "writes" },
      { keys: ["desk-key"], allow: ["notes/delete_note"] },
    ]);
    const { act, harness } = rules;

    expect(await act("desk-key", "delete_note")).toBe("done");
    harness.emulator.reset();
    expect(await act("ci-one", "add_note")).toBe("asked");
    harness.emulator.reset();
    expect(await act("ci-two", "delete_note")).toBe("refused");
    harness.emulator.reset();
    expect(await act(await mint("ann"), "delete_note")).toBe("asked");
    harness.emulator.reset();
    expect(await act(await mint("ann"), "add_note")).toBe("done");
    expect(await rules.risks("ci-one")).toMatchObject({ delete_note: "denied", add_note: "write" });
    expect(await rules.risks("desk-key")).toMatchObject({ delete_note: "destructive" });
  });

  test("know users by the sub of their tokens, as a whole or by a pattern", async () => {
    await using rules = await startRules([
      { users: ["*@ops.example", "安娜"], allow: ["delete_*"] },
      { users: ["eve"], deny: ["*"] },
    ]);
    const { harness } = rules;
    const outcomes: string[] = [];
    for (const sub of ["ann@ops.example", "安娜", "ann", "eve"]) {
      outcomes.push(await rules.act(await mint(sub), "delete_note"));
      harness.emulator.reset();
    }

    expect(outcomes).toEqual(["done", "done", "asked", "refused"]);
  });

  test("do not lift what is denied to all", async () => {
    await using rules = await startRules([{ keys: ["desk-key"], allow: ["*"], confirm: "never" }], {
      AGENT_DENY: "delete_*",
    });

    expect(await rules.act("desk-key", "delete_note")).toBe("refused");
  });

  test.each([
    ['[{"keys": ["cj-*"], "deny": ["*"]}]', '"keys" in entry 1 fits none of API_KEY'],
    ['[{"deny": ["*"]}]', 'no "keys" or "users" in entry 1'],
    ['[{"keys": ["ci-*"], "forbid": ["*"]}]', 'unknown key "forbid" in entry 1'],
    ['[{"users": ["ann"], "confirm": "always"}]', 'wrong "confirm" in entry 1'],
    ['{"keys": ["ci-*"]}', "AGENT_RULES"],
  ])("that cannot be meant end the start: %s", async (AGENT_RULES, reason) => {
    const start = async () => {
      const { config } = loadConfig({ environment: { API_KEY: "ci-one", AGENT_RULES }, flags: {} });
      await createApp(config, { log: createLog({ level: "silent", format: "json" }) });
    };
    const problem: unknown = await start().catch((error: unknown) => error);

    expect(problem).toBeInstanceOf(ConfigError);
    expect((problem as ConfigError).problems.join("\n")).toContain(reason);
  });
});
