import { expect, test } from "bun:test";
import { startTestServer } from "./test-server.ts";

test("health tells version, age, running replies and upstreams", async () => {
  let timeMs = 5000;
  const { get } = startTestServer({
    clock: () => timeMs,
    upstreamNames: ["qwen-web"],
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
});

test("health is live whether or not it is ready", async () => {
  let ready = false;
  const { get } = startTestServer({ isReady: () => ready });
  expect([(await get("/health/live")).status, (await get("/health/ready")).status]).toEqual([200, 503]);
  ready = true;
  expect((await get("/health/ready")).status).toBe(200);
});
