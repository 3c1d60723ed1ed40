// Answers over HTTP that are made exact: whole ones alone, and nothing else in their bodies.

import { expect, test } from "bun:test";
import { createExactBody } from "../../../../src/agent/mcp/exact-body.ts";

test("createExactBody leaves an answer alone whose lines of data are objects with an id, too", () => {
  const lines = ['data: {"jsonrpc":"2.0","id":1,"result":{"list":[', 'data: {"id":7,"name":"x"}', "data: ]}}", "", ""];
  const body = createExactBody("text/event-stream")!;
  const told = Buffer.concat([body.feed(Buffer.from(lines.join("\n"))), body.end()]);

  expect(told.toString()).toBe(lines.join("\n"));
});
