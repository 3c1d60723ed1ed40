// What is tried at one operation, out of its documentation alone: what it allows, each of its rules broken, and what nobody
// documents.

import fc from "fast-check";
import type { NamedOperation, OpenapiDocument, Parameter, Schema } from "../openapi.ts";
import { encodeForm, formType } from "./encode-form.ts";
import type { FuzzRequest } from "./fuzz-request.ts";
import { propertiesOf, requiredOf, valuesOf, violationsOf } from "./schema-values.ts";

/** `documented`: any status of the operation but 500. `refused`: one that says no. Else this one. */
export type Expectation = "documented" | "refused" | 401 | 403 | 405 | 413;

export interface FuzzCase {
  readonly name: string;
  readonly request: fc.Arbitrary<FuzzRequest>;
  readonly expects: Expectation;
  /** How often it is tried. */
  readonly runs: number;
}

export interface FuzzKeys {
  readonly plain: string;
  readonly admin: string;
}

export interface FuzzOptions {
  readonly keys: FuzzKeys;
  /** What stands in the path, by the path up to its parameter. */
  readonly ids: Readonly<Record<string, string>>;
  /** Of the gateway: its MAX_BODY_BYTES, and more than any other limit of a body. */
  readonly tooManyBytes: number;
}

interface Draft {
  readonly method: string;
  readonly path: readonly string[];
  readonly query: readonly (readonly [string, string])[];
  readonly headers: readonly (readonly [string, string])[];
  readonly type: string | undefined;
  readonly body: string | undefined;
}

const usual = 2;
const often = 8;

export function casesOf(
  document: OpenapiDocument,
  operation: NamedOperation,
  options: FuzzOptions,
): readonly FuzzCase[] {
  const { keys } = options;
  const key = isForAdmins(operation) ? keys.admin : keys.plain;
  const right = allowed(operation, options);
  // What breaks one rule breaks no other, so that it is refused for that.
  const plain = plainest(operation, options);
  const broken = <T>(one: fc.Arbitrary<T>, change: (draft: Draft, held: T) => Draft): fc.Arbitrary<Draft> =>
    one.map((held) => change(plain, held));

  const drafts: readonly DraftCase[] = [
    { name: "as its example", expects: "documented", draft: fc.constant(plain), key, runs: 1 },
    { name: "as documented", expects: "documented", draft: right, key, runs: often },
    ...brokenBodies(operation, options).map(({ name, expects, body }) => ({
      name,
      expects,
      draft: broken(body, (draft, sent) => ({ ...draft, ...sent })),
      key,
    })),
    ...brokenPaths(operation).map(({ name, at, text }) => ({
      name,
      expects: "documented" as const,
      draft: broken(text, (draft, segment) => ({ ...draft, path: draft.path.with(at, segment) })),
      key,
      runs: often,
    })),
    ...operation.parameters.flatMap((parameter) =>
      parameterCases(parameter).map(({ name, expects, text }) => ({
        name,
        expects,
        draft: broken(text, (draft, value) => withParameter(draft, parameter, value)),
        key,
      })),
    ),
    ...otherMethods(document, operation).map((method) => ({
      name: `by ${method}`,
      expects: 405 as const,
      draft: right.map((draft) => ({ ...draft, method })),
      key,
      runs: 1,
    })),
    ...keyCases(operation, keys).map((one) => ({ ...one, draft: right })),
  ];
  return drafts.map(({ name, expects, draft, key: own, runs = usual }) => ({
    name: `${operation.method} ${operation.path} ${name}`,
    request: draft.map((one) => finish(one, own)),
    expects,
    runs,
  }));
}

interface DraftCase {
  readonly name: string;
  readonly expects: Expectation;
  readonly draft: fc.Arbitrary<Draft>;
  readonly key: string | undefined;
  /** @defaultValue 2 */
  readonly runs?: number;
}

function finish({ method, path, query, headers, type, body }: Draft, key: string | undefined): FuzzRequest {
  const search = query.map(([name, value]) => `${encode(name)}=${encode(value)}`).join("&");
  return {
    method,
    target: `/${path.join("/")}${search === "" ? "" : `?${search}`}`,
    headers: [
      ["accept", "application/json, text/event-stream"],
      ...(key === undefined ? [] : [["authorization", `Bearer ${key}`] as const]),
      ...(body === undefined || type === undefined ? [] : [["content-type", type] as const]),
      ...headers,
    ],
    body: method === "GET" || method === "HEAD" ? undefined : body,
  };
}

/** With what must be there alone. */
function plainest(operation: NamedOperation, { ids }: FuzzOptions): Draft {
  const path = segmentsOf(operation).map((segment, index, all) =>
    isParameter(segment) ? encode(ids[`/${filled(all.slice(0, index), ids)}`] ?? "unknown") : segment,
  );
  return { method: operation.method, path, query: [], headers: [], ...exampleOf(operation) };
}

/** All that the document allows. */
function allowed(operation: NamedOperation, options: FuzzOptions): fc.Arbitrary<Draft> {
  const plain = plainest(operation, options);
  const parameters = operation.parameters
    .filter((parameter) => parameter.in !== "path")
    .map((parameter) =>
      fc
        .tuple(valuesOf(parameter.schema).map(asText), fc.nat(2))
        .map(([text, chance]) => ({ parameter, text: chance === 0 || parameter.required ? text : undefined })),
    );
  return fc
    .tuple(bodiesOf(operation), ...parameters)
    .map(([body, ...given]) =>
      given.reduce<Draft>(
        (draft, { parameter, text }) => (text === undefined ? draft : withParameter(draft, parameter, text)),
        { ...plain, ...body },
      ),
    );
}

/** Up to an inner parameter, with the id that stands for it. */
function filled(segments: readonly string[], ids: FuzzOptions["ids"]): string {
  const done: string[] = [];
  for (const segment of segments) done.push(isParameter(segment) ? (ids[`/${done.join("/")}/`] ?? "unknown") : segment);
  return `${done.join("/")}/`;
}

type SentBody = Pick<Draft, "type" | "body">;

function exampleOf({ requestBody }: NamedOperation): SentBody {
  const [type, media] = Object.entries(requestBody?.content ?? {})[0] ?? [];
  if (type === undefined || media === undefined) return { type: undefined, body: undefined };
  if (type === "application/json") return { type, body: JSON.stringify(media.example) };
  const fields = requiredOf(media.schema).map((name) => ({ name, value: "Hello", isFile: true }));
  return { type: formType, body: encodeForm(fields) };
}

function bodiesOf({ requestBody }: NamedOperation): fc.Arbitrary<SentBody> {
  const contents = Object.entries(requestBody?.content ?? {});
  if (contents.length === 0) return fc.constant({ type: undefined, body: undefined });
  return fc.oneof(
    ...contents.map(([type, { schema, example }]) =>
      type === "application/json"
        ? valuesOf(schema, example).map((value) => ({ type, body: JSON.stringify(value) }))
        : formsOf(schema),
    ),
  );
}

function formsOf(schema: Schema): fc.Arbitrary<SentBody> {
  const fields = Object.entries(propertiesOf(schema)).map(([name, held]) =>
    fc
      .tuple(valuesOf(held["type"] === "array" ? (held["items"] as Schema) : held), fc.boolean())
      .map(([value, isThere]) => ({
        name,
        value: asText(value),
        isFile: JSON.stringify(held).includes('"binary"'),
        isThere: isThere || requiredOf(schema).includes(name),
      })),
  );
  return fc.tuple(...fields).map((all) => ({ type: formType, body: encodeForm(all.filter(({ isThere }) => isThere)) }));
}

interface BodyCase {
  readonly name: string;
  readonly expects: Expectation;
  readonly body: fc.Arbitrary<SentBody>;
}

function brokenBodies(operation: NamedOperation, { tooManyBytes }: FuzzOptions): readonly BodyCase[] {
  const { requestBody } = operation;
  if (requestBody === undefined) return [];
  const json = requestBody.content["application/json"];
  const form = requestBody.content["multipart/form-data"];
  const right = bodiesOf(operation);
  const type = json === undefined ? formType : "application/json";
  const constant = (name: string, expects: Expectation, body: string | undefined): BodyCase => ({
    name,
    expects,
    body: fc.constant({ type, body }),
  });
  const wanted = requestBody.required ? "refused" : "documented";
  return [
    ...(json === undefined ? [] : violationsOf(json.schema, json.example)).map(({ rule, value }): BodyCase => ({
      name: `with a broken rule: ${rule}`,
      expects: "refused",
      body: value.map((held) => ({ type: "application/json", body: JSON.stringify(held) })),
    })),
    // What is optional may be told by an empty body, and the empty object is what some of them want.
    constant(
      "without a body",
      requiredOf(json?.schema ?? form?.schema ?? {}).length > 0 ? wanted : "documented",
      undefined,
    ),
    constant("with half a body", "refused", '{"a":'),
    constant("with a body of other bytes", "refused", "\u0000\u0001\ufffd{}"),
    constant("with a nested body", "refused", `{"messages":${"[".repeat(5000)}${"]".repeat(5000)}}`),
    constant("with too large a body", 413, `{"model":"${"x".repeat(tooManyBytes)}"}`),
    {
      name: "with fields that nobody documents",
      expects: "documented",
      body: fc
        .tuple(
          right,
          fc.dictionary(fc.string({ unit: "binary", maxLength: 12 }), fc.jsonValue(), { minKeys: 1, maxKeys: 4 }),
        )
        .map(([sent, more]) => ({ ...sent, body: merged(sent.body ?? "", more) })),
    },
    ...["text/plain", "application/xml", "application/x-www-form-urlencoded", "multipart/form-data", "", "x"].map(
      (other): BodyCase => ({
        name: `as "${other}"`,
        expects: "documented",
        body: right.map(({ body }) => ({ type: other, body })),
      }),
    ),
  ];
}

/** Of a form it is left as it is. */
function merged(body: string, more: object): string {
  return body.startsWith("{") ? JSON.stringify({ ...(JSON.parse(body) as object), ...more }) : body;
}

const hostileSegments = fc
  .oneof(
    fc.string({ unit: "binary", minLength: 1, maxLength: 30 }),
    fc.constantFrom(
      "../../etc/passwd",
      "..\\..\\x",
      "a\u0000b",
      "a\r\nset-cookie: a=b",
      "__proto__",
      "constructor",
      "'; DROP TABLE turns; --",
      "%",
      "%25%32%65",
      "*",
      "{id}",
      "-1",
      "9007199254740993",
      "x".repeat(4000),
      "天".repeat(300),
      "<script>alert(1)</script>",
    ),
  )
  .map(encode);
/** As they are, escapes that mean nothing among them. */
const rawSegments = fc.constantFrom(
  "%",
  "%zz",
  "%c3%28",
  "%ff",
  "%ed%a0%80",
  "a%00",
  "%2f%2f",
  "a;b",
  "a:b",
  "@",
  "%2e%2e%2f",
);

function brokenPaths(operation: NamedOperation) {
  return segmentsOf(operation).flatMap((segment, at) =>
    isParameter(segment)
      ? [
          { name: `with an odd ${segment}`, at, text: hostileSegments },
          { name: `with a malformed ${segment}`, at, text: rawSegments },
        ]
      : [],
  );
}

interface ParameterCase {
  readonly name: string;
  readonly expects: Expectation;
  readonly text: fc.Arbitrary<string>;
}

function parameterCases(parameter: Parameter): readonly ParameterCase[] {
  if (parameter.in === "path") return [];
  const { name, schema } = parameter;
  const hostile = fc.oneof(
    fc.string({ unit: "binary", maxLength: 20 }),
    fc.constantFrom("x".repeat(3000), "\u0000", "' OR 1=1", '"*" NEAR('),
  );
  const anything: ParameterCase = {
    name: `with an odd ${name}`,
    expects: "documented",
    text: hostile,
  };
  const wrong = wrongTexts(schema);
  if (wrong.length === 0) return [anything];
  return [anything, { name: `with a wrong ${name}`, expects: "refused", text: fc.constantFrom(...wrong) }];
}

/** None for a text: every one is right. */
function wrongTexts(schema: Schema): readonly string[] {
  if ("enum" in schema || "const" in schema) return ["other", "0", "ASC "];
  if (schema["format"] === "date-time") return ["x", "1", "2026-13-01T00:00:00Z", "yesterday"];
  switch (schema["type"]) {
    case "integer":
      return [
        "x",
        "1.5",
        "1e",
        "0x10",
        "NaN",
        ...(typeof schema["minimum"] === "number" ? [String(schema["minimum"] - 1)] : []),
        ...(typeof schema["maximum"] === "number" ? [String(schema["maximum"] + 1), "99999999999999999999"] : []),
      ];
    case "boolean":
      return ["maybe", "2"];
    default:
      return [];
  }
}

function withParameter(draft: Draft, { name, in: place }: Parameter, value: string): Draft {
  // A header holds less than a query.
  return place === "header"
    ? { ...draft, headers: [...draft.headers, [name, value.replace(/[^\x20-\x7e]/g, "?")]] }
    : { ...draft, query: [...draft.query.filter(([one]) => one !== name), [name, value]] };
}

function otherMethods(document: OpenapiDocument, { path }: NamedOperation): readonly string[] {
  const served = Object.keys(document.paths[path] ?? {}).map((method) => method.toUpperCase());
  return ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"].filter((method) => !served.includes(method));
}

function keyCases(operation: NamedOperation, { plain, admin }: FuzzKeys): readonly Omit<DraftCase, "draft">[] {
  const isOpen = operation.security.length === 0;
  return [
    { name: "without a key", expects: isOpen ? "documented" : 401, key: undefined },
    { name: "with a wrong key", expects: isOpen ? "documented" : 401, key: `${plain}x` },
    isForAdmins(operation)
      ? { name: "with a key of a client", expects: 403, key: plain }
      : { name: "with a key of administrators", expects: "documented", key: admin },
  ];
}

function isForAdmins({ security }: NamedOperation): boolean {
  return security.some((way) => "adminBearer" in way);
}

function segmentsOf({ path }: NamedOperation): readonly string[] {
  return path.slice(1).split("/");
}

function isParameter(segment: string): boolean {
  return segment.startsWith("{");
}

function asText(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** Dots alone lead elsewhere. */
function encode(text: string): string {
  const escaped = encodeURIComponent(text.toWellFormed());
  return /^\.{1,2}$/.test(escaped) ? `${escaped}_` : escaped;
}
