// Answers over HTTP that are made exact: whole ones alone, and nothing else in their bodies.

import { expect, test } from "bun:test";
import { createExactBody } from "../../../../src/agent/mcp/exact-body.ts";

test("createExactBody leaves an answer alone whose lines of data are objects with an id, too", () => {
  const lines = ['data: {"jsonrpc":"2.0","id":1,"result":{"list":[', 'data: {"id":7,"name":"x"}', "data: ]}}", "", ""];
  const body = createExactBody("text/event-stream")!;
  const told = Buffer.concat([body.feed(Buffer.from(lines.join("\n"))), body.end()]);

  expect(told.toString()).toBe(lines.join("\n"));
});

const call = (id: number, rest: string): string => `{"jsonrpc":"2.0","id":${id},${rest}}`;

function pass(contentType: string, text: string, cutAt: number): string {
  const body = createExactBody(contentType)!;
  const bytes = Buffer.from(text);
  const parts = [bytes.subarray(0, cutAt), bytes.subarray(cutAt)].map((part) => body.feed(part));
  return Buffer.concat([...parts, body.end()]).toString();
}

test.each([
  [
    "an answer of several lines of data",
    'event: message\ndata: {"jsonrpc":"2.0","id":1,\ndata: "result":{},"error":null}\n\n',
    `event: message\ndata: ${call(1, '"result":{}')}\n\n`,
  ],
  [
    "answers in one list, as an event each",
    `event: message\nid: 7\ndata: [${call(1, '"result":null')},${call(2, '"result":{}')}]\n\n`,
    `event: message\nid: 7\ndata: ${call(1, '"result":{}')}\n\ndata: ${call(2, '"result":{}')}\n\n`,
  ],
  [
    "an exact answer in several lines, which stays",
    'data: {"jsonrpc":"2.0",\nid: 7\ndata: "id":1,"result":{}}\n\n: alive\n\n',
    'id: 7\ndata: {"jsonrpc":"2.0",\ndata: "id":1,"result":{}}\n\n: alive\n\n',
  ],
])("createExactBody gives the SDK what it takes, cut at any byte: %s", (_what, told, wanted) => {
  for (let cutAt = 0; cutAt <= told.length; cutAt++) expect(pass("text/event-stream", told, cutAt)).toBe(wanted);
});

test("createExactBody makes each answer of a list in JSON exact", () => {
  const told = `[${call(1, '"result":null')},${call(2, '"error":"no"')},${call(3, '"result":{}')}]`;

  const answers = JSON.parse(pass("application/json", told, 9));

  expect(answers).toMatchObject([
    { id: 1, result: {} },
    { id: 2, error: { message: "no" } },
    { id: 3, result: {} },
  ]);
});

test.each([
  ["behind its last event with data", "id: 7\ndata:\n\nid:8\ndata: x\n\nid: 9\n\n", "8"],
  ["behind nothing where an id stands within data", "data: id: 7\n\n", undefined],
  ["behind nothing where an id has no data", "id: 7\n\n", undefined],
  ["behind nothing that has given a result", `id: 7\ndata: ${call(1, '"result":{}')}\n\n`, undefined],
  ["behind an error, where the SDK asks on", `id: 7\ndata: ${call(1, '"error":{"code":1,"message":"no"}')}\n\n`, "7"],
])("createExactBody tells where the SDK goes on with a stream, cut at any byte: %s", (_what, told, eventId) => {
  const bytes = Buffer.from(told);
  for (let cutAt = 0; cutAt <= told.length; cutAt++) {
    const body = createExactBody("text/event-stream", 1)!;
    for (const part of [bytes.subarray(0, cutAt), bytes.subarray(cutAt)]) body.feed(part);

    expect(body.resumesBehind()).toBe(eventId);
    expect(body.hasRefused()).toBe(told.includes("error"));
  }
});
