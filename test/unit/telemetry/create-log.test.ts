// What reaches the log, in which form, and what can never reach it.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { createLog, type LogOptions } from "../../../src/telemetry/create-log.ts";
import type { Log } from "../../../src/telemetry/log.ts";

const timeMs = Date.UTC(2026, 10, 20, 12, 30, 15, 7);

function record(options: Partial<LogOptions> = {}) {
  const lines: string[] = [];
  const log = createLog({
    level: "debug",
    format: "json",
    write: (line) => lines.push(line),
    clock: () => timeMs,
    ...options,
  });
  return { log, lines };
}

function first(lines: readonly string[]): Record<string, unknown> {
  return JSON.parse(lines[0] ?? "");
}

function sayAll(log: Log): void {
  log.debug("one");
  log.info("two");
  log.warn("three");
  log.error("four");
}

describe("createLog levels", () => {
  const counts = [
    { level: "debug", count: 4 },
    { level: "info", count: 3 },
    { level: "warn", count: 2 },
    { level: "error", count: 1 },
    { level: "silent", count: 0 },
  ] as const;
  for (const { level, count } of counts) {
    test(`createLog at ${level} writes ${count} of the four levels [R2-059]`, () => {
      const { log, lines } = record({ level });
      sayAll(log);
      sayAll(log.with({ component: "store" }));

      expect(lines).toHaveLength(2 * count);
    });
  }
});

describe("createLog json", () => {
  test("createLog writes time, level, message and fields as one JSON object", () => {
    const { log, lines } = record();
    log
      .with({ component: "store" })
      .info("Turn committed", { turns: 3, chat: "c1", gone: undefined, none: null, ok: true });

    expect(lines).toHaveLength(1);
    expect(first(lines)).toEqual({
      time: "2026-11-20T12:30:15.007Z",
      level: "info",
      message: "Turn committed",
      component: "store",
      turns: 3,
      chat: "c1",
      none: null,
      ok: true,
    });
  });

  test("createLog lets the call's fields win over those of with, and no field over the line's own", () => {
    const { log, lines } = record();
    log.with({ a: 1, b: 1 }).warn("text", { b: 2, level: "info", message: "other", time: 0 });

    expect(first(lines)).toMatchObject({
      a: 1,
      b: 2,
      level: "warn",
      message: "text",
      level_: "info",
      message_: "other",
      time_: 0,
    });
  });

  test("createLog writes an error with name, code, stack and causes", () => {
    const { log, lines } = record();
    const cause = Object.assign(new Error("refused"), { code: "ECONNREFUSED" });
    log.error("Cannot open", {}, new TypeError("no chat", { cause }));

    expect(first(lines)["error"]).toMatchObject({
      name: "TypeError",
      message: "no chat",
      stack: expect.stringContaining("create-log.test.ts"),
      cause: { name: "Error", message: "refused", code: "ECONNREFUSED" },
    });
  });

  test("createLog bounds long texts and circular causes", () => {
    const { log, lines } = record();
    const error = new Error("x".repeat(100_000));
    error.cause = error;
    log.error("y".repeat(100_000), { field: "z".repeat(100_000) }, error);

    expect(lines[0]?.length).toBeLessThan(70_000);
  });

  test("createLog writes thrown values that are no errors", () => {
    const { log, lines } = record();
    for (const thrown of ["text", 7, null, Object.create(null), Symbol("s")]) log.error("Failed", {}, thrown);

    expect(lines.map((line) => JSON.parse(line).error.message)).toEqual([
      "text",
      "7",
      "null",
      "a thrown object",
      "Symbol(s)",
    ]);
  });
});

describe("createLog pretty", () => {
  test("createLog writes one readable line", () => {
    const { log, lines } = record({ format: "pretty" });
    log.info("Turn committed", { model: "qwen3-max", ms: 12, reason: "two words", empty: "" });

    expect(lines[0]).toMatch(
      /^\d\d:\d\d:15\.007 INFO {2}Turn committed model=qwen3-max ms=12 reason="two words" empty=""$/,
    );
  });

  test("createLog puts stack and causes on indented lines", () => {
    const { log, lines } = record({ format: "pretty" });
    log.error("Cannot open", {}, new Error("outer", { cause: new Error("inner\n12:00:00.000 INFO  forged") }));
    const [head, ...rest] = (lines[0] ?? "").split("\n");

    expect(head).toEndWith("ERROR Cannot open");
    expect(rest.some((line) => line.includes("outer"))).toBe(true);
    expect(rest.some((line) => line.startsWith("    Caused by: ") && line.includes("inner"))).toBe(true);
    for (const line of rest) expect(line).toStartWith("    ");
  });

  test("createLog chooses pretty for a terminal and json for a pipe when the format is auto", () => {
    const terminal = record({ format: "auto", isTerminal: true });
    const pipe = record({ format: "auto", isTerminal: false });
    for (const { log } of [terminal, pipe]) log.info("text");

    expect(terminal.lines[0]).toEndWith("INFO  text");
    expect(first(pipe.lines)["message"]).toBe("text");
  });
});

describe("createLog is safe", () => {
  test("createLog writes no control character, whatever text it is given", () => {
    const anyText = fc.string({ unit: "binary", maxLength: 40 });
    fc.assert(
      fc.property(anyText, anyText, anyText, fc.constantFrom("json", "pretty"), (message, name, value, format) => {
        const { log, lines } = record({ format });
        log.info(message, { [name]: value });

        expect(lines).toHaveLength(1);
        expect(lines[0]).not.toMatch(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u);
      }),
      { numRuns: 500 },
    );
  });

  test("createLog escapes a forged second line and a terminal sequence", () => {
    for (const format of ["json", "pretty"] as const) {
      const { log, lines } = record({ format });
      log.info("a\n12:00:00.000 INFO  b\u001b[31m", { agent: "x\r\ny\u009b2J" });

      expect(lines[0]).toContain("a\\n12:00:00.000");
      expect(lines[0]).toContain("\\u001b[31m");
      expect(lines[0]).toContain("x\\r\\ny\\u009b2J");
    }
  });

  test("createLog hides secrets in messages, fields, errors and causes", () => {
    const jwt = "eyJhbGciOiJIUzI1NiJ9.eyJpZCI6IjEyMyJ9.c2lnbmF0dXJl";
    for (const format of ["json", "pretty"] as const) {
      const { log, lines } = record({ format });
      const error = new Error(`refused ${jwt}`, { cause: new Error("Authorization: Bearer abcdefgh12345678") });
      log.error(`token ${jwt}`, { header: `Bearer ${jwt}`, qwenToken: "short", note: "Cookie: a=1; token=x" }, error);
      const text = lines.join("\n");

      for (const secret of ["eyJ", "c2lnbmF0dXJl", "abcdefgh12345678", "short", "token=x"])
        expect(text).not.toContain(secret);
      expect(text).toContain("[redacted]");
    }
  });
});

describe("createLog subscribe", () => {
  test("createLog tells subscribers every written line until they leave", () => {
    const { log, lines } = record({ level: "info" });
    const heard: string[] = [];
    log.info("before");
    const leave = log.subscribe((line) => heard.push(line));
    log.debug("too quiet");
    log.with({ a: 1 }).info("during");
    leave();
    log.info("after");

    expect(heard).toEqual([lines[1] ?? ""]);
    expect(lines).toHaveLength(3);
  });

  test("createLog drops a subscriber that throws and keeps the others", () => {
    const { log, lines } = record();
    const heard: string[] = [];
    log.subscribe(() => {
      throw new Error("broken listener");
    });
    log.subscribe((line) => heard.push(line));
    log.info("one");
    log.info("two");

    expect(heard).toEqual(lines);
    expect(lines).toHaveLength(2);
  });
});

test("createLog adjusts level and form for the logs that came of it", () => {
  const { log, lines } = record({ level: "warn" });
  const child = log.with({ component: "server" });
  child.info("too little");
  log.adjust({ level: "info", format: "pretty" });
  child.info("enough");
  log.adjust({ level: "silent", format: "json" });
  child.error("nothing any more");

  expect(lines).toHaveLength(1);
  expect(lines[0]).toContain("enough");
  expect(lines[0]).not.toStartWith("{");
});
