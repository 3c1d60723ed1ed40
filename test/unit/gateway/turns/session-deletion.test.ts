// Chats that are not deleted upstream: tried again by each sweep an hour later, but not for ever.

import { expect, test } from "bun:test";
import { GatewayError } from "../../../../src/contract/gateway-error.ts";
import type { Upstream } from "../../../../src/contract/upstream.ts";
import { createSessionDeletion } from "../../../../src/gateway/turns/session-deletion.ts";
import { createMemoryStore } from "../../../../src/store/memory-store.ts";
import { createLog } from "../../../../src/telemetry/create-log.ts";

const hourMs = 3_600_001;
const dayMs = 24 * hourMs;

/**
 * A session that was deleted while its one chat could not be, and what is swept afterwards.
 * @param answer the upstream's. "none": the process is killed while it waits for it
 */
async function deletedSession(answer: GatewayError | "deleted" | "none", sessionTimeoutMs = 30 * dayMs) {
  let nowMs = 0;
  const store = createMemoryStore({ clock: () => nowMs, sessionTimeoutMs });
  const claim = await store.openConversation("caller", {
    ...{ sessionId: "s", sessionHint: undefined, upstream: "web", account: "a", model: "qwen", priorReplies: 200 },
    ...{
      continuation: { chatId: "c", nodeId: null, responseId: null, parentId: null },
      byHead: true,
      replaces: undefined,
    },
  });
  await store.releaseTurn(claim, 0);
  const asked: string[] = [];
  let isAsked = Promise.withResolvers<void>();
  const web: Pick<Upstream, "name" | "deleteChat"> = {
    name: "web",
    deleteChat(_account, chatId) {
      asked.push(chatId);
      isAsked.resolve();
      if (answer === "none") return new Promise(() => {});
      return answer === "deleted" ? Promise.resolve() : Promise.reject(answer);
    },
  };
  const lines: string[] = [];
  const log = createLog({ level: "info", format: "json", write: (line) => void lines.push(line) });
  const deletion = createSessionDeletion({ store, upstreams: () => [web as Upstream], deleteChats: true, log });
  const isDone = deletion.deleteSession("caller", "s");
  await (answer === "none" ? isAsked.promise : isDone);
  return {
    asked,
    lines,
    /** Resolves when the upstream is asked once more. */
    untilAsked(): Promise<void> {
      isAsked = Promise.withResolvers<void>();
      return isAsked.promise;
    },
    /** Nobody asks for it any more. */
    isForgotten: async () => (await store.listCallers(1)).length === 0,
    async sweepHourly(forMs: number): Promise<void> {
      for (const endMs = nowMs + forMs; nowMs < endMs;) {
        nowMs += hourMs;
        await deletion.sweepSessions();
      }
    },
  };
}

const outage = new GatewayError("upstream-failed", "Qwen failed to answer this request", { retryable: true });

test.each([30 * dayMs, hourMs / 2])(
  "a chat that is never deleted is tried for a week, and told of at first and at last, sessions of %d ms",
  async (sessionTimeoutMs) => {
    const { asked, lines, sweepHourly } = await deletedSession(outage, sessionTimeoutMs);
    await sweepHourly(6 * dayMs);
    expect(asked.length).toBeGreaterThan(140);
    expect(lines).toHaveLength(1);

    await sweepHourly(2 * dayMs);
    const inAll = asked.length;
    await sweepHourly(dayMs);

    expect(asked).toHaveLength(inAll);
    expect(lines.map((line) => JSON.parse(line) as object)).toMatchObject([
      { level: "warn", message: "Cannot delete a chat at the upstream: it is tried again later" },
      { level: "warn", message: "Cannot delete a chat at the upstream: it stays there" },
    ]);
  },
);

test("a chat whose deletion is refused for good is not tried again", async () => {
  const { asked, lines, sweepHourly } = await deletedSession(new GatewayError("internal", "Qwen does not understand"));
  await sweepHourly(dayMs);

  expect(asked).toEqual(["c"]);
  expect(lines).toHaveLength(1);
});

test("a chat whose process is killed while it deletes it is tried again", async () => {
  const { asked, untilAsked, sweepHourly } = await deletedSession("none");
  const isAsked = untilAsked();
  void sweepHourly(hourMs);
  await isAsked;

  expect(asked).toEqual(["c", "c"]);
});

test("nothing is remembered of a chat that was deleted", async () => {
  const { asked, isForgotten, sweepHourly } = await deletedSession("deleted");
  expect(await isForgotten()).toBe(true);
  await sweepHourly(dayMs);

  expect(asked).toEqual(["c"]);
});
