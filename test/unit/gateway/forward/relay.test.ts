// The relay of a forwarded answer: backpressure, heartbeats between events, and every way in which it may end.

import { expect, test } from "bun:test";
import type { ByteSink, ByteSource } from "../../../../src/contract/byte-source.ts";
import { GatewayError } from "../../../../src/contract/gateway-error.ts";
import { ForwardRelay } from "../../../../src/gateway/forward/relay.ts";
import type { Liveness } from "../../../../src/gateway/replies/liveness.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

function start(isEventStream: boolean) {
  const calls: string[] = [];
  const ends: string[] = [];
  let sink: ByteSink | undefined;
  const source: ByteSource = {
    start: (given) => {
      sink = given;
    },
    pause: () => void calls.push("pause"),
    resume: () => void calls.push("resume"),
    cancel: () => void calls.push("cancel"),
  };
  let nowMs = 1000;
  const watched = new Set<unknown>();
  const liveness: Liveness = {
    now: () => nowMs,
    watch: (one) => void watched.add(one),
    unwatch: (one) => void watched.delete(one),
    stop() {},
  };
  let sentBytes = 0;
  const relay = new ForwardRelay(
    source,
    { isEventStream, startedAtMs: nowMs, liveness },
    {
      sent: (sent) => {
        sentBytes += sent.length;
      },
      ended: (outcome, error) => void ends.push(`${outcome} ${error?.kind ?? ""}`.trim()),
      abandoned: () => void calls.push("abandoned"),
    },
  );
  const reader = relay.open().getReader();
  return {
    relay,
    reader,
    sink: sink!,
    calls,
    ends,
    watched,
    sent: () => sentBytes,
    pass: (ms: number) => {
      nowMs += ms;
    },
    rest: async () => {
      let text = "";
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return text;
        text += new TextDecoder().decode(value);
      }
    },
  };
}

test("ForwardRelay pauses its source while the client does not read, and resumes it afterwards", async () => {
  const { relay, reader, sink, calls, pass } = start(false);
  sink.chunk(new Uint8Array(80_000));
  expect(calls).toEqual(["pause"]);
  expect(relay.pausedAtMs).toBe(1000);

  pass(500);
  await reader.read();
  await Promise.resolve();
  expect(calls).toEqual(["pause", "resume"]);
  expect([relay.pausedAtMs, relay.lastByteAtMs]).toEqual([undefined, 1500]);
});

test("ForwardRelay ends with its source, once, and nobody watches it any more", async () => {
  const { relay, sink, ends, watched, rest, sent } = start(false);
  sink.chunk(bytes("abc"));
  sink.end();
  relay.expire(new GatewayError("internal", "too late"));

  expect(await rest()).toBe("abc");
  expect(ends).toEqual(["complete"]);
  expect(watched.size).toBe(0);
  expect(sent()).toBe(3);
});

test("ForwardRelay cuts what breaks off, so that it does not look complete", async () => {
  const { sink, ends, rest } = start(false);
  sink.chunk(bytes("abc"));
  sink.fail(new Error("reset"));

  await expect(rest()).rejects.toThrow("broke off");
  expect(ends).toEqual(["failed upstream-failed"]);
});

test("ForwardRelay tells an event stream why it ends, in an event of its own", async () => {
  const { relay, sink, calls, rest } = start(true);
  sink.chunk(bytes('data: {"a":1}\n\ndata: {"b'));
  relay.expire(new GatewayError("upstream-timeout", "Qwen fell silent"));

  expect(await rest()).toBe(
    'data: {"a":1}\n\ndata: {"b\n\nevent: error\ndata: {"error":"Qwen fell silent","type":"streaming_error","code":"upstream-timeout"}\n\n',
  );
  expect(calls).toContain("cancel");
});

test.each([
  ["data: a\n\n", true],
  ["data: a\r\n\r\n", true],
  ["data: a\r\r", true],
  ["data: a\n", false],
  ["data: a\r\n", false],
  ["data: a\r\n\r", false],
  ["data: a\r", false],
  ["data: a", false],
])("ForwardRelay says that it lives behind %p: %p", async (text, isSaid) => {
  const { relay, sink, rest } = start(true);
  const whole = start(true);
  for (const character of text) sink.chunk(bytes(character));
  whole.sink.chunk(bytes(text));
  for (const one of [relay, whole.relay]) one.heartbeat(2000);
  for (const one of [sink, whole.sink]) one.end();

  const told = isSaid ? `${text}: keepalive\n\n` : text;
  expect([await rest(), await whole.rest()]).toEqual([told, told]);
});

test("ForwardRelay says nothing into a body that is no event stream", async () => {
  const { relay, sink, rest } = start(false);
  relay.heartbeat(2000);
  sink.end();

  expect(await rest()).toBe("");
});

test("ForwardRelay gives its source up when the client leaves, or does not read for too long", async () => {
  const left = start(false);
  await left.reader.cancel();
  expect([left.calls, left.ends]).toEqual([["cancel"], ["aborted"]]);

  const stalled = start(false);
  stalled.relay.cut();
  await expect(stalled.rest()).rejects.toThrow();
  expect([stalled.calls, stalled.ends]).toEqual([["abandoned", "cancel"], ["aborted"]]);
});
