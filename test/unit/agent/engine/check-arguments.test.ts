// Arguments of a call: repaired, checked, refused with a reason; and schemas of strangers that would never end.

import { describe, expect, test } from "bun:test";
import { checkArguments, checkInput } from "../../../../src/agent/engine/check-arguments.ts";
import type { JsonObject } from "../../../../src/contract/json.ts";
import { setAgentStage } from "../../../support/agent-stage.ts";
import { objectSchema } from "../../../support/scripted-tools.ts";

const schema = objectSchema({ title: { type: "string" }, minutes: { type: "integer", minimum: 1 } }, ["title"]);

describe("checkArguments", () => {
  test.each([
    ['{"title":"a","minutes":30}', { title: "a", minutes: 30 }],
    ['{"title":"a","minutes":"30"}', { title: "a", minutes: 30 }],
    ["{'title': 'a',}", { title: "a" }],
    ['"{\\"title\\":\\"a\\"}"', { title: "a" }],
  ])("takes %s", (text, input) => {
    expect(checkArguments(text, schema)).toEqual({ input });
  });

  test.each([
    ["", '"title" is missing'],
    ['{"minutes":5}', '"title" is missing'],
    ['{"title":"a","colour":"red"}', '"colour" is not known'],
    ['{"title":"a","minutes":0}', '"minutes" must be >= 1'],
    ['{"title":"a","minutes":"soon"}', '"minutes" must be integer'],
    ["[1]", "The arguments are not a JSON object"],
    ["so what", "The arguments are not a JSON object"],
    [`{"title":"${"a".repeat(200_001)}"}`, "The arguments are too long"],
  ])("refuses %.40s", (text, problem) => {
    expect(checkArguments(text, schema)).toEqual({ problem });
  });

  test.each<[string, JsonObject]>([
    ["a pattern that is none", { properties: { title: { pattern: "(" } } }],
    ["itself", { $ref: "#" }],
    ["another place", { $ref: "https://example.com/schema" }],
    ["a billion parts", billion()],
  ])("runs into no wall with a schema of %s", (_name, broken) => {
    expect(checkArguments('{"title":"a"}', broken)).toMatchObject({ problem: expect.stringContaining("schema") });
  });

  test("takes a schema that holds itself further inside, as trees do", () => {
    const tree = { type: "object", properties: { child: { $ref: "#" }, name: { type: "string" } } };

    expect(checkArguments('{"child":{"child":{"name":"a"}}}', tree)).toHaveProperty("input");
    expect(checkArguments('{"child":{"child":[]}}', tree)).toHaveProperty("problem");
  });
});

function billion(): JsonObject {
  const steps = Array.from({ length: 30 }, (_, index) => {
    const next = { $ref: `#/$defs/d${index + 1}` };
    return [`d${index}`, { allOf: [next, next] }];
  });
  return { $ref: "#/$defs/d0", $defs: { ...Object.fromEntries(steps), d30: { type: "object" } } };
}

describe("a call whose arguments do not fit", () => {
  const servers = { calendar: { create_event: { schema } } };

  test("is mended by the model, which is told what is wrong [R4-022]", async () => {
    const stage = setAgentStage({
      servers,
      answers: [[["create_event", {}]], [["create_event", { title: "a" }]], "Done."],
    });

    const result = await stage.run("add an event");

    expect(stage.model.questions[1]?.messages.at(-1)).toMatchObject({
      isError: true,
      content: [{ text: '"title" is missing. Mend the arguments and call it once more' }],
    });
    expect(result).toMatchObject({ success: true, results: [{ success: true }] });
    expect(stage.tools.calls).toHaveLength(1);
  });

  test("fails when they do not fit once more", async () => {
    const stage = setAgentStage({ servers, answers: [[["create_event"]], [["create_event"]], "I could not."] });

    const result = await stage.run("add an event");

    expect(stage.tools.calls).toEqual([]);
    expect(result).toMatchObject({
      success: false,
      answer: "I could not.",
      results: [{ service: "calendar", command: "create_event", success: false, error: '"title" is missing' }],
      error: { code: "command_failed", message: 'Cannot carry out "calendar/create_event": "title" is missing' },
    });
  });

  test("is converted where that needs no guessing", async () => {
    const stage = setAgentStage({ servers, answers: [[["create_event", { title: "a", minutes: "30" }]], "Done."] });

    await stage.run("add an event");

    expect(stage.tools.calls[0]?.input).toEqual({ title: "a", minutes: 30 });
  });
});

describe("patterns of strangers", () => {
  const told = (schema: JsonObject, input: JsonObject) => {
    const startedAtMs = performance.now();
    const checked = checkInput(input, { type: "object", properties: schema });
    return { isFit: "input" in checked, ms: performance.now() - startedAtMs };
  };
  const long = `${"a".repeat(44)}!`;

  test.each([
    ["a repetition within a repetition", { pattern: "^(a+)+$" }, long],
    ["alternatives within a repetition", { pattern: "^(?:a|a)*b$" }, long],
    ["what may be empty within a repetition", { pattern: "^(?<x>a?)*b$" }, long],
    ["repetitions behind one another", { pattern: "a*a*a*a*a*a*b" }, "a".repeat(20_000)],
    ["a lookahead", { pattern: "^(?=(a+)+$)" }, long],
    ["a repetition with bounds", { pattern: "^(a{1,30}){1,30}$" }, long],
    ["fifty of them", { allOf: Array.from({ length: 50 }, () => ({ pattern: "^(a+)+$" })) }, long],
    ["names", { type: "object", patternProperties: { "^(a+)+$": {} }, additionalProperties: false }, { [long]: 1 }],
    ["a format", { format: "uri-reference" }, "a".repeat(190_000)],
  ])("are left to the server where they would take for ever: %s", (_what, a, value) => {
    const { isFit, ms } = told({ a }, { a: value });

    expect(isFit).toBe(true);
    expect(ms).toBeLessThan(400);
  });

  test.each([
    ["^(a+)+$", "aab"],
    ["^\\d{4}-\\d{2}-\\d{2}$", "2026-1-1"],
    ["^(\\d+)(,\\d+)*$", "1,2,"],
    ["^[^@]+@[^@]+\\.[^@]+$", "john.at.example.com"],
    ["[\\]()*+]$", "x".repeat(1000)],
    ["^(?:[0-9]{3}){2,}$", "1234"],
  ])("are checked where that is cheap: %s", (pattern, value) => {
    expect(told({ a: { pattern } }, { a: value }).isFit).toBe(false);
  });

  test("are no patterns where they are values", () => {
    expect(told({ a: { const: { pattern: "(a+)+" } } }, { a: { pattern: "(a+)+" }, long }).isFit).toBe(true);
    expect(told({ a: { enum: [{ pattern: "(a+)+" }] } }, { a: { pattern: "x" }, long }).isFit).toBe(false);
  });
});
