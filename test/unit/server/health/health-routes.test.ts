import { expect, test } from "bun:test";
import { startTestServer } from "../test-server.ts";

const signedOut = {
  name: "qwen-web",
  reachability: {
    state: "failing",
    lastAnswerAtMs: undefined,
    lastFailure: { atMs: 1000, kind: "upstream-timeout" },
  },
  breaker: "half-open",
  accounts: [{ id: "a1", alias: "mine", state: "needs-sign-in", reason: "the token expired", openReplies: 0 }],
} as const;
const unasked = { state: "unknown", lastAnswerAtMs: undefined, lastFailure: undefined } as const;

test("health tells version, age, running replies and upstreams", async () => {
  let timeMs = 5000;
  const { get } = startTestServer({
    clock: () => timeMs,
    upstreamNames: () => ["qwen-web"],
    gateway: { openReplies: () => 3 },
  });
  timeMs += 2500;
  expect(await (await get("/health")).json()).toEqual({
    status: "ok",
    version: "1.2.3",
    uptimeSeconds: 2,
    openReplies: 3,
    upstreams: ["qwen-web"],
  });
  // Its clock was set back.
  timeMs -= 3_600_000;
  expect(await (await get("/health")).json()).toMatchObject({ uptimeSeconds: 0 });
});

test("health is live whether or not it is ready", async () => {
  const listSessions = () => Promise.reject(new Error("disk I/O error"));
  const { get } = startTestServer({ diagnosis: { store: { listSessions } } });

  const [live, ready] = [await get("/health/live"), await get("/health/ready")];

  expect(live.status).toBe(200);
  expect(ready.status).toBe(503);
  expect(await ready.json()).toEqual({ status: "not-ready", reasons: ["store-failed"] });
});

test("health is ready and degraded while no account can serve, and says no name to strangers", async () => {
  const { get } = startTestServer({
    apiKeys: ["key"],
    diagnosis: { upstreams: () => [{ ...signedOut, reachability: unasked }] },
  });

  const ready = await get("/health/ready");

  expect(ready.status).toBe(200);
  expect(await ready.json()).toEqual({ status: "degraded", reasons: ["no-account-ready"] });
});

test("detailed health tells no end of what no calendar reaches", async () => {
  const [account] = signedOut.accounts;
  const accounts = [{ ...account, untilMs: 9e15 }];
  const { get } = startTestServer({ diagnosis: { upstreams: () => [{ ...signedOut, accounts }] } });
  expect(await (await get("/health/detailed")).json()).toMatchObject({ upstreams: [{ accounts: [{ until: null }] }] });
});

test("detailed health wants the key and tells store, upstreams, accounts, descriptors and settings [R2-086]", async () => {
  const { get } = startTestServer({
    apiKeys: ["key"],
    upstreamNames: () => ["qwen-web"],
    settings: { PORT: 8787, QWEN_TOKEN: "set" },
    diagnosis: {
      storeBytes: () => 4096,
      upstreams: () => [signedOut],
      upstreamRequests: () => ({ inFlight: 3, max: 256 }),
      descriptors: () => ({ open: 12, limit: 1024 }),
      maxReplies: 240,
    },
  });

  const refused = await get("/health/detailed");
  const answer = await get("/health/detailed", { authorization: "Bearer key" });

  expect(refused.status).toBe(401);
  expect(await answer.json()).toEqual({
    status: "degraded",
    reasons: ["no-account-ready", "upstream-failing"],
    version: "1.2.3",
    uptimeSeconds: expect.any(Number),
    openReplies: 0,
    runtime: expect.stringContaining("bun "),
    maxReplies: 240,
    memory: { rssBytes: expect.any(Number) },
    store: { bytes: 4096, trouble: null },
    chatStore: { state: "unused", reason: null },
    upstreams: [
      {
        name: "qwen-web",
        state: "failing",
        lastAnswerAt: null,
        lastFailure: { at: "1970-01-01T00:00:01.000Z", kind: "upstream-timeout" },
        breaker: "half-open",
        accounts: [
          { id: "a1", alias: "mine", state: "needs-sign-in", until: null, reason: "the token expired", openReplies: 0 },
        ],
      },
    ],
    upstreamRequests: { inFlight: 3, max: 256 },
    descriptors: { open: 12, limit: 1024 },
    config: { PORT: 8787, QWEN_TOKEN: "set" },
  });
});

test("health is degraded, and open to requests, while nothing can be kept", async () => {
  let trouble: "full" | undefined;
  const { get } = startTestServer({
    diagnosis: {
      // It is asked before anything is told.
      async probe() {
        trouble ??= "full";
      },
      storageTrouble: () => trouble,
      chatStore: () => ({ state: "failed", reason: "Cannot open it" }),
    },
  });
  const [full, detailed] = [await get("/health/ready"), await get("/health/detailed")];

  expect(full.status).toBe(200);
  expect(await full.json()).toEqual({ status: "degraded", reasons: ["store-not-writable", "chat-store-failed"] });
  expect(await detailed.json()).toMatchObject({
    store: { trouble: "full" },
    chatStore: { state: "failed", reason: "Cannot open it" },
  });
});
