// Turns of one session one after the other, in the order in which they came.

import { expect, test } from "bun:test";
import { createSessionQueue } from "../../../../src/gateway/turns/session-queue.ts";

const never = new AbortController().signal;

test("createSessionQueue lets the next in when the one before leaves, in order", async () => {
  const queue = createSessionQueue();
  const order: string[] = [];
  const leaveFirst = await queue.enter("s", never);
  const second = queue.enter("s", never).then((leave) => {
    order.push("second");
    leave();
  });
  const third = queue.enter("s", never).then((leave) => {
    order.push("third");
    leave();
  });
  order.push("first");
  leaveFirst();
  await Promise.all([second, third]);
  expect(order).toEqual(["first", "second", "third"]);
});

test("createSessionQueue keeps sessions apart", async () => {
  const queue = createSessionQueue();
  await queue.enter("a", never);
  expect(await queue.enter("b", never)).toBeFunction();
});

test("createSessionQueue gives up the place of a turn that is aborted while it waits", async () => {
  const queue = createSessionQueue();
  const leaveFirst = await queue.enter("s", never);
  const gone = new AbortController();
  const second = queue.enter("s", gone.signal);
  const third = queue.enter("s", never);
  gone.abort(new Error("left"));
  await expect(second).rejects.toThrow("left");
  leaveFirst();
  expect(await third).toBeFunction();
});
