// What goes wrong below the events: a raw socket in Qwen's place that answers with broken HTTP, and closes as it likes.

import { describe, expect, test } from "bun:test";
import { gzipSync } from "node:zlib";
import { type Harness, startHarness } from "../support/harness.ts";
import { readCompletion, readError, readStream, untilIdle, user } from "./client.ts";

const created = 'data: {"response.created":{"chat_id": "c", "parent_id": "p", "response_id":"r"}} \n\n';
const delta = (content: string, status = "typing"): string =>
  `data: {"choices": [{"delta": {"role": "assistant", "content": "${content}", "phase": "answer", "status": "${status}"}}], "response_id": "r"}\n\n`;
const words = created + delta("one ") + delta("two");
const whole = words + delta("", "finished");

const streamHead = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n";
const chunk = (text: string): string => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
const json = (body: object): string => {
  const text = JSON.stringify(body);
  return `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${text.length}\r\n\r\n${text}`;
};

type Part = string | Uint8Array;

interface RawQwen extends Disposable {
  readonly url: string;
  /** Completions that were asked for. */
  readonly asked: number;
}

/** Between two writes: what comes together with its connection's end is dropped by Bun's fetch (measured on 1.4.5). */
const pauseMs = 15;

/** Answers completions with the given bytes, one list an attempt, the last one for all further; then closes. */
function serveRaw(answers: readonly (readonly Part[])[], ending: "close" | "reset" | "stay"): RawQwen {
  let asked = 0;
  const server = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      data(socket, bytes) {
        const line = bytes.toString().split("\r\n", 1)[0] ?? "";
        if (line.includes("/api/models")) return void socket.write(json({ data: [{ id: "qwen3-max" }] }));
        if (line.includes("/chats/new")) return void socket.write(json({ success: true, data: { id: "c" } }));
        if (!line.includes("/completions?")) return void socket.write(json({ success: true, data: {} }));
        const parts = answers[Math.min(asked, answers.length - 1)] ?? [];
        asked++;
        for (const [index, part] of parts.entries()) setTimeout(() => socket.write(part), index * pauseMs);
        const endMs = parts.length * pauseMs;
        if (ending === "close") setTimeout(() => socket.end(), endMs);
        if (ending === "reset") setTimeout(() => socket.terminate(), endMs);
      },
    },
  });
  return {
    url: `http://127.0.0.1:${server.port}`,
    get asked() {
      return asked;
    },
    [Symbol.dispose]: () => server.stop(true),
  };
}

function startBehind(qwen: RawQwen, environment: Record<string, string> = {}): Promise<Harness> {
  return startHarness({ environment: { QWEN_BASE_URL: qwen.url, QWEN_RECOVER: "false", ...environment } });
}

const hello = { model: "qwen3-max", stream: true, messages: [user("Hello")] };

describe("an answer whose HTTP breaks behind its first words", () => {
  const broken: readonly (readonly [string, readonly Part[], "close" | "reset"])[] = [
    ["a chunked body that is closed", [`${streamHead}Transfer-Encoding: chunked\r\n\r\n`, chunk(words)], "close"],
    ["a chunked body that is reset", [`${streamHead}Transfer-Encoding: chunked\r\n\r\n`, chunk(words)], "reset"],
    [
      "a chunk size that is no number",
      [`${streamHead}Transfer-Encoding: chunked\r\n\r\n`, chunk(words), "zz\r\n"],
      "close",
    ],
    [
      "a chunk that is cut",
      [`${streamHead}Transfer-Encoding: chunked\r\n\r\n`, chunk(words), "ffff\r\ndata: {"],
      "close",
    ],
    ["a body shorter than its length", [`${streamHead}Content-Length: 99999\r\n\r\n`, words], "close"],
    ["a body without length that ends", [`${streamHead}Connection: close\r\n\r\n`, words], "close"],
  ];
  test.each([...broken])("%s is one error frame and [DONE] [R0-028, R0-033]", async (_name, parts, ending) => {
    using qwen = serveRaw([parts], ending);
    await using harness = await startBehind(qwen);
    const stream = await readStream(await harness.chat(hello));
    expect(stream.text).toBe("one two");
    expect(stream.error).toMatchObject({ code: "upstream_failed" });
    expect(stream.chunks.filter((candidate) => candidate.error !== undefined)).toHaveLength(1);
    expect(stream.finishReasons).toEqual([]);
    expect(stream.doneCount).toBe(1);
    expect(qwen.asked).toBe(1);
    await untilIdle(harness);
  });
});

test("a challenge of the firewall under the name of an event stream is asked for once", async () => {
  const page = '<!doctype html><meta name="aliyun_waf_aa" content="f">';
  using qwen = serveRaw([[`${streamHead}Content-Length: ${page.length}\r\n\r\n${page}`]], "stay");
  await using harness = await startBehind(qwen);
  for (const _ of [1, 2]) {
    const answer = await readError(await harness.chat(hello));
    expect(answer).toMatchObject({ status: 503, error: { code: "upstream_challenge" } });
    expect(answer.headers.get("x-should-retry")).toBe("false");
  }
  expect(qwen.asked).toBe(1);
});

describe("an answer that is whole, however its HTTP ends", () => {
  const fine: readonly (readonly [string, readonly Part[], "close" | "reset" | "stay"])[] = [
    [
      "chunked and closed without the last chunk",
      [`${streamHead}Transfer-Encoding: chunked\r\n\r\n`, chunk(whole)],
      "close",
    ],
    ["chunked and reset", [`${streamHead}Transfer-Encoding: chunked\r\n\r\n`, chunk(whole)], "reset"],
    ["chunked and left open", [`${streamHead}Transfer-Encoding: chunked\r\n\r\n`, chunk(whole)], "stay"],
    ["without length", [`${streamHead}Connection: close\r\n\r\n`, whole], "close"],
    ["without a blank line at its end", [`${streamHead}Connection: close\r\n\r\n`, whole.trimEnd()], "close"],
    ["with CRLF", [`${streamHead}Connection: close\r\n\r\n`, whole.replaceAll("\n", "\r\n")], "close"],
    ["compressed", [`${streamHead}Content-Encoding: gzip\r\nConnection: close\r\n\r\n`, gzipSync(whole)], "close"],
    [
      "with chunk extensions",
      [
        `${streamHead}Transfer-Encoding: chunked\r\n\r\n`,
        `${Buffer.byteLength(whole).toString(16)};x=y\r\n${whole}\r\n0\r\n\r\n`,
      ],
      "close",
    ],
  ];
  test.each([...fine])("%s is an answer", async (_name, parts, ending) => {
    using qwen = serveRaw([parts], ending);
    await using harness = await startBehind(qwen);
    const stream = await readStream(await harness.chat(hello));
    expect(stream.text).toBe("one two");
    expect(stream.error).toBeUndefined();
    expect(stream.finishReasons).toEqual(["stop"]);
  });
});

describe("an answer that breaks before its first word", () => {
  const fine: readonly Part[] = [`${streamHead}Connection: close\r\n\r\n`, whole];
  const broken: readonly (readonly [string, readonly Part[]])[] = [
    ["nothing", []],
    ["half a head", ["HTTP/1.1 200 O"]],
    ["something that is no HTTP", ["220 smtp.example.com ESMTP\r\n"]],
    ["a head and nothing more", [`${streamHead}Transfer-Encoding: chunked\r\n\r\n`]],
    ["only response.created", [`${streamHead}Transfer-Encoding: chunked\r\n\r\n`, chunk(created)]],
    ["gzip that is none", [`${streamHead}Content-Encoding: gzip\r\nConnection: close\r\n\r\n`, whole]],
    [
      "half a JSON refusal",
      ['HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 999\r\n\r\n{"success":fa'],
    ],
  ];
  test.each([...broken])("%s is repeated, unnoticed [R0-054, R0-059]", async (_name, parts) => {
    for (const stream of [true, false]) {
      using qwen = serveRaw([parts, fine], "close");
      await using harness = await startBehind(qwen);
      const response = await harness.chat({ ...hello, stream });
      if (stream) expect((await readStream(response)).text).toBe("one two");
      else expect((await readCompletion(response)).choices[0]?.message.content).toBe("one two");
      expect(qwen.asked).toBe(2);
    }
  });

  test.each([...broken])("%s again and again is a 502 [R2-055]", async (_name, parts) => {
    using qwen = serveRaw([parts], "close");
    await using harness = await startBehind(qwen);
    const answer = await readError(await harness.chat(hello));
    expect(answer).toMatchObject({ status: 502, error: { code: "upstream_failed" } });
    expect(answer.text).not.toContain("127.0.0.1");
    // One more where the connection may have been closed while it was kept.
    expect([3, 4]).toContain(qwen.asked);
  });
});
