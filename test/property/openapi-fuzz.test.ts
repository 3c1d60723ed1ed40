// The fuzz that the OpenAPI document drives (test/e2e/openapi-fuzz.test.ts) looked at itself: what it makes of a schema is what
// it says, and each kind of fault is found where it is planted.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Check } from "typebox/schema";
import { secrets } from "../support/hostile/app-under-attack.ts";
import type { NamedOperation, OpenapiDocument, Schema } from "../support/openapi.ts";
import { asCurl } from "../support/openapi-fuzz/fuzz-request.ts";
import { judgeFuzz } from "../support/openapi-fuzz/judge-fuzz.ts";
import { casesOf, type Expectation } from "../support/openapi-fuzz/operation-cases.ts";
import { valuesOf, violationsOf } from "../support/openapi-fuzz/schema-values.ts";
import { runsOf } from "./runs.ts";

const text = { type: "string", minLength: 1, maxLength: 5 };
const schema: Schema = {
  type: "object",
  required: ["name", "items"],
  properties: {
    name: text,
    count: { anyOf: [{ type: "integer", minimum: 1, maximum: 9 }, { type: "null" }] },
    share: { type: "number", minimum: 0, maximum: 1 },
    kind: { enum: ["one", "two"] },
    only: { const: "this" },
    word: { type: "string", pattern: "^[a-z]{2}$" },
    at: { type: "string", format: "date-time" },
    isOpen: { type: "boolean" },
    items: { type: "array", items: text, minItems: 1, maxItems: 3 },
    notes: { type: "object", patternProperties: { "^.*$": text } },
    anything: {},
  },
};
const example = { name: "a", items: ["b"] };

describe("of a schema", () => {
  test("every value that is made fits it", () => {
    fc.assert(
      fc.property(valuesOf(schema, example), (value) => Check(schema, value)),
      runsOf("values of a schema", 300),
    );
  });

  test("every rule is broken, and every value breaks the schema", () => {
    const violations = violationsOf(schema, example);

    expect(violations.map(({ rule }) => rule).toSorted()).toEqual([
      "at: type",
      "at: value",
      "body: type",
      "count: maximum",
      "count: minimum",
      "count: type",
      "isOpen: type",
      "items: maxItems",
      "items: minItems",
      "items: required",
      "items: type",
      "items[]: maxLength",
      "items[]: minLength",
      "items[]: type",
      "kind: type",
      "kind: value",
      "name: maxLength",
      "name: minLength",
      "name: required",
      "name: type",
      "notes.*: maxLength",
      "notes.*: minLength",
      "notes.*: type",
      "notes: type",
      "only: type",
      "only: value",
      "share: maximum",
      "share: minimum",
      "share: type",
      "word: type",
      "word: value",
    ]);
    for (const { value } of violations)
      fc.assert(
        fc.property(value, (one) => !Check(schema, one)),
        { numRuns: 20 },
      );
  });

  test("a word that is unknown is not passed over", () => {
    expect(() => valuesOf({ type: "string", contentEncoding: "base64" })).toThrow("contentEncoding");
    expect(() => valuesOf({ type: "string", format: "ipv6" })).toThrow("ipv6");
  });
});

const json = "application/json";
const error = { type: "object", required: ["error"], properties: { error: { type: "object" } } };
const operation: NamedOperation = {
  method: "POST",
  path: "/things/{id}",
  operationId: "post_things",
  summary: "Changes a thing",
  security: [{ bearer: [] }],
  parameters: [
    { name: "id", in: "path", required: true, schema: { type: "string" } },
    { name: "limit", in: "query", required: false, schema: { type: "integer", minimum: 1 } },
  ],
  requestBody: { required: true, content: { [json]: { schema, example } } },
  responses: {
    200: {
      content: {
        [json]: { schema: { type: "object", required: ["id"], properties: { id: { type: "string" } } } },
        "text/event-stream": {
          schema: { type: "string", "x-event-data": { type: "object", required: ["token"], properties: {} } },
        },
      },
    },
    400: { content: { [json]: { schema: error } } },
    401: { content: { [json]: { schema: error } } },
    403: { content: { [json]: { schema: { $ref: "#/components/schemas/Error" } } } },
    500: { content: { [json]: { schema: error } } },
  },
};
const document: OpenapiDocument = {
  openapi: "3.1.0",
  paths: { [operation.path]: { post: operation } },
  components: { schemas: { Error: error } },
};
const requestId = `req_${"0".repeat(32)}`;

interface Told {
  readonly status?: number;
  readonly type?: string;
  readonly text?: string;
  readonly expects?: Expectation;
  readonly headers?: Readonly<Record<string, string>>;
  readonly log?: string;
}

function problemsOf({ status = 200, type = json, text: said = '{"id":"a"}', headers = {}, log = "", ...more }: Told) {
  const all = new Headers({ "content-type": type, "x-request-id": requestId, ...headers });
  return judgeFuzz(document, operation, more.expects ?? "documented", { status, headers: all, text: said }, log);
}

describe("judgeFuzz", () => {
  const refusal = '{"error":{}}';

  test.each<[string, Told]>([
    ["an answer as documented", {}],
    ["a stream as documented", { type: "text/event-stream", text: 'id: 1\ndata: {"token":"a"}\n\ndata: [DO' }],
    ["a refusal where one is expected", { status: 400, text: refusal, expects: "refused" }],
    ["a method that is refused", { status: 405, text: refusal, headers: { allow: "POST" }, expects: 405 }],
  ])("finds nothing wrong with %s", (_, told) => {
    expect(problemsOf(told)).toEqual([]);
  });

  test.each<[string, Told, string]>([
    ["a failure of the gateway", { status: 500, text: refusal }, "a failure of the gateway itself"],
    [
      "the same in a stream",
      { type: "text/event-stream", text: 'data: {"token":"","code":"internal"}\n\n' },
      "a failure of the gateway itself",
    ],
    ["a status that nobody documents", { status: 418, text: refusal }, "status 418 is not documented"],
    ["a page", { type: "text/html", text: "<html>" }, "text/html is not documented"],
    ["an answer out of shape", { text: "{}" }, "does not fit its schema"],
    ["an answer that is no JSON", { text: "{" }, "does not fit its schema"],
    ["an error out of shape", { status: 403, text: '{"message":"no"}' }, "does not fit its schema"],
    ["a frame out of shape", { type: "text/event-stream", text: 'data: {"word":"a"}\n\n' }, "a frame out of shape"],
    ["a frame that is no JSON", { type: "text/event-stream", text: "data: a\n\n" }, "a frame out of shape"],
    ["what is taken and breaks a rule", { expects: "refused" }, "status 200 where refused is expected"],
    ["who comes in without a key", { expects: 401 }, "status 200 where 401 is expected"],
    ["a refused method that names no other", { status: 405, text: refusal, expects: 405 }, "no method that is allowed"],
    ["an answer without a request id", { headers: { "x-request-id": "" } }, "no request id"],
    ["a stack", { text: '{"id":"Error\\n  at run (/src/server/a.ts:1)"}' }, "a stack"],
    ["a secret in a header", { headers: { "x-key": secrets.adminKey } }, "a secret"],
    ["a secret in a body", { text: JSON.stringify({ id: secrets.qwenToken }) }, "a secret"],
    ["a secret in the log", { log: secrets.upstreamKey }, "a secret in the log"],
    ["a control character in the log", { log: "a\u001b[31m" }, "a control character in the log"],
  ])("finds %s", (_, told, problem) => {
    expect(problemsOf(told).join("\n")).toContain(problem);
  });
});

describe("casesOf", () => {
  const keys = { plain: "plain", admin: "admin" };
  const ids = { "/things/": "id-of-a-thing" };
  const cases = casesOf(document, operation, { keys, ids, tooManyBytes: 1000 });
  const sampleOf = (end: string) => {
    const one = cases.find(({ name }) => name.endsWith(end));
    if (one === undefined) throw new Error(`no case ${end} among ${cases.map(({ name }) => name).join(", ")}`);
    return fc.sample(one.request, { numRuns: 20, seed: 1 });
  };

  test("what is documented is asked at the address that leads somewhere, with a key", () => {
    for (const { target, headers, body } of sampleOf("as documented")) {
      expect(target).toStartWith("/things/id-of-a-thing");
      expect(headers).toContainEqual(["authorization", "Bearer plain"]);
      expect(Check(schema, JSON.parse(body ?? ""))).toBe(true);
    }
  });

  test("keys, methods, parameters, bodies and types are all tried", () => {
    expect(sampleOf("without a key")[0]!.headers.map(([name]) => name)).not.toContain("authorization");
    expect(sampleOf("by DELETE")[0]!.method).toBe("DELETE");
    expect(sampleOf("with a wrong limit").every(({ target }) => /[?&]limit=(?![1-9]\d*$)/.test(target))).toBe(true);
    expect(sampleOf("name: required").every(({ body }) => !("name" in JSON.parse(body ?? "")))).toBe(true);
    expect(sampleOf("with too large a body")[0]!.body!.length).toBeGreaterThan(1000);
    expect(sampleOf('as "text/plain"')[0]!.headers).toContainEqual(["content-type", "text/plain"]);
    expect(sampleOf("with an odd {id}").every(({ target }) => !target.startsWith("/things/id-of-a-thing"))).toBe(true);
  });

  test("a request is told as a line for the shell", () => {
    const line = asCurl("http://127.0.0.1:1", {
      method: "POST",
      target: "/a?b=c",
      headers: [["x-a", "it's"]],
      body: `{"a":"\u001b"}${"x".repeat(3000)}`,
    });

    expect(line).toStartWith("curl -sS -i --path-as-is -X POST $'http://127.0.0.1:1/a?b=c' -H $'x-a: it\\'s'");
    expect(line).toContain(String.raw`--data-binary $'{"a":"\u001b"}xxx`);
    expect(line).toEndWith("[and 1009 more]'");
  });
});
