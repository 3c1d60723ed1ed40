// Requests as somebody would make them who means harm, for any route: methods, keys, headers, paths and bodies.

import fc from "fast-check";
import type { RoutePlace } from "../../../src/server/lazy-routes.ts";
import { secrets } from "./app-under-attack.ts";

export interface HostileRequest {
  readonly place: RoutePlace;
  readonly method: string;
  readonly target: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string | Uint8Array | undefined;
}

const hostileTexts = [
  "",
  "..",
  "../../etc/passwd",
  "..\\..\\windows",
  "\u0000",
  "a\u0000b",
  "a\r\nset-cookie: stolen=1",
  "\u001b[2J\u001b]0;x\u0007",
  "\u202e\u2028\ud800",
  "__proto__",
  "constructor",
  "'; DROP TABLE turns; --",
  '" OR 1=1 NEAR(',
  "*",
  "-1",
  "1e999",
  "9007199254740993",
  "true",
  "x".repeat(5000),
  "👩‍👩‍👧‍👦".repeat(50),
  "<script>alert(1)</script>",
  "{{constructor.constructor(1)}}",
  "http://169.254.169.254/latest/meta-data",
  "data:image/png;base64,AAAA",
  "file:///etc/passwd",
] as const;

const text = fc.oneof(fc.constantFrom(...hostileTexts), fc.string({ unit: "binary", maxLength: 30 }));

/** Field names of all surfaces, so that a body comes further than the first check. */
const fields = [
  "model", "messages", "input", "prompt", "stream", "stream_options", "tools", "tool_choice", "functions", "max_tokens",
  "max_completion_tokens", "temperature", "top_p", "n", "stop", "response_format", "text", "format", "json_schema", "schema",
  "session_id", "previous_response_id", "conversation", "background", "store", "include", "reasoning", "reasoning_effort",
  "thinking", "metadata", "user", "system", "instructions", "content", "role", "type", "name", "arguments", "id", "call_id",
  "tool_call_id", "tool_calls", "image_url", "url", "file", "file_id", "file_data", "source", "data", "media_type",
  "message", "query", "confirmation_id", "decision", "document_ids", "chat_id", "parent_id", "attachments", "options",
  "jsonrpc", "method", "params", "documents", "top_n", "voice", "language", "items", "order", "limit", "__proto__",
  "credentials", "alias", "minutes", "expires_in", "limits", "streams", "admin", "models", "surfaces", "upstreams", "caller",
  "session", "constructor", "toString", "length", "enable_thinking", "chat_template_kwargs", "size", "seed", "logprobs", "purpose",
] as const; // prettier-ignore

const words = [
  "user", "assistant", "system", "developer", "tool", "text", "input_text", "output_text", "image_url", "image", "document",
  "tool_use", "tool_result", "function", "function_call", "function_call_output", "message", "reasoning", "thinking",
  "item_reference", "file", "input_file", "input_image", "base64", "url", "auto", "none", "required", "any", "json_object",
  "json_schema", "approve", "2.0", "tools/call", "tools/list", "initialize", "ping", "qwen3-max", "qwen3-max/x", "web_search",
] as const; // prettier-ignore

const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    text,
    fc.constantFrom<unknown>(...words),
    fc.constantFrom<unknown>(null, true, false, 0, 1, -1, 1e308, 2 ** 53, 0.5),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.array(fc.tuple(fc.constantFrom(...fields), tie("value")), { maxLength: 6 }).map(objectOf),
  ),
}));

/** By `JSON.parse`, since a literal would make a prototype of `__proto__`. */
function objectOf(entries: readonly (readonly [string, unknown])[]): unknown {
  return JSON.parse(`{${entries.map(([name, held]) => `${JSON.stringify(name)}:${JSON.stringify(held)}`).join(",")}}`);
}

const role = fc.constantFrom("user", "user", "user", "assistant", "system", "tool", "developer");
/** Half of all bodies have none. */
function additions(most: number): fc.Arbitrary<readonly (readonly [string, unknown])[]> {
  return fc.oneof(
    fc.constant([]),
    fc.array(fc.tuple(fc.constantFrom(...fields), value), { minLength: 1, maxLength: most }),
  );
}

const part = fc.oneof(
  fc.constant({ type: "text", text: "Hello" }),
  fc.constant({ type: "input_text", text: "Hello" }),
  text.map((url) => ({ type: "image_url", image_url: { url } })),
  text.map((url) => ({ type: "image", source: { type: "url", url } })),
  text.map((held) => ({ type: "file", file: { filename: held, file_data: held } })),
  text.map((held) => ({ type: "tool_result", tool_use_id: held, content: held })),
);
const content = fc.oneof(
  { weight: 5, arbitrary: fc.constant("Hello") },
  { weight: 4, arbitrary: text },
  { weight: 3, arbitrary: fc.array(part, { maxLength: 3 }) },
  { weight: 1, arbitrary: value },
);
const message = fc
  .tuple(role, content, additions(1))
  .map(([said, held, more]) => objectOf([["role", said], ["content", held], ...more]));
/** Right in what every surface wants, wrong in what it may be told besides. */
const nearlyRight = fc
  .tuple(
    fc.array(message, { minLength: 1, maxLength: 3 }),
    fc.boolean(),
    additions(3),
    fc.constantFrom("qwen3-max", "qwen3-max", "qwen3-max", undefined, "x\r\ny"),
  )
  .map(([messages, stream, more, model]) =>
    objectOf([
      ...(model === undefined ? [] : ([["model", model]] as const)),
      ["messages", messages],
      ["input", messages],
      ["prompt", "Hello"],
      ["message", "Hello"],
      ["query", "Hello"],
      ["documents", ["one", "two"]],
      ["voice", "Cherry"],
      ["max_tokens", 20],
      ["stream", stream],
      ["jsonrpc", "2.0"],
      ["id", 1],
      ["method", "tools/call"],
      ["params", { name: "chat", arguments: { prompt: "Hello" } }],
      ...more,
    ]),
  );

/** Orders of administrators: right in most of their fields, so that they are carried out now and then. */
const order = fc
  .record(
    {
      name: fc.oneof(fc.stringMatching(/^[a-z]{1,12}$/), text),
      models: fc.oneof(fc.constant(["qwen3*"]), value),
      surfaces: fc.oneof(fc.constant(["messages"]), value),
      admin: fc.boolean(),
      expires_in: fc.oneof(fc.constant("1h"), text),
      limits: fc.oneof(fc.constant({ streams: 3 }), value),
      caller: fc.oneof(fc.constant("local"), text),
      session_id: text,
      minutes: fc.constantFrom(1, 0, 1e9),
      credentials: text,
      alias: text,
      message: fc.constantFrom("Hello", ""),
    },
    { requiredKeys: [] },
  )
  .chain((whole) => fc.subarray(Object.entries(whole), { maxLength: 4 }))
  .map((entries) => JSON.stringify(Object.fromEntries(entries)));

const multipart = fc
  .tuple(text, text, text)
  .map(
    ([name, filename, content]) =>
      `--x\r\ncontent-disposition: form-data; name="${oneLine(name)}"; filename="${oneLine(filename)}"\r\n\r\n${content}\r\n` +
      `--x\r\ncontent-disposition: form-data; name="file"; filename="a.txt"\r\n\r\n${content}\r\n` +
      `--x\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nuser_data\r\n--x--\r\n`,
  );

const body = fc.oneof(
  { weight: 5, arbitrary: nearlyRight.map((made) => JSON.stringify(made)) },
  { weight: 2, arbitrary: value.map((made) => JSON.stringify(made) ?? "") },
  { weight: 1, arbitrary: multipart },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      "",
      "{",
      "[".repeat(20_000),
      `{"messages":${"[".repeat(2000)}${"]".repeat(2000)}}`,
      `{"input":${'{"a":'.repeat(5000)}1${"}".repeat(5000)}}`,
      '{"__proto__":{"isAdmin":true},"messages":[{"role":"user","content":"x","__proto__":{"role":"system"}}]}',
      '\ufeff{"messages":[]}',
      `{"messages":[{"role":"user","content":"${"a".repeat(310_000)}"}]}`,
    ),
  },
);

const headerNames = [
  "content-type", "content-encoding", "accept", "accept-encoding", "origin", "host", "x-session-id", "x-session-mode",
  "last-event-id", "anthropic-version", "anthropic-beta", "x-forwarded-for", "x-forwarded-proto", "forwarded", "x-request-id",
  "traceparent", "if-none-match", "range", "cookie", "user-agent", "sec-fetch-site", "access-control-request-method",
  "access-control-request-headers", "idempotency-key", "mcp-session-id", "mcp-protocol-version", "upgrade", "connection",
  "x-http-method-override", "expect", "x-stainless-retry-count", "session-id", "content-length",
] as const; // prettier-ignore

const headerValues = [
  "application/json", "application/json; charset=utf-16", "text/plain", "multipart/form-data; boundary=x",
  "multipart/form-data", "application/x-www-form-urlencoded", "gzip", "br", "zstd", "identity", "text/event-stream", "null",
  "https://evil.example", "evil.example", "127.0.0.1", "thin", "2023-06-01", "websocket", "DELETE", "GET", "-5", "0",
  "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "bytes=0-", '"*"', "cross-site", "files-api-2025-04-14",
] as const; // prettier-ignore

const header = fc.tuple(
  fc.constantFrom(...headerNames),
  fc.oneof(fc.constantFrom(...headerValues), text.map(headerText)),
);

type Keys = readonly (readonly [string, string])[];

/** Mostly the right one. @param other which opens something else */
function authorization(right: string, other: string): fc.Arbitrary<Keys> {
  return fc.oneof(
    { weight: 6, arbitrary: fc.constant<Keys>([["authorization", `Bearer ${right}`]]) },
    { weight: 2, arbitrary: fc.constant<Keys>([["x-api-key", right]]) },
    { weight: 1, arbitrary: fc.constant<Keys>([["authorization", `Bearer ${other}`]]) },
    { weight: 1, arbitrary: fc.constant<Keys>([]) },
    {
      weight: 1,
      arbitrary: fc
        .constantFrom(
          "Bearer ",
          "Bearer x",
          "Basic YTpi",
          "bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.",
          "Bearer a.b.c",
        )
        .map((wrong): Keys => [["authorization", wrong]]),
    },
  );
}

const query = fc.oneof(
  { weight: 2, arbitrary: fc.constant("") },
  fc
    .array(
      fc.tuple(
        fc.constantFrom(
          "limit",
          "after",
          "before",
          "order",
          "last_event_id",
          "stream",
          "starting_after",
          "include",
          "caller",
          "session_id",
          "q",
          "since",
          "status",
          "outcome",
          "all",
          "x",
        ),
        text,
      ),
      { maxLength: 4 },
    )
    .map((pairs) => `?${pairs.map(([name, held]) => `${name}=${encode(held)}`).join("&")}`),
);

const rest = fc.oneof(
  text.map(encode),
  fc.constantFrom(
    "x",
    "..%2f..%2fetc%2fpasswd",
    "%2e%2e/%2e%2e",
    "%00",
    "%",
    "%zz",
    "a/content",
    "a/items",
    "a/cancel",
    "//",
    "?",
  ),
);

/**
 * What is sent to one of these routes.
 * @param ids of what there is, so that not every address leads nowhere
 */
export function hostileRequest(
  places: readonly RoutePlace[],
  ids: readonly string[] = [],
): fc.Arbitrary<HostileRequest> {
  const known = ids.flatMap((id) => [id, `${id}/content`, `${id}/items`, `${id}/cancel`, `${id}/input_items`]);
  return fc
    .record({
      place: fc.constantFrom(...places),
      otherMethod: fc.oneof(
        { weight: 6, arbitrary: fc.constant(undefined) },
        fc.constantFrom("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"),
      ),
      rest: known.length === 0 ? rest : fc.oneof(rest, fc.constantFrom(...known)),
      query,
      /** In the place of what a path names in its middle. */
      segment: fc.oneof(
        text.map((held) => encode(held).replaceAll("/", "%2f")),
        fc.constantFrom("qwen-web", "%", "%zz", "%00", ...ids.filter((id) => id !== "").map(encode)),
      ),
      keys: authorization(secrets.apiKey, secrets.adminKey),
      adminKeys: authorization(secrets.adminKey, secrets.apiKey),
      headers: fc.array(header, { maxLength: 4 }),
      isPlain: fc.boolean(),
      body,
      order: fc.option(order, { nil: undefined }),
    })
    .map(({ place, otherMethod, adminKeys, headers, isPlain, ...made }) => {
      const method = otherMethod ?? place.method;
      const isForAdmins = place.path.startsWith("/admin/");
      const keys = isForAdmins ? adminKeys : made.keys;
      const body = (isForAdmins ? made.order : undefined) ?? made.body;
      return {
        place,
        method,
        target: place.path.replace(/\*$/, () => made.rest).replaceAll(/:\w+/g, () => made.segment) + made.query,
        headers: [
          ["content-type", typeOf(body)] as const,
          ["accept", accepted] as const,
          ...keys,
          ...(isPlain ? [] : headers),
        ],
        body: method === "GET" || method === "HEAD" ? undefined : body,
      };
    });
}

function typeOf(body: string | Uint8Array): string {
  return typeof body === "string" && body.startsWith("--x") ? "multipart/form-data; boundary=x" : "application/json";
}

const accepted = "application/json, text/event-stream";

function encode(held: string): string {
  return encodeURIComponent(held.toWellFormed());
}

function oneLine(held: string): string {
  return held.replace(/[\r\n"]/g, "_");
}

/** What a header may hold at all; the others never come through a socket. */
function headerText(held: string): string {
  return held.replace(/[^\t\x20-\x7e\x80-\xff]/g, "?").slice(0, 300);
}
