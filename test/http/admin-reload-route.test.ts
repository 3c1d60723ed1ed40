// POST /admin/api/reload: what SIGHUP does, and an answer that arrives although the service that gives it is being retired.

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import {
  type AdminError,
  apiKey,
  ask,
  changesOf,
  findOpenDoors,
  findOpenLoopback,
  guarded,
} from "../support/admin-client.ts";
import { type Harness, startHarness } from "../support/harness.ts";
import { bearer } from "../support/keys-beside.ts";
import { user } from "./client.ts";

// Far beyond what the tests need, for machines that are busy with something else.
setDefaultTimeout(60_000);

interface Reloaded {
  readonly changed: readonly string[];
  readonly needs_restart: readonly string[];
  readonly upstreams: readonly string[];
}

const reload = <Body = Reloaded>(harness: Harness, key?: string) =>
  ask<Body>(harness, "POST", "reload", { body: {}, ...(key === undefined ? {} : { key }) });
const hello = { model: "qwen3-max", messages: [user("Hello")] };

describe("reload", () => {
  test("what was applied and what wants a restart is told, by a service that its own answer outlives", async () => {
    await using harness = await startHarness({ environment: guarded });
    harness.write({ ADMIN_KEY: "another-admin-0002", MAX_STREAMS: "7", PORT: "9" });

    const { status, body } = await reload(harness);

    expect(status).toBe(200);
    expect(body).toEqual({
      changed: ["ADMIN_KEY", "MAX_STREAMS"],
      needs_restart: ["PORT"],
      upstreams: [`qwen-web (${harness.served.url})`],
    });
    expect((await reload<AdminError>(harness)).status).toBe(401);
    expect((await reload(harness, "another-admin-0002")).body.changed).toEqual([]);
    expect(changesOf(harness)[0]).toMatchObject({ needsRestart: "PORT" });
    expect(harness.logLines.join("\n")).not.toContain("0002");
  });

  test("of settings that cannot be used each is named, without its secrets, and all stays as it was", async () => {
    await using harness = await startHarness({ environment: guarded });
    harness.write({ MAX_STREAMS: "many", JWT_SECRET: "short-secret", API_KEY: "a-new-key-0003" });

    const { status, body } = await reload<AdminError>(harness);

    expect([status, body.error.type]).toEqual([400, "invalid_request_error"]);
    expect(body.error.message).toContain("everything stays as it was");
    expect(body.error.message).toContain('MAX_STREAMS "many"');
    expect(body.error.message).toContain("JWT_SECRET");
    expect(body.error.message).not.toContain("short-secret");
    expect((await harness.chat(hello, { headers: bearer("a-new-key-0003") })).status).toBe(401);
    expect((await harness.chat(hello, { headers: bearer(apiKey) })).status).toBe(200);
    expect(changesOf(harness)).toEqual([]);
    harness.write({ MAX_STREAMS: "9", JWT_SECRET: undefined });
    expect((await reload(harness)).body.changed).toEqual(expect.arrayContaining(["API_KEY", "MAX_STREAMS"]));
  });

  test("settings that only their parts refuse are refused, too: a client's key that would be an admin's", async () => {
    await using harness = await startHarness({ environment: guarded });
    harness.write({ ADMIN_KEY: apiKey });

    const { status, body } = await reload<AdminError>(harness);

    expect([status, body.error.message]).toEqual([400, expect.stringContaining("Cannot use ADMIN_KEY")]);
    expect((await ask(harness, "GET", "status", { key: apiKey })).status).toBe(403);
    expect((await ask(harness, "GET", "status")).status).toBe(200);
  });

  test("a stream that runs ends whole", async () => {
    await using harness = await startHarness({ environment: guarded, emulator: { tokenDelayMs: 10 } });
    const stream = await harness.chat(
      { ...hello, stream: true, messages: [user("Count to 30")] },
      { headers: bearer(apiKey) },
    );
    harness.write({ MAX_STREAMS: "7" });

    expect((await reload(harness)).status).toBe(200);

    const text = await stream.text();
    expect(text).toContain('"finish_reason":"stop"');
    expect(text.trimEnd().endsWith("data: [DONE]")).toBe(true);
  });

  test("many at once are answered, a few of them by a refusal that says when to come back", async () => {
    await using harness = await startHarness({ environment: guarded });

    const answers = await Promise.all(
      Array.from({ length: 30 }, () => reload<Partial<Reloaded & AdminError>>(harness)),
    );

    const refused = answers.filter(({ status }) => status !== 200);
    expect(answers.length - refused.length).toBeGreaterThanOrEqual(8);
    for (const { status, headers, body } of refused) {
      expect([status, headers.get("retry-after")]).toEqual([503, "1"]);
      expect(body.error?.message).toContain("reloads wait already");
    }
    expect((await reload(harness)).status).toBe(200);
  });

  test("nobody else has it done, and no page of another site", async () => {
    await using harness = await startHarness({ environment: guarded });
    harness.write({ MAX_STREAMS: "7" });
    expect(await findOpenDoors(harness, [["POST", "reload"]])).toEqual([]);
    expect(harness.app.config.maxStreams).not.toBe(7);

    await using open = await startHarness();
    open.write({ MAX_STREAMS: "7" });
    expect(await findOpenLoopback(open, [["POST", "reload"]])).toEqual([]);
    expect(open.app.config.maxStreams).not.toBe(7);
  });
});
