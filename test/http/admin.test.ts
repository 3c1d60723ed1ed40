// The admin routes over HTTP: what is shown, what is changed, and what is neither shown nor logged.

import { describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { type Harness, startHarness } from "../support/harness.ts";
import { modelsRoute, saying } from "../support/several-upstreams.ts";
import { serveCompatible } from "../support/fake-compatible-server.ts";
import { untilAnswer, untilIdle, user } from "./client.ts";

const json = { "content-type": "application/json" };

/** What the tests look at of all answers. */
interface AdminBody {
  readonly data: readonly {
    readonly id: string;
    readonly sessionId: string;
    readonly caller: string;
    readonly paused: boolean;
    readonly name: string;
  }[];
  readonly settings: readonly { readonly name: string }[];
  readonly account: { readonly id: string };
  readonly error: { readonly param: string | null; readonly message: string };
  readonly uptime_ms: number;
  readonly models: number;
  readonly session_id: string;
  readonly until: string;
}

async function call(harness: Harness, method: string, path: string, body?: unknown, headers = {}) {
  const response = await fetch(`${harness.url}/admin/api/${path}`, {
    method,
    headers: { ...(method === "POST" ? json : {}), ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  // Whatever it is, its reader knows.
  return { status: response.status, headers: response.headers, body: (await response.json()) as AdminBody };
}

const hello = { model: "qwen3-max", messages: [user("Hello")] };

describe("status and settings", () => {
  test("status tells version, uptime and counts", async () => {
    await using harness = await startHarness();

    const { status, body, headers } = await call(harness, "GET", "status");

    expect(status).toBe(200);
    expect(headers.get("cache-control")).toBe("no-store");
    expect(body).toMatchObject({ version: "0.1.0", live_streams: 0, upstreams: 1, accounts: { total: 1, ready: 1 } });
    expect(body.uptime_ms).toBeGreaterThanOrEqual(0);
  });

  test("config tells where each value comes from, and of secrets that there is one", async () => {
    await using harness = await startHarness({
      environment: { API_KEY: "sk-secret-of-clients", ADMIN_KEY: "sk-admin-x" },
    });

    const { body } = await call(harness, "GET", "config", undefined, { authorization: "Bearer sk-admin-x" });

    const byName = new Map<string, object>(body.settings.map((one) => [one.name, one]));
    expect(byName.get("API_KEY")).toEqual({ name: "API_KEY", value: "set", is_secret: true, source: "environment" });
    expect(byName.get("MASTER_KEY")).toMatchObject({ value: "not set", source: "default" });
    expect(byName.get("LOG_LEVEL")).toEqual({
      name: "LOG_LEVEL",
      value: "debug",
      is_secret: false,
      source: "environment",
    });
    expect(byName.get("MAX_BODY_BYTES")).toMatchObject({ value: 33_554_432, source: "default" });
    expect(JSON.stringify(body)).not.toContain("sk-");
  });
});

describe("changes", () => {
  test("no request that a page may send by itself changes anything", async () => {
    await using harness = await startHarness();

    for (const type of [
      "text/plain",
      "application/x-www-form-urlencoded",
      "multipart/form-data",
      "application/jsonx",
    ]) {
      const { status, body } = await call(harness, "POST", "upstreams/qwen-web/pause", {}, { "content-type": type });
      expect([type, status, body.error.param]).toEqual([type, 400, "Content-Type"]);
    }
    expect((await call(harness, "GET", "upstreams")).body.data[0]!.paused).toBe(false);
  });

  test("a body that is none is refused before anything is changed, also where nothing of it is wanted", async () => {
    await using harness = await startHarness();
    const pause = (body: string): Promise<Response> => harness.post("/admin/api/upstreams/qwen-web/pause", body);

    for (const body of ['{"a":', "[]", '"x"', "7"]) expect([body, (await pause(body)).status]).toEqual([body, 400]);
    expect((await pause(`{"a":"${"x".repeat(8 * 1024 * 1024)}"}`)).status).toBe(413);
    expect((await call(harness, "GET", "upstreams")).body.data[0]!.paused).toBe(false);
    // Whoever has nothing to say may say nothing.
    expect((await pause("")).status).toBe(200);
  });

  test("a body of the wrong form is refused with its field", async () => {
    await using harness = await startHarness();

    const { status, body } = await call(harness, "POST", "captures", { session_id: 7 });

    expect([status, body.error.param]).toEqual([400, "session_id"]);
  });

  test("paths that nobody serves, and other methods, are told so", async () => {
    await using harness = await startHarness();

    expect((await call(harness, "GET", "nothing")).status).toBe(404);
    expect((await call(harness, "POST", "status", {})).status).toBe(405);
  });
});

describe("live streams", () => {
  test("one is listed while it runs, and ended with a typed error", async () => {
    await using harness = await startHarness({ emulator: { tokenDelayMs: 50 } });
    const answer = await harness.chat({ ...hello, messages: [user("Count to 500")], stream: true });
    const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = (await reader.read()).value ?? "";

    const { body: listed } = await call(harness, "GET", "streams");
    expect(listed.data).toHaveLength(1);
    const stream = listed.data[0]!;
    expect(stream).toMatchObject({
      request_id: answer.headers.get("x-request-id"),
      caller: "local",
      surface: "openai-chat",
      upstream: "qwen-web",
      model: "qwen3-max",
      stream: true,
    });

    const ended = await call(harness, "DELETE", `streams/${stream.id}`);
    expect(ended.body).toMatchObject({ id: stream.id, ended: true });
    for (let next = await reader.read(); !next.done; next = await reader.read()) text += next.value;
    expect(text).toContain("was ended by whoever runs this gateway");
    await untilIdle(harness);
    expect((await call(harness, "GET", "streams")).body.data).toEqual([]);
    expect((await call(harness, "DELETE", `streams/${stream.id}`)).status).toBe(404);
    expect(harness.logLines.some((line) => line.includes("admin: a reply was ended"))).toBe(true);
  });
});

describe("replies that are ended before their first word", () => {
  const silent = { body: "", after: "silent" } as const;
  const requests: Readonly<Record<string, object>> = {
    "/v1/chat/completions": { model: "local", messages: [user("Hello")] },
    "/v1/embeddings": { model: "local", input: "Hello" },
  };

  test.each(Object.entries(requests))(
    "%s: its client is told, and the upstream is not held to be ill",
    async (path, body) => {
      await using server = serveCompatible([silent], { ...modelsRoute("local"), "/v1/embeddings": silent });
      const upstreams = JSON.stringify([{ name: "one", dialect: "vllm", base_url: server.url }]);
      await using harness = await startHarness({ environment: { UPSTREAMS: upstreams, QWEN_TOKEN: "" } });

      for (let round = 0; round < 6; round++) {
        const answer = harness.post(path, body);
        const listed = await untilAnswer(
          async () => (await call(harness, "GET", "streams")).body.data,
          (data) => data.length === 1 && server.requests.filter((one) => path.endsWith(one.path)).length === round + 1,
        );
        await call(harness, "DELETE", `streams/${listed[0]!.id}`);
        const response = await answer;
        expect(response.status).toBe(503);
        expect(await response.text()).toContain("was ended by whoever runs this gateway");
      }

      const { body: told } = await call(harness, "GET", "upstreams");
      expect(told.data.find(({ name }) => name === "one")).toMatchObject({ circuit: "closed" });
    },
  );
});

describe("upstreams", () => {
  test("a paused one gets no requests until it is resumed", async () => {
    await using harness = await startHarness();

    expect((await call(harness, "POST", "upstreams/qwen-web/pause")).body).toMatchObject({ paused: true });
    const refused = await harness.chat(hello);
    expect(refused.status).toBe(503);
    expect(await refused.text()).toContain("paused");
    expect(harness.emulator.requests.filter(({ path }) => path.includes("/chat/completions"))).toEqual([]);
    expect((await call(harness, "POST", "upstreams/qwen-web/resume")).body).toMatchObject({ paused: false });
    expect((await harness.chat(hello)).status).toBe(200);
    expect((await call(harness, "POST", "upstreams/nobody/pause")).status).toBe(404);
  });

  test("another one serves what a paused one would have served", async () => {
    await using one = serveCompatible([saying("from one")], modelsRoute("local"));
    await using two = serveCompatible([saying("from two")], modelsRoute("local"));
    const upstreams = JSON.stringify([
      { name: "one", dialect: "vllm", base_url: one.url },
      { name: "two", dialect: "vllm", base_url: two.url },
    ]);
    await using harness = await startHarness({ environment: { UPSTREAMS: upstreams } });
    await call(harness, "POST", "upstreams/one/pause");

    const answer = await harness.chat({ model: "local", messages: [user("Hello")] });

    expect(answer.headers.get("x-upstream")).toBe("two");
  });

  test("state, circuit and queue are told, and a test asks it", async () => {
    await using harness = await startHarness();
    await harness.chat(hello);

    const { body } = await call(harness, "GET", "upstreams");
    expect(body.data[0]).toMatchObject({
      name: "qwen-web",
      state: "answering",
      circuit: "closed",
      queue: { running: 0, waiting: 0 },
    });
    const tested = await call(harness, "POST", "upstreams/qwen-web/test");
    expect(tested.body).toMatchObject({ name: "qwen-web", passed: true, reason: null });
    expect(tested.body.models).toBeGreaterThan(0);
  });
});

describe("accounts", () => {
  const cookie = "token=a-token-that-nobody-may-see-0001; refresh_token=renews-it-0001";

  test("one is added by what was pasted, serves, is paused over a restart, tested and removed", async () => {
    await using harness = await startHarness();

    const added = await call(harness, "POST", "accounts", { credentials: cookie, alias: "work" });
    expect(added.status).toBe(200);
    expect(added.body).toMatchObject({ is_new: true, account: { alias: "work", source: "added", state: "ready" } });
    const { id } = added.body.account;
    expect((await call(harness, "GET", "accounts")).body.data).toHaveLength(2);

    expect((await call(harness, "POST", `accounts/${id}/pause`)).body).toMatchObject({ state: "paused" });
    await harness.restart();
    const kept = (await call(harness, "GET", "accounts")).body.data.find((one) => one.id === id);
    expect(kept).toMatchObject({ state: "paused", until: null });
    // A test that passes ends no pause.
    expect((await call(harness, "POST", `accounts/${id}/test`)).body).toMatchObject({ passed: true });
    expect((await call(harness, "POST", `accounts/${id}/resume`)).body).toMatchObject({ state: "ready" });

    expect((await call(harness, "DELETE", `accounts/${id}`)).body).toMatchObject({ id, deleted: true });
    expect((await call(harness, "DELETE", `accounts/${id}`)).status).toBe(404);
    expect((await call(harness, "GET", "accounts")).body.data).toHaveLength(1);
  });

  test("no answer and no line of the log holds what was pasted", async () => {
    await using harness = await startHarness();

    const added = await call(harness, "POST", "accounts", { credentials: cookie });
    const listed = await call(harness, "GET", "accounts");
    const wrong = await call(harness, "POST", "accounts", {
      credentials: "curl https://elsewhere.example -H 'Cookie: secret=1'",
    });

    expect(wrong.status).toBe(400);
    expect(wrong.body.error.param).toBe("credentials");
    for (const text of [JSON.stringify([added.body, listed.body, wrong.body]), ...harness.logLines]) {
      expect(text).not.toContain("nobody-may-see");
      expect(text).not.toContain("renews-it");
    }
    expect(harness.logLines.some((line) => line.includes("admin: an account was added"))).toBe(true);
  });

  test("where all are paused a request is told so", async () => {
    await using harness = await startHarness();
    const { id } = (await call(harness, "GET", "accounts")).body.data[0]!;
    await call(harness, "POST", `accounts/${id}/pause`);

    const refused = await harness.chat(hello);

    expect(refused.status).toBe(503);
    expect(await refused.text()).toContain("paused");
    expect((await call(harness, "DELETE", `accounts/${id}`)).body.error.message).toContain("comes from the settings");
  });

  test("a curl command is taken as accounts add takes it, an alias once only", async () => {
    await using harness = await startHarness();
    const curl = (token: string) => `curl '${harness.served.url}/api/v2/chats' -H 'Authorization: Bearer ${token}'`;

    expect(
      (await call(harness, "POST", "accounts", { credentials: curl("one-token-000000"), alias: "a" })).status,
    ).toBe(200);
    const again = await call(harness, "POST", "accounts", { credentials: curl("two-token-000000"), alias: "a" });

    expect([again.status, again.body.error.param]).toEqual([400, "alias"]);
  });
});

describe("sessions and captures", () => {
  test("sessions of all callers are listed, filtered, shown and deleted", async () => {
    const environment = { API_KEY: "key-of-ann,key-of-bob", ADMIN_KEY: "key-of-admin" };
    await using harness = await startHarness({ environment });
    const admin = { authorization: "Bearer key-of-admin" };
    for (const name of ["ann", "bob"]) {
      const headers = { authorization: `Bearer key-of-${name}`, "x-session-id": `s-${name}` };
      expect((await harness.chat(hello, { headers })).status).toBe(200);
    }

    const { body } = await call(harness, "GET", "sessions", undefined, admin);
    expect(body.data.map(({ sessionId }) => sessionId).sort()).toEqual(["s-ann", "s-bob"]);
    const { caller } = body.data.find((one) => one.sessionId === "s-ann")!;
    const only = await call(harness, "GET", `sessions?caller=${encodeURIComponent(caller)}`, undefined, admin);
    expect(only.body.data).toHaveLength(1);
    expect((await call(harness, "GET", "sessions?model=other", undefined, admin)).body.data).toEqual([]);

    const query = `?caller=${encodeURIComponent(caller)}`;
    expect((await call(harness, "GET", `sessions/s-ann${query}`, undefined, admin)).body).toMatchObject({ caller });
    expect((await call(harness, "GET", `sessions/s-bob${query}`, undefined, admin)).status).toBe(404);
    expect((await call(harness, "DELETE", `sessions/s-ann${query}`, undefined, admin)).status).toBe(200);
    expect((await call(harness, "GET", "sessions", undefined, admin)).body.data).toHaveLength(1);
  });

  test("the exchanges of one session are captured for a while", async () => {
    await using harness = await startHarness();

    const ordered = await call(harness, "POST", "captures", { session_id: "s-seen", minutes: 5 });
    expect(ordered.body.session_id).toBe("s-seen");
    expect(Date.parse(ordered.body.until)).toBeGreaterThan(Date.now());
    await harness.chat(hello, { headers: { "x-session-id": "s-seen" } });
    await harness.chat(hello, { headers: { "x-session-id": "s-unseen" } });
    expect((await call(harness, "GET", "captures")).body.data).toHaveLength(1);
    expect((await call(harness, "DELETE", "captures/s-seen")).body).toMatchObject({
      session_id: "s-seen",
      deleted: true,
    });
    expect((await call(harness, "DELETE", "captures/s-seen")).status).toBe(404);
    await harness.app.stop();
    expect(readdirSync(join(harness.dataDir, "captures"))).toHaveLength(1);
  });
});
