// A request on the wire: head and body as bytes, with the length that the body has there.

import { expect, test } from "bun:test";
import { encodeFields, encodeRequest, type HeldRequest } from "../../../src/outbound/http1-request.ts";

const { signal } = new AbortController();
const target = { host: "qwen.test:81", path: "/a?b=1" };

function encode(body?: HeldRequest["body"], headers: Record<string, string> = {}): Buffer {
  const method = body === undefined ? "GET" : "POST";
  return Buffer.concat(
    encodeRequest(
      { method, url: "http://qwen.test:81/a?b=1", headers, signal, ...(body === undefined ? {} : { body }) },
      target,
    ),
  );
}

test("encodeRequest counts the bytes of a body, not its characters", () => {
  for (const body of ["", "short", "你好 🙂 é", "half \ud83d a character", "x".repeat(100_000)]) {
    const bytes = new TextEncoder().encode(body);
    const [head = ""] = encode(body).toString("latin1").split("\r\n\r\n");

    expect(head.split("\r\n")).toContain(`content-length: ${bytes.length}`);
    expect(
      encode(body)
        .subarray(head.length + 4)
        .equals(bytes),
    ).toBe(true);
    expect(encode(bytes).equals(encode(body))).toBe(true);
    expect(encode([bytes.subarray(0, 2), bytes.subarray(2)]).equals(encode(body))).toBe(true);
  }
});

test("encodeRequest writes headers in Latin-1, and no length where there is no body", () => {
  expect(encode(undefined, { "x-name": "é" }).toString("latin1")).toBe(
    "GET /a?b=1 HTTP/1.1\r\nhost: qwen.test:81\r\nx-name: é\r\nconnection: keep-alive\r\n\r\n",
  );
});

test("encodeRequest writes one host, the request's own where it has one", () => {
  const own = { host: "inner.test" };
  const lasting = {
    method: "GET",
    url: "http://qwen.test:81/a?b=1",
    headers: {},
    lastingHeaders: own,
    signal,
  } as const;
  const heads = [encode(undefined, own), Buffer.concat(encodeRequest(lasting, target, encodeFields(own)))];

  for (const head of heads) expect(head.toString("latin1").match(/^host: .*/gm)).toEqual(["host: inner.test"]);
});

test("encodeRequest says where no other request follows on the connection", () => {
  const request = { method: "GET", url: "http://qwen.test:81/a?b=1", headers: {}, signal, isLast: true } as const;

  expect(Buffer.concat(encodeRequest(request, target)).toString("latin1")).toEndWith("\r\nconnection: close\r\n\r\n");
});

test("encodeRequest refuses a header that would begin a line of its own", () => {
  expect(() => encode("", { "x-name": "a\r\nb: c" })).toThrow('header "x-name" cannot be sent');
  expect(() => encode("", { "x name": "a" })).toThrow('header "x name" cannot be sent');
});

test("encodeRequest writes lasting headers before those of the request", () => {
  const lastingFields = encodeFields({ "x-lasting": "a" });
  const request = { method: "GET", url: "http://qwen.test:81/a?b=1", headers: { "x-own": "b" }, signal } as const;

  expect(Buffer.concat(encodeRequest(request, target, lastingFields)).toString("latin1")).toBe(
    "GET /a?b=1 HTTP/1.1\r\nhost: qwen.test:81\r\nx-lasting: a\r\nx-own: b\r\nconnection: keep-alive\r\n\r\n",
  );
  expect(() => encodeFields({ "x-name": "a\r\nb: c" })).toThrow('header "x-name" cannot be sent');
});

test("encodeRequest writes a long body of many pieces in few: what is short is joined, what is long is not copied", () => {
  const short = Array.from({ length: 100 }, (_, at) => Buffer.from(`${at} `.repeat(300)));
  const long = Buffer.from("x".repeat(70_000));
  const body = [...short, Buffer.alloc(0), long, ...short, long];
  const request = { method: "POST", url: "http://qwen.test:81/a?b=1", headers: {}, signal, body } as const;
  const pieces = encodeRequest(request, target);

  expect(pieces).toHaveLength(4);
  expect(pieces[1]).toBe(long);
  expect(pieces[3]).toBe(long);
  expect(Buffer.concat(pieces).equals(encode(Buffer.concat(body)))).toBe(true);
});
