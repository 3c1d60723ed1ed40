// Messages of clients to the gateway's own MCP server, on standard input.

import { expect, test } from "bun:test";
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { readOwnLines } from "../../../src/agent/own-message.ts";

const ping = '{"jsonrpc":"2.0","id":1,"method":"ping"}';

test.each([
  ["null for no params", '{"jsonrpc":"2.0","id":1,"method":"ping","params":null}\n', `${ping}\n`],
  ["a list as its messages", `[${ping},${ping}]\n`, `${ping}\n${ping}\n`],
  ["what is no message as it came", `hello\n${ping}\r\n`, `hello\n${ping}\n`],
  [
    "null in arguments, which are the tool's",
    '{"method":"tools/call","params":{"_meta":null,"arguments":{"a":null}}}\n',
    '{"method":"tools/call","params":{"arguments":{"a":null}}}\n',
  ],
])("readOwnLines gives the SDK %s, cut at any byte", async (_what, said, wanted) => {
  for (let cutAt = 0; cutAt <= said.length; cutAt++) {
    const input = new PassThrough();
    const read = text(readOwnLines(input));
    input.write(said.slice(0, cutAt));
    input.end(said.slice(cutAt));

    expect(await read).toBe(wanted);
  }
});

test("readOwnLines ends with a line that is too long, and gives nothing behind it", async () => {
  const input = new PassThrough();
  const read = text(readOwnLines(input));

  input.end(`${ping}\n${"x".repeat(11 * 1024 * 1024)}\n${ping}\n`);

  expect(await read).toBe(`${ping}\n`);
});
