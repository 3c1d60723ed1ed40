// The bodies of the agent's routes: what is taken, and which field a refusal names.

import { describe, expect, test } from "bun:test";
import { parseConfirm, parseQuery } from "../../../src/agent/parse-request.ts";

const bytes = (body: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(body));

describe("parseQuery", () => {
  test("takes null for absent [R4-007]", () => {
    expect(parseQuery(bytes({ query: "List", session_id: null, model: null }))).toEqual({
      query: "List",
      sessionId: undefined,
      model: undefined,
    });
  });

  test("wants a query all the same [R4-029]", () => {
    expect(() => parseQuery(bytes({ query: null }))).toThrow('"query" must be a string');
  });
});

describe("parseConfirm", () => {
  test("takes null for arguments that are not changed [R4-005]", () => {
    expect(
      parseConfirm(bytes({ confirmation_id: "c1", decision: "approve", arguments: null })).changed,
    ).toBeUndefined();
  });
});
