// A disk that takes nothing more under the compiled executable: answers go on, one line says so, and it is over when it is over.

import { expect, setDefaultTimeout, test } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { postMessage, say } from "../http/typed-client.ts";
import { createPlace, eventually } from "../support/binary.ts";
import { canMountDisk, mountSmallDisk } from "../support/small-disk.ts";
import { createTalker, startStage, type Stage } from "./stage.ts";

// Far beyond what the tests need, for machines that are busy with something else.
setDefaultTimeout(30_000);

const ready = async (stage: Stage) => {
  const response = await stage.get("/health/ready");
  return { status: response.status, body: (await response.json()) as { status: string; reasons?: string[] } };
};
const whenReady = (stage: Stage, status: string) =>
  eventually(
    async () => {
      const found = await ready(stage);
      return found.body.status === status ? found : undefined;
    },
    () => `/health/ready is ${status}`,
  );
const logged = (stage: Stage, level: string) =>
  stage.gateway.errors.filter((line) => line.startsWith("{") && JSON.parse(line).level === level);

test.skipIf(!canMountDisk)(
  "a full disk: streams go on, health says so, one warning (skipped without the right to mount)",
  async () => {
    using place = createPlace();
    using disk = mountSmallDisk(join(place.folder, "small"));
    if (disk === undefined) throw new Error("Cannot mount a disk");
    await using stage = await startStage({ environment: { DATA_DIR: disk.folder } });
    const talker = createTalker(stage, { stream: true });
    await talker.say("My dog is called Rex.");
    await say(stage, { message: "Say hello", session_id: "s1", options: { follow_ups: false, quality: false } });
    expect((await ready(stage)).body).toEqual({ status: "ok" });
    disk.fill();

    const degraded = await whenReady(stage, "degraded");
    expect(degraded).toEqual({ status: 200, body: { status: "degraded", reasons: ["store-not-writable"] } });
    for (const words of ["one", "two", "three"]) expect(await talker.say(`Say ${words}`)).toBe(words);
    const typed = await postMessage(stage, { message: "Say hello", session_id: "s1" });
    expect(typed.status).toBe(503);
    expect(await typed.json()).toMatchObject({
      message: "Cannot keep this: the gateway's disk is full. Try again when that is mended",
      error: { code: "overloaded" },
    });
    const document = await stage.post("/api/documents", {
      name: "a.txt",
      text: "x ".repeat(100_000),
      type: "text/plain",
    });
    expect({ status: document.status, body: await document.json() }).toMatchObject({
      status: 503,
      body: { message: expect.stringContaining("disk is full") },
    });
    expect(await (await stage.get("/health/detailed")).json()).toMatchObject({ store: { trouble: "full" } });
    expect(logged(stage, "warn").filter((line) => line.includes("Nothing can be kept"))).toHaveLength(1);
    expect(logged(stage, "error")).toEqual([]);

    disk.free();
    await whenReady(stage, "ok");
    expect(await talker.say("What is my dog called?")).toContain("Rex");
    const again = await say(stage, {
      message: "Say again",
      session_id: "s1",
      options: { follow_ups: false, quality: false },
    });
    expect(again).toMatchObject({ isDone: true, text: "again" });
    await stage.gateway.line((line) => line.includes("can be written again"));
  },
);

test.skipIf(!canMountDisk)(
  "a disk that is full before the typed chat was used (skipped without the right to mount)",
  async () => {
    using place = createPlace();
    using disk = mountSmallDisk(join(place.folder, "small"));
    if (disk === undefined) throw new Error("Cannot mount a disk");
    await using stage = await startStage({ environment: { DATA_DIR: disk.folder } });
    disk.fill();
    const refused = await postMessage(stage, { message: "Say hello" });

    expect({ status: refused.status, body: await refused.json() }).toMatchObject({
      status: 503,
      body: { message: expect.stringContaining("disk is full") },
    });
    disk.free();
    expect(await say(stage, { message: "Say hello" })).toMatchObject({ isDone: true, text: "hello" });
  },
);

test("a deleted data directory: streams go on, health says so, one warning", async () => {
  await using stage = await startStage();
  const talker = createTalker(stage, { stream: true });
  await talker.say("My dog is called Rex.");
  expect((await ready(stage)).body).toEqual({ status: "ok" });
  rmSync(join(stage.place.home, ".local/share/qwen-gateway"), { recursive: true });

  const degraded = await whenReady(stage, "degraded");
  expect(degraded).toEqual({ status: 200, body: { status: "degraded", reasons: ["store-not-writable"] } });
  expect(await (await stage.get("/health/detailed")).json()).toMatchObject({ store: { trouble: "gone" } });
  expect(await talker.say("What is my dog called?")).toContain("Rex");
  expect(logged(stage, "warn").filter((line) => line.includes("data directory is gone"))).toHaveLength(1);
});

test("a damaged chat.db stands in /health/detailed before anybody has asked for it, and readiness says degraded", async () => {
  await using stage = await startStage();
  const detailed = async () => (await (await stage.get("/health/detailed")).json()) as { chatStore: unknown };
  expect((await detailed()).chatStore).toEqual({ state: "unused", reason: null });
  const path = join(stage.place.home, ".local/share/qwen-gateway/chat.db");
  await Bun.write(path, "no database ".repeat(500));

  const degraded = await whenReady(stage, "degraded");
  expect(degraded).toMatchObject({ status: 200, body: { reasons: ["chat-store-failed"] } });
  expect((await detailed()).chatStore).toEqual({
    state: "failed",
    reason: expect.stringContaining("the file is damaged or no database"),
  });
  expect(await createTalker(stage, { stream: true }).say("Say on")).toBe("on");
});
