// The log of calls: each one and what was decided about it, and nothing of what was said.

import { describe, expect, test } from "bun:test";
import { setAgentStage } from "../../../support/agent-stage.ts";
import { calendar } from "../../../support/scripted-tools.ts";

describe("the log of calls", () => {
  test("has who, what, when, how dangerous, how long, how it ended, and a digest of the arguments", async () => {
    const stage = setAgentStage({
      answers: [
        [["list_events", { day: "secret" }]],
        [["create_event", { title: "secret" }]],
        [["delete_event", { id: "secret" }]],
      ],
      servers: {
        calendar: { ...calendar(), create_event: { run: () => ({ text: "secret", isError: true, isCut: false }) } },
      },
    });
    stage.tools.servers["calendar"]!["list_events"]!.run = () => {
      stage.pass(40);
      return "secret";
    };
    const asked = await stage.run("secret");
    await stage.engine.confirm("anna", asked.pending?.confirmation_id ?? "", "reject");

    const calls = await stage.store.listCalls("anna", 10);

    const common = { caller: "anna", sessionId: asked.session_id, server: "calendar" };
    expect(calls.map(({ createdAtMs: _at, ...call }) => call)).toEqual([
      {
        ...{ ...common, tool: "delete_event", risk: "destructive", decision: "rejected" },
        ...{ argumentsDigest: Bun.SHA256.hash('{"id":"secret"}', "hex"), durationMs: undefined, success: undefined },
      },
      {
        ...{ ...common, tool: "create_event", risk: "write", decision: "unasked" },
        ...{ argumentsDigest: Bun.SHA256.hash('{"title":"secret"}', "hex"), durationMs: 0, success: false },
      },
      {
        ...{ ...common, tool: "list_events", risk: "read", decision: "unasked" },
        ...{ argumentsDigest: Bun.SHA256.hash('{"day":"secret"}', "hex"), durationMs: 40, success: true },
      },
    ]);
    expect(JSON.stringify(calls)).not.toContain("secret");
  });

  test("is written before the call: without it there is none", async () => {
    const stage = setAgentStage({ answers: [[["list_events"]]] });
    stage.store.beginCall = () => Promise.reject(new Error("disk full"));

    const result = await stage.run("what is on today?");

    expect(stage.tools.calls).toEqual([]);
    expect(result.error?.code).toBe("internal");
  });
});
