// Rules of single callers beside those of all.

import { describe, expect, test } from "bun:test";
import { type CallerRules, createJudges } from "../../../../src/agent/engine/caller-rules.ts";
import type { RiskRules } from "../../../../src/agent/engine/risk.ts";

const common: RiskRules = { confirm: "destructive", allow: [], ask: [], deny: [] };
const of = (caller: string, rules: Partial<RiskRules>): CallerRules => ({ fits: (one) => one === caller, ...rules });

function verdicts(rules: Partial<RiskRules>, perCaller: readonly CallerRules[], callers: readonly string[]): string[] {
  const judgeOf = createJudges({ ...common, ...rules }, perCaller);
  return callers.map((caller) => judgeOf(caller).judge({ server: "mail", name: "send_mail" }, "destructive"));
}

describe("createJudges", () => {
  test("judges each caller by their own rules beside the common ones", () => {
    const rules = [of("ann", { allow: ["mail/*"] }), of("bob", { deny: ["mail/*"] })];

    expect(verdicts({}, rules, ["ann", "bob", "eve"])).toEqual(["run", "deny", "ask"]);
  });

  test.each<[string, Partial<RiskRules>, Partial<RiskRules>, string]>([
    ["a common deny over an own allow", { deny: ["mail/*"] }, { allow: ["mail/*"] }, "deny"],
    ["an own deny over a common allow", { allow: ["mail/*"] }, { deny: ["send_*"] }, "deny"],
    ["a common ask over an own allow", { ask: ["mail/*"] }, { allow: ["mail/*"] }, "ask"],
    ["an own ask over a common allow", { allow: ["mail/*"] }, { ask: ["mail/*"] }, "ask"],
    ["an own confirm over the common one", { confirm: "writes" }, { confirm: "never" }, "run"],
    ["a common ask over an own confirm", { ask: ["*"] }, { confirm: "never" }, "ask"],
  ])("takes %s", (_what, all, own, verdict) => {
    expect(verdicts(all, [of("ann", own)], ["ann"])).toEqual([verdict]);
  });

  test("adds up several rules that fit, and takes the strictest confirm", () => {
    const rules = [of("ann", { confirm: "never" }), of("ann", { confirm: "writes" }), of("ann", { allow: ["x"] })];
    const judge = createJudges(common, rules)("ann").judge;

    expect(judge({ server: "notes", name: "add_note" }, "write")).toBe("ask");
    expect(judge({ server: "notes", name: "x" }, "destructive")).toBe("run");
  });

  test("gives callers of the same rules the same judge", () => {
    const judgeOf = createJudges(common, [{ fits: (caller) => caller.startsWith("user:"), deny: ["*"] }]);

    expect(judgeOf("user:ann")).toBe(judgeOf("user:bob"));
    expect(judgeOf("key:1").key).not.toBe(judgeOf("user:ann").key);
  });
});
