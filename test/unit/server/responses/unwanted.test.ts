// Which responses are not kept, because their session was deleted while they were made: here, or at another worker.

import { expect, test } from "bun:test";
import { UnwantedResponses } from "../../../../src/server/responses/unwanted.ts";

test("UnwantedResponses tells what began before its session was deleted here, within one millisecond too", () => {
  const unwanted = new UnwantedResponses(() => 1000);
  const before = unwanted.moment;
  unwanted.noteDeleted("ann", "s1");

  expect(unwanted.isDeletedSince(before, "ann", "s1")).toBe(true);
  expect(unwanted.isDeletedSince(unwanted.moment, "ann", "s1")).toBe(false);
  expect(unwanted.isDeletedSince(before, "bob", "s1")).toBe(false);
});

test("UnwantedResponses hears late of what another worker has deleted, and goes by the time", () => {
  let nowMs = 1000;
  const unwanted = new UnwantedResponses(() => nowMs);
  const before = unwanted.moment;
  nowMs = 1002;
  const after = unwanted.moment;
  unwanted.noteDeletedElsewhere("ann", "s1", 1001);

  expect(unwanted.isDeletedSince(before, "ann", "s1")).toBe(true);
  expect(unwanted.isDeletedSince(after, "ann", "s1")).toBe(false);
});

test("UnwantedResponses keeps one deletion of a session beside another", () => {
  let nowMs = 1000;
  const unwanted = new UnwantedResponses(() => nowMs);
  const before = unwanted.moment;
  nowMs = 1001;
  unwanted.noteDeletedElsewhere("ann", "s1", nowMs);
  const between = unwanted.moment;
  unwanted.noteDeleted("ann", "s1");

  expect([before, between].map((moment) => unwanted.isDeletedSince(moment, "ann", "s1"))).toEqual([true, true]);
});

test("UnwantedResponses notes ids of responses alone, however many streams of typed chats are forgotten", () => {
  const unwanted = new UnwantedResponses(() => 1000);
  unwanted.note("resp_1");
  for (let index = 0; index < 1000; index++) unwanted.note(`stream-${index}`);

  expect(unwanted.take("resp_1")).toBe(true);
  expect(unwanted.take("stream-999")).toBe(false);
});
