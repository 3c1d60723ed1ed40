// The grammar of an HTTP/1.1 answer: what is read, what is refused, and that no cut of the bytes changes either.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Http1Reader } from "../../../src/outbound/http1-reader.ts";

interface Heard {
  status: number | undefined;
  headers: Record<string, string>;
  body: string;
  reusable: boolean | undefined;
  error: string | undefined;
}

function read(pieces: readonly Uint8Array[], method = "GET", isClosed = false): Heard {
  const heard: Heard = { status: undefined, headers: {}, body: "", reusable: undefined, error: undefined };
  const decoder = new TextDecoder();
  const reader = new Http1Reader(
    {
      head(status, headers) {
        heard.status = status;
        heard.headers = Object.fromEntries(headers);
      },
      body(bytes) {
        heard.body += decoder.decode(bytes, { stream: true });
      },
      complete(reusable) {
        heard.reusable = reusable;
      },
    },
    { method },
  );
  try {
    // A copy: what is fed is the reader's, and it moves the chunks of a body.
    for (const piece of pieces) reader.feed(piece.slice());
    if (isClosed) reader.end();
  } catch (error) {
    heard.error = error instanceof Error ? error.message : String(error);
  }
  return heard;
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const answer = (text: string, method?: string, isClosed?: boolean): Heard =>
  read([bytes(text.replaceAll("\n", "\r\n"))], method, isClosed);

describe("Http1Reader reads", () => {
  test("a body by its length, and says that the connection may be used again", () => {
    expect(answer("HTTP/1.1 200 OK\nContent-Type: text/plain\nContent-Length: 5\n\nhello")).toEqual({
      status: 200,
      headers: { "content-type": "text/plain", "content-length": "5" },
      body: "hello",
      reusable: true,
      error: undefined,
    });
  });

  test("a body by chunks, with extensions and trailers", () => {
    const text = "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n5;name=value\nhello\n6 \n world\n0\nX-Trailer: 1\n\n";
    expect(answer(text)).toMatchObject({ body: "hello world", reusable: true });
  });

  test("a body until the connection ends", () => {
    expect(answer("HTTP/1.1 200 OK\n\nhello", "GET", true)).toMatchObject({ body: "hello", reusable: false });
  });

  test("no body where there is none", () => {
    expect(answer("HTTP/1.1 200 OK\nContent-Length: 5\n\n", "HEAD")).toMatchObject({ body: "", reusable: true });
    expect(answer("HTTP/1.1 204 No Content\n\n")).toMatchObject({ status: 204, reusable: true });
    expect(answer("HTTP/1.1 304 Not Modified\nContent-Length: 9\n\n")).toMatchObject({ status: 304, reusable: true });
  });

  test("past interim answers", () => {
    expect(
      answer("HTTP/1.1 100 Continue\n\nHTTP/1.1 103 Early Hints\nLink: x\n\nHTTP/1.1 200 OK\nContent-Length: 1\n\na"),
    ).toMatchObject({
      status: 200,
      body: "a",
    });
  });

  test("lines that end with LF alone, a missing reason, repeated headers", () => {
    const heard = read([bytes("HTTP/1.1 200\nSet-Cookie: a=1\nSet-Cookie: b=2\nContent-Length: 0\n\n")]);
    expect(heard).toMatchObject({ status: 200, reusable: true });
    expect(heard.headers["set-cookie"]).toBe("b=2");
  });

  test("whether the connection is kept", () => {
    const kept = (head: string) => answer(`${head}\nContent-Length: 0\n\n`).reusable;
    expect(kept("HTTP/1.1 200 OK\nConnection: close")).toBe(false);
    expect(kept("HTTP/1.0 200 OK")).toBe(false);
    expect(kept("HTTP/1.0 200 OK\nConnection: keep-alive")).toBe(true);
  });

  test("no connection as reusable on which more came than was asked for", () => {
    expect(answer("HTTP/1.1 200 OK\nContent-Length: 1\n\nab")).toMatchObject({ body: "a", reusable: false });
  });
});

describe("Http1Reader refuses", () => {
  const refused: readonly (readonly [what: string, text: string])[] = [
    ["garbage", "SSH-2.0-OpenSSH\n\n"],
    ["another version", "HTTP/2 200 OK\n\n"],
    ["a length and chunks at once", "HTTP/1.1 200 OK\nContent-Length: 5\nTransfer-Encoding: chunked\n\n"],
    ["two lengths", "HTTP/1.1 200 OK\nContent-Length: 5\nContent-Length: 6\n\n"],
    ["a list of lengths", "HTTP/1.1 200 OK\nContent-Length: 5, 5\n\n"],
    ["a signed length", "HTTP/1.1 200 OK\nContent-Length: +5\n\n"],
    ["an unknown coding", "HTTP/1.1 200 OK\nTransfer-Encoding: gzip, chunked\n\n"],
    ["a folded header", "HTTP/1.1 200 OK\nX-A: 1\n  2\n\n"],
    ["white space before the colon", "HTTP/1.1 200 OK\nContent-Length : 5\n\n"],
    ["a header without a colon", "HTTP/1.1 200 OK\nbroken\n\n"],
    ["a change of protocol", "HTTP/1.1 101 Switching Protocols\nUpgrade: x\n\n"],
    ["a chunk without a size", "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n\nhello"],
    ["a chunk size that is no number", "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n0x5\nhello\n0\n\n"],
    ["an endless chunk size", `HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n${"f".repeat(20)}\n`],
    ["a chunk longer than its size", "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n5\nhello!\n0\n\n"],
    ["a head without end", `HTTP/1.1 200 OK\nX: ${"x".repeat(70_000)}`],
    ["too many headers", `HTTP/1.1 200 OK\n${"X: 1\n".repeat(300)}\n`],
  ];
  test.each([...refused])("%s", (_what, text) => {
    expect(answer(text).error).toBeString();
  });

  test("a bare LF in the framing of chunks", () => {
    expect(read([bytes("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello\n0\n\n")]).error).toBeString();
  });

  test("a body that ends before its end", () => {
    expect(answer("HTTP/1.1 200 OK\nContent-Length: 5\n\nhel", "GET", true).error).toContain("within the answer");
    expect(answer("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n5\nhel", "GET", true).error).toContain(
      "within the answer",
    );
    expect(read([], "GET", true).error).toContain("before an answer");
  });
});

test("Http1Reader hears the same of every answer wherever its bytes are cut", () => {
  const answers = [
    "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello 😀!",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n00b\r\n 😀 world\r\n0\r\nT: 1\r\n\r\n",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 429 Slow\r\nRetry-After: 3\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
    "HTTP/1.1 200 OK\n\nuntil the end",
  ];
  for (const text of answers) {
    const whole = bytes(text);
    const expected = read([whole], "GET", true);
    for (let at = 1; at < whole.length; at++) {
      expect(read([whole.slice(0, at), whole.slice(at)], "GET", true)).toEqual(expected);
    }
    expect(
      read(
        Array.from(whole, (byte) => Uint8Array.of(byte)),
        "GET",
        true,
      ),
    ).toEqual(expected);
  }
});

test("Http1Reader joins any chunked body that is cut anywhere", () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ minLength: 1 }), { maxLength: 8 }),
      fc.array(fc.nat({ max: 400 }), { maxLength: 6 }),
      (chunks, cuts) => {
        const framed = chunks.map((chunk) => `${bytes(chunk).length.toString(16)}\r\n${chunk}\r\n`).join("");
        const whole = bytes(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${framed}0\r\n\r\n`);
        const points = [...new Set(cuts.filter((cut) => cut < whole.length))].sort((a, b) => a - b);
        const pieces = [...points, whole.length].map((end, index) => whole.slice(points[index - 1] ?? 0, end));
        expect(read(pieces)).toMatchObject({ body: chunks.join(""), reusable: true });
      },
    ),
    { numRuns: 500 },
  );
});
