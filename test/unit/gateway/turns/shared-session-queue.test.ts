import { expect, test } from "bun:test";
import { createSessionQueue } from "../../../../src/gateway/turns/session-queue.ts";
import { createSharedSessionQueue, type CommonLine } from "../../../../src/gateway/turns/shared-session-queue.ts";
import { createLines } from "../../../../src/workers/lines.ts";

const never = new AbortController().signal;

/** Several workers over the same lines. */
function createWorkers(count: number) {
  const lines = createLines<number>();
  return Array.from({ length: count }, (_, worker) => {
    const common: CommonLine = {
      async enter(key) {
        await lines.enter(key, worker);
      },
      leave: (key) => lines.leave(key, worker),
    };
    return createSharedSessionQueue(createSessionQueue(), common);
  });
}

test("sharedSessionQueue lets one turn of a session run at a time, over all workers", async () => {
  const workers = createWorkers(3);
  let running = 0;
  const most: number[] = [];
  const run = async (index: number): Promise<void> => {
    const leave = await workers[index % 3]!.enter("s", never);
    most.push(++running);
    await new Promise<void>((resolve) => setImmediate(resolve));
    running--;
    leave();
  };
  await Promise.all(Array.from({ length: 30 }, (_, index) => run(index)));

  expect(most).toEqual(Array.from({ length: 30 }, () => 1));
});

test("sharedSessionQueue gives up both places of a turn whose client has left", async () => {
  const lines = createLines<string>();
  const standing = Promise.withResolvers<void>();
  const common: CommonLine = {
    async enter(key, signal) {
      signal.throwIfAborted();
      const aborted = Promise.withResolvers<never>();
      signal.addEventListener("abort", () => aborted.reject(signal.reason));
      standing.resolve();
      await Promise.race([lines.enter(key, "own"), aborted.promise]);
    },
    leave: (key) => lines.leave(key, "own"),
  };
  const queue = createSharedSessionQueue(createSessionQueue(), common);
  await lines.enter("s", "another worker");
  const client = new AbortController();
  const left = queue.enter("s", client.signal);
  await standing.promise;
  client.abort(new Error("the client left"));
  await expect(left).rejects.toThrow("the client left");
  lines.leave("s", "another worker");

  const leave = await queue.enter("s", never);
  leave();
});

test("sharedSessionQueue goes on without the others where nobody keeps their line", async () => {
  const queue = createSharedSessionQueue(createSessionQueue(), {
    enter: () => Promise.reject(new Error("the supervisor is gone")),
    leave() {},
  });
  const first = await queue.enter("s", never);
  const second = queue.enter("s", never);
  expect(Bun.peek.status(second)).toBe("pending");
  first();

  (await second)();
});
