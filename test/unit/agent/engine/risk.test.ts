// What a tool may do to the world, told from its name, its description, its server's hints and the settings.

import { describe, expect, test } from "bun:test";
import { classifyTool, createJudge, type Risk, type RiskRules } from "../../../../src/agent/engine/risk.ts";
import type { ToolHints } from "../../../../src/agent/tools.ts";
import { toolOf } from "../../../support/scripted-tools.ts";

function riskOf(name: string, hints: ToolHints = {}, description = ""): Risk {
  return classifyTool(toolOf("s", name, { hints, description }));
}

describe("classifyTool", () => {
  test.each<[Risk, string]>([
    ["read", "list_events listEvents get_email github.search_issues calendar-get-event list_messages read_file echo"],
    ["read", "list_deleted_files server_status get_data_set whoami fetch_order_history get_weather compareFiles"],
    ["write", "create_event createEvent add_note new_draft calendar_create_event schedule_meeting upload-file"],
    ["destructive", "delete_event deleteEvent event_delete DELETE_ALL remove_user drop_table purge_cache rm"],
    ["destructive", "send_mail sendMail post_tweet pay_invoice create_payment make_call create_message buy_stock"],
    [
      "destructive",
      "update_event write_file edit_file move_file rename set_volume search_and_replace create_or_update_file",
    ],
    ["destructive", "check_and_post get_and_delete run_command execute_sql open_door do_it xyzzy"],
  ])("takes for %s by name: %s", (risk, names) => {
    expect(names.split(" ").map((name) => [name, riskOf(name)])).toEqual(names.split(" ").map((name) => [name, risk]));
  });

  test.each<[Risk, string, ToolHints]>([
    ["destructive", "delete_everything", { readOnly: true }],
    ["destructive", "delete_everything", { readOnly: true, destructive: false, idempotent: true }],
    ["destructive", "send_mail", { destructive: false }],
    ["destructive", "dеlete_all", { readOnly: true }],
    ["destructive", "lіst_events", { readOnly: true }],
    ["destructive", "list_events", { destructive: true }],
    ["write", "list_events", { readOnly: false }],
    ["write", "create_event", { readOnly: true }],
    ["write", "update_event", { destructive: false }],
    ["write", "frobnicate", { destructive: false }],
    ["read", "frobnicate", { readOnly: true }],
    ["read", "list_events", { readOnly: true, destructive: true }],
  ])("says %s of %s with the hints %j", (risk, name, hints) => {
    expect(riskOf(name, hints)).toBe(risk);
  });

  test.each<[Risk, string, string]>([
    ["read", "weather_in", "Returns the weather of a city"],
    ["read", "zzz", "Gets all users"],
    ["write", "zzz", "Creates a note"],
    ["destructive", "zzz", "Deletes a note"],
    ["destructive", "zzz", "A handy tool"],
    ["destructive", "create_event", "Creates an event and sends invitations to all guests"],
    ["destructive", "create_table", "Creates a table. Overwrites one that is there"],
    ["destructive", "add_entry", "Adds an entry. This cannot be undone"],
    ["read", "list_files", "Lists files. Files that were deleted are not shown"],
  ])("says %s of a silent %s that is described: %s", (risk, name, description) => {
    expect(riskOf(name, {}, description)).toBe(risk);
  });

  test("does not believe the name of a query that takes code", () => {
    const schema = { type: "object", properties: { sql: { type: "string" } } };

    expect(classifyTool(toolOf("db", "query", { schema }))).toBe("destructive");
    expect(classifyTool(toolOf("db", "query", { schema, hints: { readOnly: true } }))).toBe("read");
  });
});

describe("createJudge", () => {
  const judge = (rules: Partial<RiskRules>, name: string, risk: Risk) =>
    createJudge({ confirm: "destructive", allow: [], ask: [], deny: [], ...rules })({ server: "calendar", name }, risk);

  test.each<[RiskRules["confirm"], readonly string[]]>([
    ["destructive", ["run", "run", "ask"]],
    ["writes", ["run", "ask", "ask"]],
    ["never", ["run", "run", "run"]],
  ])("with confirm=%s: what reads, adds, destroys is %p", (confirm, verdicts) => {
    const risks: readonly Risk[] = ["read", "write", "destructive"];

    expect(risks.map((risk) => judge({ confirm }, "any", risk) as string)).toEqual([...verdicts]);
  });

  test("forbidding wins over asking, and asking over allowing", () => {
    const all = { allow: ["calendar/*"], ask: ["calendar/*"], deny: ["calendar/*"] };

    expect(judge(all, "list_events", "read")).toBe("deny");
    expect(judge({ ...all, deny: [] }, "list_events", "read")).toBe("ask");
    expect(judge({ allow: ["calendar/*"] }, "delete_event", "destructive")).toBe("run");
    expect(judge({ confirm: "never", ask: ["*"] }, "list_events", "read")).toBe("ask");
  });

  test.each([
    ["calendar/delete_*", "delete_event", true],
    ["*/delete_*", "delete_event", true],
    ["delete_*", "delete_event", true],
    ["*", "anything", true],
    ["calendar/delete_*", "DELETE_event", true],
    ["calendar/delete_*", "dеlete_event", true],
    ["calendar/delete.*", "delete_event", false],
    ["mail/*", "delete_event", false],
    ["calendar/delete", "delete_event", false],
  ])("the pattern %s against %s: %p", (pattern, name, matches) => {
    expect(judge({ deny: [pattern] }, name, "read")).toBe(matches ? "deny" : "run");
  });

  test("nothing that only looks like a tool is allowed with it", () => {
    expect(judge({ allow: ["calendar/delete_event"] }, "dеlete_event", "destructive")).toBe("ask");
  });
});
