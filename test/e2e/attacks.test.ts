// The attack list, where the parser of HTTP matters: bytes on a bare socket to the compiled executable. What needs no such
// bytes stands in test/http/attacks.test.ts; docs/security.md names what each is about.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type BinaryProcess, createPlace, runBinary, startBinary } from "../support/binary.ts";
import { type RawOptions, speakRaw } from "../support/hostile/speak-raw.ts";

// Far beyond what the tests need, for machines that are busy with something else.
setDefaultTimeout(40_000);

const place = createPlace();
let gateway: BinaryProcess;
beforeAll(async () => {
  gateway = await startBinary([], { PORT: "0", MAX_BODY_BYTES: "100000" }, place);
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  place[Symbol.dispose]();
});

const send = (bytes: string, options?: RawOptions) => speakRaw(gateway.port, bytes, options);

const host = "Host: 127.0.0.1\r\n";
const question = '{"messages":[{"role":"user","content":"Hello"}]}';
const length = `Content-Length: ${question.length}\r\n`;
const size = question.length.toString(16);
/** An honest question as far as its length, then what is to be smuggled. */
const post = (headers: string, body: string, version = "1.1"): string =>
  `POST /v1/chat/completions HTTP/${version}\r\n${host}Content-Type: application/json\r\n${headers}\r\n${body}`;
const get = (target: string, headers = host): string => `GET ${target} HTTP/1.1\r\n${headers}Connection: close\r\n\r\n`;
/** Would be answered by a second answer, if it were ever taken for a request. */
const smuggled = get("/v1/sessions");
const chunked = `${size}\r\n${question}\r\n0\r\n\r\n`;

describe("request smuggling", () => {
  const te = "Transfer-Encoding: chunked\r\n";
  const forms: Readonly<Record<string, string>> = {
    "Content-Length before Transfer-Encoding": post(`Content-Length: 4\r\n${te}`, chunked + smuggled),
    "Transfer-Encoding before Content-Length": post(te + length, chunked + smuggled),
    "two different Content-Length": post(`${length}Content-Length: 2\r\n`, question + smuggled),
    "a list of Content-Length": post(`Content-Length: ${question.length}, 2\r\n`, question + smuggled),
    "Content-Length with a plus": post(`Content-Length: +${question.length}\r\n`, question + smuggled),
    "a negative Content-Length": post("Content-Length: -1\r\n", question + smuggled),
    "a hexadecimal Content-Length": post("Content-Length: 0x10\r\n", question + smuggled),
    "Content-Length beyond any number": post(`Content-Length: ${"9".repeat(40)}\r\n`, question + smuggled),
    "a space before the colon": post(`Content-Length : ${question.length}\r\n`, question + smuggled),
    "a folded header": post(`X-A: a\r\n b\r\n${length}`, question + smuggled),
    "a folded Transfer-Encoding": post(`Transfer-Encoding:\r\n chunked\r\n${length}`, question + smuggled),
    "line feeds alone": post(length, question + smuggled).replaceAll("\r\n", "\n"),
    "one line feed alone": post(`X-A: a\nX-B: b\r\n${length}`, question + smuggled),
    "one carriage return alone": post(`X-A: a\rX-B: b\r\n${length}`, question + smuggled),
    "NUL in a header": post(`X-A: a\0b\r\n${length}`, question + smuggled),
    "a line feed in a chunk extension": post(te, `${size};a\nx\r\n${question}\r\n0\r\n\r\n${smuggled}`),
    "a chunk extension without end": post(te, `${size};${"a".repeat(200_000)}\r\n${question}\r\n0\r\n\r\n${smuggled}`),
    "a chunk larger than any number": post(te, `FFFFFFFFFFFFFFFF\r\n${question}\r\n0\r\n\r\n${smuggled}`),
    "a chunk whose size overflows": post(te, `100000000000000${size}\r\n${question}\r\n0\r\n\r\n${smuggled}`),
    "a negative chunk": post(te, `-1\r\n${question}\r\n0\r\n\r\n${smuggled}`),
    "a chunk size with 0x": post(te, `0x${size}\r\n${question}\r\n0\r\n\r\n${smuggled}`),
    "a chunk without its line end": post(te, `${size}\r\n${question}0\r\n\r\n${smuggled}`),
    "chunks by line feeds alone": post(te, `${size}\n${question}\n0\n\n${smuggled}`),
    xchunked: post("Transfer-Encoding: xchunked\r\nContent-Length: 5\r\n", chunked + smuggled),
    "Transfer-Encoding: identity": post(`Transfer-Encoding: identity\r\n${length}`, question + smuggled),
    "Transfer-Encoding: chunked, gzip": post("Transfer-Encoding: chunked, gzip\r\n", chunked + smuggled),
    "Transfer-Encoding: gzip, chunked": post("Transfer-Encoding: gzip, chunked\r\n", chunked + smuggled),
    "a vertical tab before chunked": post(
      "Transfer-Encoding: \x0bchunked\r\nContent-Length: 5\r\n",
      chunked + smuggled,
    ),
    "Transfer-Encoding with a space before the colon": post(
      `Transfer-Encoding : chunked\r\n${length}`,
      chunked + smuggled,
    ),
    "two Transfer-Encoding": post(`${te}Transfer-Encoding: identity\r\n`, chunked + smuggled),
    "chunks in HTTP/1.0": post(te, chunked + smuggled, "1.0"),
  };

  test.each(Object.entries(forms))("%s is refused, and the connection with it", async (_, bytes) => {
    const { text, statuses, isClosed } = await send(bytes);

    expect(isClosed).toBe(true);
    expect(statuses.length).toBeLessThanOrEqual(1);
    for (const status of statuses) expect([400, 413, 505]).toContain(status);
    expect(text).not.toContain('"object":"list"');
  });

  test.each([
    ["twice the same Content-Length", post(length + length, question)],
    ["capitals", post("Transfer-Encoding: CHUNKED\r\n", chunked)],
    ["a chunk extension", post(te, `${size};a=b\r\n${question}\r\n0\r\n\r\n`)],
  ])("%s, which cannot be misunderstood, is one request", async (_, bytes) => {
    const { statuses } = await send(bytes.replace(host, `${host}Connection: close\r\n`));

    expect(statuses).toEqual([200]);
  });

  test("a body of GET is no second request", async () => {
    const head = `GET /health HTTP/1.1\r\n${host}Content-Length: ${smuggled.length}\r\n\r\n`;
    const { statuses, text } = await send(head + smuggled + get("/health/live"));

    expect(statuses).toEqual([200, 200]);
    expect(text).not.toContain('"object":"list"');
  });
});

describe("DNS rebinding", () => {
  test.each([
    "evil.example",
    "127.0.0.1.nip.io",
    "localhost.evil.example",
    "127.0.0.1@evil.example",
    "127.0.0.1/evil",
    "localhost/health?",
    "127.0.0.1#",
    "0.0.0.0",
    "[::ffff:7f00:2]",
    "2130706433",
    "0x7f.1",
    "",
  ])("the Host %j is refused", async (name) => {
    const { statuses, text } = await send(get("/v1/models", `Host: ${name}\r\n`));

    expect(statuses.length).toBeLessThanOrEqual(1);
    expect([400, 403, undefined]).toContain(statuses[0]);
    expect(text).not.toContain("qwen3");
  });

  test.each([
    ["the right one first", "Host: 127.0.0.1\r\nHost: evil.example\r\n"],
    ["the wrong one first", "Host: evil.example\r\nHost: 127.0.0.1\r\n"],
  ])("of two Hosts none counts: %s", async (_, headers) => {
    const { text } = await send(get("/v1/models", headers));

    expect(text).toMatch(/^HTTP\/1\.1 40[03] /);
  });

  // The platform takes the host out of it, so that the header is all that counts.
  test("an address in full names no other host than the header", async () => {
    expect((await send(get("http://127.0.0.1/v1/models", "Host: evil.example\r\n"))).statuses).toEqual([403]);
    expect((await send(get("http://evil.example/v1/models"))).statuses).toEqual([200]);
  });
});

describe("a Host that makes no address", () => {
  const targets = ["/v1/models", "/v1/models?limit=1", "/v1/sessions?limit=2", "/v1/files", "/admin/api/status"];

  test.each(targets)("does not fail %s, where its name is ours", async (target) => {
    expect((await send(get(target, "Host: localhost:99999\r\n"))).statuses).toEqual([200]);
  });

  test("is nobody's business where there is a key, captured or not", async () => {
    const settings = { PORT: "0", API_KEY: "k", CAPTURE_DIR: join(place.home, "captures") };
    await using keyed = await startBinary([], settings, place);
    const key = "Authorization: Bearer k\r\n";
    for (const name of ["localhost:abc", "[::1", "1.2.3.4.5", "xn--", "localhost%00"]) {
      const headers = `Host: ${name}\r\n${key}`;
      const asked = [
        ...targets.slice(0, -1).map((target) => get(target, headers)),
        post(`${key}${length}Connection: close\r\n`, question).replace(host, `Host: ${name}\r\n`),
      ];
      const answers = await Promise.all(asked.map((bytes) => speakRaw(keyed.port, bytes)));
      expect([name, answers.flatMap(({ statuses }) => statuses)]).toEqual([name, asked.map(() => 200)]);
    }
  });
});

describe("an odd request line", () => {
  test.each([
    ["TRACE", `TRACE /v1/models HTTP/1.1\r\n${host}Cookie: a=kTracedCookie\r\nConnection: close\r\n\r\n`],
    ["CONNECT", `CONNECT 127.0.0.1:443 HTTP/1.1\r\n${host}Connection: close\r\n\r\n`],
    [
      "CONNECT to another host",
      "CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\nConnection: close\r\n\r\n",
    ],
    ["an unknown method", `FROB /v1/models HTTP/1.1\r\n${host}\r\n`],
    ["a method in small letters", `get /v1/models HTTP/1.1\r\n${host}\r\n`],
    ["a method without end", `${"A".repeat(50_000)} /v1/models HTTP/1.1\r\n${host}\r\n`],
    ["the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
    ["HTTP/2.0 as a word", `GET /v1/models HTTP/2.0\r\n${host}\r\n`],
    ["HTTP/0.9", "GET /v1/models\r\n\r\n"],
    ["the beginning of TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"],
    ["OPTIONS of everything", `OPTIONS * HTTP/1.1\r\n${host}Connection: close\r\n\r\n`],
    ["an ftp address", get("ftp://127.0.0.1/v1/models")],
    ["NUL in the address", get("/v1/\0")],
    ["an address of 100 KB", get(`/v1/${"a".repeat(100_000)}`)],
    ["a header of 100 KB", get("/v1/models", `${host}X-A: ${"a".repeat(100_000)}\r\n`)],
    ["a thousand headers", get("/v1/models", host + "X-A: 1\r\n".repeat(1000))],
  ])("%s is refused, told nothing, and costs nobody else anything", async (_, bytes) => {
    const { text, statuses } = await send(bytes);

    expect(statuses.length).toBeLessThanOrEqual(1);
    if (statuses[0] !== undefined) expect([400, 403, 404, 405, 431, 505]).toContain(statuses[0]);
    expect(text).not.toContain("kTracedCookie");
    expect(text).not.toMatch(/\.ts:\d|Bun\/|bun v/i);
    expect((await send(get("/health"))).statuses).toEqual([200]);
  });

  // What a server of node:http would not do (docs/security.md).
  test("a client that asks whether its body is wanted is told at once", async () => {
    const head = post(`Expect: 100-continue\r\nConnection: close\r\n${length}`, "");
    const { text } = await send(head, { patienceMs: 1000 });

    expect(text).toBe("HTTP/1.1 100 Continue\r\n\r\n");
    expect((await send(head + question)).text).toMatch(/HTTP\/1\.1 200 OK/);
  });

  test.each([
    ["WebSocket", "Upgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"],
    ["HTTP/2 in the clear", "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n"],
  ])("an upgrade to %s is not made", async (_, headers) => {
    const { statuses, text } = await send(
      `GET /v1/models HTTP/1.1\r\n${host}Connection: Upgrade, close\r\n${headers}\r\n`,
    );

    expect(statuses).toEqual([200]);
    expect(text).not.toMatch(/^HTTP\/1\.1 101|^upgrade:/im);
  });

  test("a page of another site opens no WebSocket either", async () => {
    const headers = `${host}Origin: https://evil.example\r\nUpgrade: websocket\r\n`;

    expect((await send(get("/admin/api/log", headers))).statuses).toEqual([403]);
  });

  test("keys of the query that come twice are no fault", async () => {
    expect((await send(get("/v1/sessions?limit=1&limit=2"))).statuses).toEqual([200]);
  });
});

/** 0 where the system does not tell. */
function residentBytes(): number {
  if (process.platform !== "linux") return 0;
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${gateway.pid}/status`, "utf8"))?.[1]) * 1024;
}

/** A head of so many bytes, its request line included. */
function headOf(bytes: number, path: string, more = ""): string {
  const rest = `${host}Connection: close\r\n${more}`;
  const start = `GET ${path} HTTP/1.1\r\n${rest}X-A: `;
  return `${start}${"a".repeat(bytes - start.length - "\r\n\r\n".length)}\r\n\r\n`;
}

describe("a long head", () => {
  test("of 16 KB is taken", async () => {
    expect((await send(headOf(16_384, "/v1/models"))).statuses).toEqual([200]);
  });

  test.each([
    ["a header, of OpenAI", headOf(17_000, "/v1/chat/completions"), "openai"],
    ["the longest that is read", headOf(65_000, "/v1/responses"), "openai"],
    ["a header, of Anthropic", headOf(40_000, "/v1/messages"), "anthropic"],
    [
      "a header, by the client of Anthropic",
      headOf(40_000, "/v1/models", "Anthropic-Version: 2023-06-01\r\n"),
      "anthropic",
    ],
    ["a header, of the typed chat", headOf(40_000, "/api/chat/stream"), "typed chat"],
    ["a header, of a health check", headOf(17_000, "/health"), "openai"],
    ["an address", get(`/v1/models?a=${"a".repeat(30_000)}`), "openai"],
    ["an address of nothing", get(`/${"a".repeat(30_000)}`), "openai"],
    ["many headers", get("/v1/models", host + `X-A: ${"a".repeat(200)}\r\n`.repeat(150)), "openai"],
    ["cookies of other programs", get("/chat", `${host}Cookie: ${"a=b; ".repeat(5000)}\r\n`), "openai"],
  ])(
    "%s, is refused in the shape of the surface, with the limit and without what was sent",
    async (_, bytes, shape) => {
      const { statuses, text } = await send(bytes);

      expect(statuses).toEqual([431]);
      expect(text).toMatch(/^content-type: application\/json/im);
      expect(text).toMatch(/^x-request-id: req_/im);
      expect(text.length).toBeLessThan(1000);
      const body = JSON.parse(text.slice(text.indexOf("\r\n\r\n"))) as {
        type?: string;
        message?: string;
        error: { type: string; code?: string; message: string };
      };
      expect(body.error.message).toContain("16384");
      if (shape === "anthropic") expect([body.type, body.error.type]).toEqual(["error", "request_too_large"]);
      else expect([body.error.type, body.error.code]).toEqual(["invalid_request_error", "head_too_large"]);
      expect(body.message).toBe(shape === "typed chat" ? body.error.message : undefined);
    },
  );

  test("that is never complete costs its own bytes, not for long, and nobody else anything", async () => {
    const before = residentBytes();
    const unfinished = headOf(60_000, "/v1/models").slice(0, -2);
    const connections = Array.from({ length: 300 }, () => send(unfinished, { patienceMs: 30_000 }));
    // Each of them comes behind what was sent before it.
    for (let count = 0; count < 20; count++) expect((await send(get("/health"))).statuses).toEqual([200]);
    const during = residentBytes();
    const answers = await Promise.all(connections);

    // As many bytes as were sent, and as many again for buffers that grow.
    expect(during - before).toBeLessThan(2 * 300 * 65_536);
    expect(answers.filter(({ isClosed, tookMs }) => isClosed && tookMs < 20_000).length).toBe(300);
  });
});

/** What breaks the rules of HTTP never reaches the gateway: the parser of the runtime answers, and says no more than this. */
describe("what the parser of the runtime refuses by itself", () => {
  const bare = (status: string): string => `HTTP/1.1 ${status}\r\nConnection: close\r\n\r\n`;
  const malformed = bare("400 Bad Request");
  const tooLong = bare("431 Request Header Fields Too Large");
  const version = bare("505 HTTP Version Not Supported");
  const te = "Transfer-Encoding: chunked\r\n";

  test.each([
    ["no Host", get("/v1/models", ""), malformed],
    ["both lengths", post(te + length, chunked), malformed],
    ["two lengths", post(`${length}Content-Length: 2\r\n`, question), malformed],
    ["a negative length", post("Content-Length: -1\r\n", question), malformed],
    ["an unknown transfer encoding", post("Transfer-Encoding: xchunked\r\n", chunked), malformed],
    ["a chunk that is none", post(te, `zz\r\n${question}\r\n0\r\n\r\n`), malformed],
    ["chunks in HTTP/1.0", post(te, chunked, "1.0"), malformed],
    ["a folded header", post(`X-A: a\r\n b\r\n${length}`, question), malformed],
    ["a header without a name", get("/v1/models", `${host}: a\r\n`), malformed],
    ["NUL in a header", get("/v1/models", `${host}X-A: a\0b\r\n`), malformed],
    ["bytes that are no HTTP", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", malformed],
    ["the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", malformed],
    ["OPTIONS of everything", `OPTIONS * HTTP/1.1\r\n${host}\r\n`, malformed],
    ["HTTP/2.0 as a word", `GET /v1/models HTTP/2.0\r\n${host}\r\n`, version],
    ["no version", "GET /v1/models\r\n\r\n", version],
    ["line feeds alone", get("/v1/models").replaceAll("\r\n", "\n"), version],
    ["a head of more than 64 KB", headOf(70_000, "/v1/models"), tooLong],
    ["more than 200 headers", get("/v1/models", host + "X-A: 1\r\n".repeat(200)), tooLong],
    // Not even a status.
    ["an unknown method", `FROB /v1/models HTTP/1.1\r\n${host}\r\n`, ""],
    ["a method in small letters", `get /v1/models HTTP/1.1\r\n${host}\r\n`, ""],
    ["a request behind one that is not answered yet", post(length, question), ""],
  ])("%s: this much and no more, and the connection is closed", async (_, bytes, answer) => {
    const { text, isClosed } = await send(bytes + smuggled);

    expect(text).toBe(answer);
    expect(isClosed).toBe(true);
  });

  test.each(["PROPFIND", "PURGE", "QUERY", "LINK", "TRACE", "LOCK"])(
    "%s, which it knows, comes through and is refused in words",
    async (method) => {
      const { statuses, text } = await send(`${method} /v1/messages HTTP/1.1\r\n${host}Connection: close\r\n\r\n`);

      expect(statuses).toEqual([405]);
      expect(text).toMatch(/^allow: POST/im);
      expect(text).toContain('"type":"error"');
    },
  );
});

describe("slow loris", () => {
  test.concurrent.each([
    ["nothing at all", "", undefined],
    ["half a head, then silence", `GET /health HTTP/1.1\r\n${host}`, undefined],
    ["a header letter by letter", `GET /health HTTP/1.1\r\n${host}X-A: `, "a"],
    ["header after header", `GET /health HTTP/1.1\r\n${host}`, "X-A: a\r\n"],
  ])("%s is cut off within 20 seconds", async (_, bytes, drip) => {
    const { isClosed, tookMs } = await send(bytes, {
      patienceMs: 30_000,
      ...(drip !== undefined && { drip: { bytes: drip, everyMs: 500 } }),
    });

    expect(isClosed).toBe(true);
    expect(tookMs).toBeLessThan(20_000);
  });
});

describe("an open address", () => {
  test.each(["0.0.0.0", "::"])("%s without keys is refused at the start, with what to do", async (address) => {
    using own = createPlace();
    const { exitCode, errors } = await runBinary(["serve"], { PORT: "0", HOST: address }, own);

    expect(exitCode).not.toBe(0);
    expect(errors).toContain("without an API key");
    expect(errors).toContain("INSECURE=true");
  });
});
