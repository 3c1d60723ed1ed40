// API keys by the admin routes: made and shown once, good for what they were made for, revoked at the next request.

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { adminKey, ask, changesOf, findOpenDoors, findOpenLoopback, guarded } from "../support/admin-client.ts";
import { startHarness } from "../support/harness.ts";
import { bearer } from "../support/keys-beside.ts";
import { user } from "./client.ts";

// Far beyond what the tests need, for machines that are busy with something else.
setDefaultTimeout(60_000);

const hello = { model: "qwen3-max", messages: [user("Hello")] };
const routes = [
  ["GET", "keys"],
  ["POST", "keys"],
  ["POST", "keys/ann/revoke"],
  ["DELETE", "keys/ann"],
] as const;

interface Key {
  readonly key: string;
  readonly prefix: string;
  readonly state: string;
  readonly advice: readonly string[];
}

interface Keys {
  readonly data: readonly Key[];
}

describe("keys", () => {
  test("one is made, shown once, serves within its scope, and no more once it is revoked [R2-084]", async () => {
    await using harness = await startHarness({ environment: guarded });

    const made = await ask<Key>(harness, "POST", "keys", {
      body: {
        name: "ann",
        models: ["qwen3*"],
        expires_in: "1h",
        limits: { requests_per_minute: 60, spend_per_day: 0.5 },
      },
    });
    const { key, prefix } = made.body;
    expect(made.status).toBe(200);
    expect(made.body).toMatchObject({
      name: "ann",
      state: "active",
      scopes: { models: ["qwen3*"], admin: false },
      limits: { requests_per_minute: 60, spend_per_day: 0.5 },
      advice: [],
    });
    expect((await harness.chat(hello, { headers: bearer(key) })).status).toBe(200);
    expect((await harness.chat({ ...hello, model: "other" }, { headers: bearer(key) })).status).toBe(404);

    const listed = await ask<Keys>(harness, "GET", "keys");
    expect(listed.body.data).toMatchObject([{ prefix, name: "ann", state: "active", revoked_at: null }]);
    expect(JSON.stringify(listed.body)).not.toContain(key);

    expect((await ask(harness, "DELETE", `keys/${prefix}`)).body.error.param).toBe("name");
    expect((await ask<Key>(harness, "POST", "keys/ann/revoke")).body).toMatchObject({ prefix, state: "revoked" });
    expect((await harness.chat(hello, { headers: bearer(key) })).status).toBe(401);
    expect((await ask<object>(harness, "DELETE", `keys/${prefix}`)).body).toEqual({ prefix, deleted: true });
    expect((await ask<Keys>(harness, "GET", "keys")).body.data).toEqual([]);

    expect(changesOf(harness)).toHaveLength(3);
    expect(harness.logLines.join("\n")).not.toContain(key.slice(prefix.length + 1));
  });

  test("one with the scope admin opens these routes, until it expires", async () => {
    let nowMs = Date.now();
    await using harness = await startHarness({ environment: guarded, clock: () => nowMs });
    const { body } = await ask<Key>(harness, "POST", "keys", { body: { name: "ops", admin: true, expires_in: "1m" } });

    expect((await ask(harness, "GET", "keys", { key: body.key })).status).toBe(200);
    nowMs += 60_001;
    expect((await ask(harness, "GET", "keys", { key: body.key })).status).toBe(401);
    expect((await ask<Keys>(harness, "GET", "keys")).body.data[0]).toMatchObject({ state: "expired" });
  });

  test.each([
    [{}, "name"],
    [{ name: "" }, "name"],
    [{ name: "a\u0007" }, "name"],
    [{ name: "x".repeat(65) }, "name"],
    [{ name: "a", models: [] }, "models"],
    [{ name: "a", models: ["two words"] }, "models[0]"],
    [{ name: "a", surfaces: ["telnet"] }, "surfaces[0]"],
    [{ name: "a", surfaces: ["*"] }, "surfaces[0]"],
    [{ name: "a", admin: "yes" }, "admin"],
    [{ name: "a", expires_in: "tomorrow" }, "expires_in"],
    [{ name: "a", expires_in: "900d" }, "expires_in"],
    [{ name: "a", limits: { streams: 0 } }, "limits.streams"],
    [{ name: "a", limits: { requests_per_minute: 1.5 } }, "limits.requests_per_minute"],
    [{ name: "a", limits: { spend_per_day: -1 } }, "limits.spend_per_day"],
    [{ name: "a", limits: { rpm: 5 } }, "limits.rpm"],
    [{ name: "a", scope: "admin" }, "scope"],
    [[], ""],
  ])("%j is refused and names its field", async (body, param) => {
    await using harness = await startHarness({ environment: guarded });

    const { status, body: told } = await ask(harness, "POST", "keys", { body });

    expect([status, told.error.param ?? ""]).toEqual([400, param]);
    expect((await ask<Keys>(harness, "GET", "keys")).body.data).toEqual([]);
  });

  test("a name that is taken and a key that nobody knows are told, without what was sent", async () => {
    await using harness = await startHarness({ environment: guarded });
    const { body } = await ask<Key>(harness, "POST", "keys", { body: { name: "ann" } });

    const again = await ask(harness, "POST", "keys", { body: { name: "ann" } });
    expect([again.status, again.body.error.param]).toEqual([400, "name"]);
    // Somebody may put the whole key there, mistyped.
    const wrong = await ask(harness, "POST", `keys/${body.key.replace("qg-", "gq-")}/revoke`);
    expect(wrong.status).toBe(404);
    expect(wrong.body.error.message).toBe("Cannot find this key: GET /admin/api/keys lists prefixes and names");
  });

  test("the first key of a gateway without any closes it at once, and says so", async () => {
    await using harness = await startHarness();

    const { body } = await ask<Key>(harness, "POST", "keys", { key: null, body: { name: "ann" } });

    expect(body.advice).toEqual([expect.stringContaining("keys create NAME --admin")]);
    expect((await harness.chat(hello)).status).toBe(401);
    expect((await harness.chat(hello, { headers: bearer(body.key) })).status).toBe(200);
    expect((await ask(harness, "GET", "keys", { key: body.key })).status).toBe(403);
  });

  test("nobody else comes in, and no page of another site", async () => {
    await using harness = await startHarness({ environment: guarded });
    expect(await findOpenDoors(harness, routes)).toEqual([]);
    expect((await ask<Keys>(harness, "GET", "keys", { key: adminKey })).body.data).toEqual([]);

    await using open = await startHarness();
    expect(await findOpenLoopback(open, routes)).toEqual([]);
    expect((await ask<Keys>(open, "GET", "keys", { key: null })).body.data).toEqual([]);
  });
});
