// The pipes of a child process as a transport, where no server of the SDK would come to the point.

import { expect, setDefaultTimeout, test } from "bun:test";
import type { JSONRPCMessage } from "@modelcontextprotocol/sdk/types.js";
import { createLineReader } from "../../../../src/agent/mcp/line-reader.ts";
import { oversizedAnswer } from "../../../../src/agent/mcp/oversized-answer.ts";
import { createStdioTransport, UnsentError } from "../../../../src/agent/mcp/stdio-transport.ts";

// Far beyond what the tests need, for machines that are busy with something else: they start processes.
setDefaultTimeout(30_000);

const ping: JSONRPCMessage = { jsonrpc: "2.0", id: 1, method: "ping" };

function transportOf(script: string) {
  return createStdioTransport({
    command: process.execPath,
    args: ["--eval", script],
    environment: {},
    cwd: undefined,
    maxMessageBytes: 1000,
    endTimes: { inputMs: 100, termMs: 100 },
    // What comes is not looked at.
    parse: (value) => value as JSONRPCMessage,
  });
}

test("createStdioTransport refuses to send to a process that has ended, and says that nobody read it", async () => {
  const transport = transportOf("process.exit(4)");
  const closed = new Promise<void>((resolve) => {
    transport.onclose = resolve;
  });

  await transport.start();
  await closed;

  expect(await transport.send(ping).catch((error: unknown) => error)).toBeInstanceOf(UnsentError);
  expect(transport.ending()).toBe("ended with code 4");
});

test("createStdioTransport does not wait for a process that does not read", async () => {
  const transport = transportOf("setInterval(() => {}, 1e6)");
  await transport.start();

  const long: JSONRPCMessage = { ...ping, params: { text: "x".repeat(1_000_000) } };
  await Promise.all(Array.from({ length: 10 }, () => transport.send(long)));

  await transport.close();
  expect(transport.ending()).toBe("was ended by SIGTERM");
});

test("createStdioTransport gives what was written before the end, and then the end", async () => {
  const transport = transportOf(`console.log(JSON.stringify({ jsonrpc: "2.0", id: 1, result: {} }))`);
  const heard: unknown[] = [];
  const closed = new Promise<void>((resolve) => {
    transport.onclose = resolve;
  });
  transport.onmessage = (message) => void heard.push(message);

  await transport.start();
  await closed;

  expect(heard).toEqual([{ jsonrpc: "2.0", id: 1, result: {} }]);
});

test("createStdioTransport gives messages of one list one by one", async () => {
  const transport = transportOf(
    `console.log('[{"jsonrpc":"2.0","id":1,"result":{}},{"jsonrpc":"2.0","id":2,"result":{}}]')`,
  );
  const heard: unknown[] = [];
  const closed = new Promise<void>((resolve) => {
    transport.onclose = resolve;
  });
  transport.onmessage = (message) => void heard.push(message);

  await transport.start();
  await closed;

  expect(heard).toEqual([
    { jsonrpc: "2.0", id: 1, result: {} },
    { jsonrpc: "2.0", id: 2, result: {} },
  ]);
});

test("createLineReader gives the same lines wherever the bytes are cut, and only the ends of long ones", () => {
  const text = `a\n\n${"x".repeat(5000)}\r\nüber\n`;
  const bytes = new TextEncoder().encode(text);

  for (const size of [1, 2, 3, 7, 1000, bytes.length]) {
    const lines: string[] = [];
    const reader = createLineReader(4096, {
      line: (line) => void lines.push(line.trim()),
      tooLong: (ends) => void lines.push(`long ${ends.length}`),
      endless: () => void lines.push("endless"),
    });
    for (let at = 0; at < bytes.length; at += size) reader.feed(bytes.subarray(at, at + size));

    expect(lines).toEqual(["a", "long 2048", "über"]);
  }
});

test("oversizedAnswer finds whose answer it was by either end, and nothing in between", () => {
  const idOf = (ends: string): unknown => oversizedAnswer(ends)?.id;

  expect(idOf('{"jsonrpc":"2.0","id":7,"result":{"text":"xx')).toBe(7);
  expect(idOf('{"id": 7, "jsonrpc":"2.0","result":{"text":"xx')).toBe(7);
  expect(idOf('{"result":{"text":"xxx"},"jsonrpc":"2.0","id":7}')).toBe(7);
  expect(idOf('{"result":{"text":"xxx"},"id":7,"jsonrpc":"2.0"}')).toBe(7);
  expect(idOf('{"method":"x","params":{"a":{"id":7},"b":1}}')).toBeUndefined();
});
