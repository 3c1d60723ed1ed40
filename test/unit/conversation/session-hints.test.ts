// Which of the customary places wins, and what is no usable id.

import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../src/contract/gateway-error.ts";
import { sessionHints } from "../../../src/conversation/session-hints.ts";

const hintsOf = (headers: Record<string, string>, fields: Parameters<typeof sessionHints>[1] = {}) =>
  sessionHints(new Headers(headers), fields);

describe("sessionHints", () => {
  test("knows no session when nothing names one", () => {
    expect(hintsOf({})).toEqual({ sessionId: undefined, thin: false });
  });

  test("takes the first place that names one", () => {
    const headers: Record<string, string> = {
      "x-session-id": "1",
      "session-id": "2",
      "x-claude-code-session-id": "3",
      "thread-id": "4",
      "x-session-affinity": "5",
    };
    const fields = { sessionId: "0", hint: "6" };

    const found = [hintsOf(headers, fields).sessionId];
    for (const name of Object.keys(headers)) {
      found.push(hintsOf(headers, { hint: "6" }).sessionId);
      delete headers[name];
    }
    found.push(hintsOf({}, { hint: "6" }).sessionId);

    expect(found).toEqual(["0", "1", "2", "3", "4", "5", "6"]);
  });

  test("calls a client thin that names its session in the body", () => {
    expect(hintsOf({}, { sessionId: "mine" })).toEqual({ sessionId: "mine", thin: true });
  });

  test("calls a client thin that says so beside X-Session-Id, and no other", () => {
    expect(hintsOf({ "x-session-id": "mine", "x-session-mode": "Thin" })).toEqual({ sessionId: "mine", thin: true });
    expect(hintsOf({ "x-session-id": "mine" })).toEqual({ sessionId: "mine", thin: false });
    expect(hintsOf({ "x-session-id": "mine", "x-session-mode": "full" }).thin).toBe(false);
    expect(hintsOf({ "session-id": "mine", "x-session-mode": "thin" })).toEqual({ sessionId: "mine", thin: false });
    expect(hintsOf({ "x-session-mode": "thin" }, { hint: "mine" })).toEqual({ sessionId: "mine", thin: false });
  });

  test("trims, and passes over what is no usable id", () => {
    expect(hintsOf({ "x-session-id": "  mine " }).sessionId).toBe("mine");
    expect(hintsOf({ "x-session-id": "x".repeat(201), "session-id": "mine" }).sessionId).toBe("mine");
    expect(hintsOf({ "x-session-id": "x".repeat(201), "x-session-mode": "thin" }).thin).toBe(false);
    expect(hintsOf({ "x-session-id": "" }, { hint: "a\u0007b" }).sessionId).toBeUndefined();
    expect(hintsOf({ "x-session-id": "x".repeat(200) }).sessionId).toHaveLength(200);
  });

  test("refuses an unusable session_id of the body by its name", () => {
    for (const sessionId of ["", " ", "a\nb", "\u200b", ".", "..", "x".repeat(201)]) {
      const failure = (() => {
        try {
          return hintsOf({ "x-session-id": "other" }, { sessionId });
        } catch (error) {
          return error;
        }
      })();
      expect(failure).toBeInstanceOf(GatewayError);
      expect(failure).toMatchObject({ kind: "invalid-request", param: "session_id" });
    }
  });
});
