// Stored keys over the whole gateway: who comes in, what a scope holds him to on each surface, and what callers do not see of
// one another.

import { describe, expect, test } from "bun:test";
import { serveCompatible } from "../support/fake-compatible-server.ts";
import { type Harness, startHarness } from "../support/harness.ts";
import { bearer, keysBeside } from "../support/keys-beside.ts";
import { readLive } from "../support/live-stream.ts";
import { modelsRoute, saying, startThree } from "../support/several-upstreams.ts";
import { acceptedTurns, bodyOf, readError, user } from "./client.ts";
import { readTyped } from "./typed-client.ts";

/** So that a key is wanted from the start. */
const API_KEY = "of-the-settings";
const owner = bearer(API_KEY);
const hello = { model: "qwen3-max", messages: [user("Hello")] };

/** One request to each protocol. */
const asked = {
  "/v1/chat/completions": hello,
  "/v1/completions": { model: "qwen3-max", prompt: "Hello" },
  "/v1/responses": { model: "qwen3-max", input: "Hello" },
  "/v1/messages": { model: "qwen3-max", max_tokens: 100, messages: [{ role: "user", content: "Hello" }] },
  "/api/chat/stream": { model: "qwen3-max", message: "Hello", options: { follow_ups: false } },
} as const;
const paths = Object.keys(asked) as (keyof typeof asked)[];

const get = (harness: Harness, path: string, headers: Record<string, string> = {}, method = "GET") =>
  fetch(`${harness.url}${path}`, { method, headers });

async function statuses(harness: Harness, headers: Record<string, string>): Promise<number[]> {
  const found: number[] = [];
  for (const path of paths) {
    const answer = await harness.post(path, asked[path], { headers });
    await answer.text();
    found.push(answer.status);
  }
  return found;
}

describe("stored keys", () => {
  test("one that another process makes comes in on every surface by every header, and no more once it is revoked [R2-081] [R2-084] [T11]", async () => {
    await using harness = await startHarness({ environment: { API_KEY } });
    const keys = keysBeside(harness);
    const key = await keys.create("ann");

    expect(await statuses(harness, bearer(key))).toEqual(paths.map(() => 200));
    for (const header of ["x-api-key", "api-key", "X-API-Key"]) {
      expect((await harness.chat(hello, { headers: { [header]: key } })).status).toBe(200);
    }
    const turns = acceptedTurns(harness).length;
    await keys.revoke("ann");
    expect(await statuses(harness, bearer(key))).toEqual(paths.map(() => 401));
    expect(await statuses(harness, bearer(`${key.slice(0, 12)}invented`))).toEqual(paths.map(() => 401));
    expect(await statuses(harness, {})).toEqual(paths.map(() => 401));
    const { error } = await readError(await harness.chat(hello, { headers: bearer(key) }));
    expect(error).toMatchObject({ type: "authentication_error", code: "invalid_api_key" });
    expect(error.message).toContain("was revoked");
    expect(acceptedTurns(harness).length).toBe(turns);
    expect(harness.logLines.join("\n")).not.toContain(key.slice(12));
  });

  test.each(["/api/feed", "/admin/api/log"])("%s, which has no end of its own, ends with its key", async (path) => {
    await using harness = await startHarness({ environment: { API_KEY } });
    const keys = keysBeside(harness);
    const [ann, bob] = [await keys.create("ann", { admin: true }), await keys.create("bob", { admin: true })];
    const [hers, his] = [
      readLive(await get(harness, path, bearer(ann))),
      readLive(await get(harness, path, bearer(bob))),
    ];
    await Promise.all([hers.nextBlock(), his.nextBlock()]);
    await keys.revoke("ann");
    await hers.rest();
    expect((await get(harness, path, bearer(ann))).status).toBe(401);
    harness.emulator.script({ times: "always", gate: "hold", reply: { text: "Hello" } });
    const answer = harness.chat(hello, { headers: bearer(bob) });
    expect(await his.nextBlock()).toBeString();
    harness.emulator.release("hold", "all");
    await (await answer).text();
    await his.cancel();
  });

  test("a gateway that is started with stored keys wants one", async () => {
    await using harness = await startHarness();
    expect((await harness.chat(hello)).status).toBe(200);
    const key = await keysBeside(harness).create("ann");
    await harness.restart();
    expect((await harness.chat(hello)).status).toBe(401);
    expect((await harness.chat(hello, { headers: bearer(key) })).status).toBe(200);
  });

  test("a key that has expired is refused", async () => {
    let nowMs = Date.now();
    await using harness = await startHarness({ environment: { API_KEY }, clock: () => nowMs });
    const key = await keysBeside(harness).create("ann", { lifetimeMs: 3_600_000 });
    expect((await harness.chat(hello, { headers: bearer(key) })).status).toBe(200);
    nowMs += 3_700_000;
    const { status, error } = await readError(await harness.chat(hello, { headers: bearer(key) }));
    expect([status, error.message]).toEqual([401, "Cannot serve this request: the API key has expired"]);
  });
});

describe("scopes", () => {
  test("a model outside of it is unknown, in each protocol's own shape, and asks nobody", async () => {
    await using harness = await startHarness({ environment: { API_KEY } });
    const key = await keysBeside(harness).create("ann", { models: ["qwen3-coder*"] });
    const headers = bearer(key);

    for (const path of ["/v1/chat/completions", "/v1/completions", "/v1/responses"] as const) {
      const { status, error } = await readError(await harness.post(path, asked[path], { headers }));
      expect([path, status, error.code, error.param]).toEqual([path, 404, "model_not_found", "model"]);
    }
    const message = await harness.post("/v1/messages", asked["/v1/messages"], { headers });
    expect(message.status).toBe(404);
    expect(await message.json()).toMatchObject({ type: "error", error: { type: "not_found_error" } });
    const typed = await harness.post("/api/chat/stream", asked["/api/chat/stream"], { headers });
    expect(await typed.text()).toContain("your key has no access");
    // The default is a model like any other.
    expect((await harness.chat({ messages: hello.messages }, { headers })).status).toBe(404);
    expect(acceptedTurns(harness)).toEqual([]);

    expect((await harness.chat({ ...hello, model: "qwen3-coder-plus" }, { headers })).status).toBe(200);
    expect((await harness.chat({ ...hello, model: "qwen-web/qwen3-coder-plus" }, { headers })).status).toBe(200);
    expect((await harness.chat({ ...hello, model: "qwen-web/qwen3-max" }, { headers })).status).toBe(404);
  });

  test("GET /v1/models lists what the key may use, and nothing else is there", async () => {
    await using harness = await startHarness({ environment: { API_KEY } });
    const key = await keysBeside(harness).create("ann", { models: ["qwen3-max"] });
    const idsFor = async (headers: Record<string, string>) => {
      const { data } = (await (await get(harness, "/v1/models", headers)).json()) as { data: { id: string }[] };
      return data.map(({ id }) => id);
    };
    expect((await idsFor(owner)).length).toBeGreaterThan(1);
    expect(await idsFor(bearer(key))).toEqual(["qwen3-max"]);
    expect((await get(harness, "/v1/models/qwen3-max", bearer(key))).status).toBe(200);
    const other = (await idsFor(owner)).find((id) => id !== "qwen3-max");
    expect((await get(harness, `/v1/models/${other}`, owner)).status).toBe(200);
    expect((await get(harness, `/v1/models/${other}`, bearer(key))).status).toBe(404);
  });

  test("a surface outside of it answers 403 in its own shape", async () => {
    await using harness = await startHarness({ environment: { API_KEY } });
    const keys = keysBeside(harness);
    const chatOnly = bearer(await keys.create("chat", { surfaces: ["chat-completions"] }));
    const messagesOnly = bearer(await keys.create("messages", { surfaces: ["messages"] }));

    expect(await statuses(harness, chatOnly)).toEqual([200, 403, 403, 403, 403]);
    expect(await statuses(harness, messagesOnly)).toEqual([403, 403, 403, 200, 403]);
    const refused = await harness.post("/v1/messages", asked["/v1/messages"], { headers: chatOnly });
    expect(await refused.json()).toMatchObject({ type: "error", error: { type: "permission_error" } });
    const { error } = await readError(await harness.chat(hello, { headers: messagesOnly }));
    expect(error).toMatchObject({ type: "permission_error", code: "forbidden" });
    for (const path of ["/v1/embeddings", "/v1/audio/speech", "/mcp", "/api/agent"]) {
      expect([path, (await harness.post(path, {}, { headers: chatOnly })).status]).toEqual([path, 403]);
    }
    for (const path of ["/v1/models", "/v1/sessions"]) {
      expect([path, (await get(harness, path, chatOnly)).status]).toEqual([path, 200]);
    }
  });

  test("files and conversations are for keys whose surfaces may name them, each its own, and are not counted", async () => {
    await using harness = await startHarness({ environment: { API_KEY } });
    const keys = keysBeside(harness);
    const limits = { requestsPerMinute: 1 };
    const responses = bearer(await keys.create("responses", { surfaces: ["responses"], limits }));
    const chat = bearer(await keys.create("chat", { surfaces: ["chat-completions"], limits }));
    const typed = bearer(await keys.create("typed", { surfaces: ["typed-chat", "embeddings"] }));
    const upload = (headers: Record<string, string>) => {
      const body = new FormData();
      body.append("purpose", "user_data");
      body.append("file", new File(["words"], "a.txt"));
      return fetch(`${harness.url}/v1/files`, { method: "POST", body, headers });
    };
    const converse = (headers: Record<string, string>) => harness.post("/v1/conversations", {}, { headers });
    const all = [responses, chat, typed];
    for (let times = 0; times < 2; times++) {
      expect(await Promise.all(all.map(async (headers) => (await upload(headers)).status))).toEqual([200, 200, 403]);
      expect(await Promise.all(all.map(async (headers) => (await converse(headers)).status))).toEqual([200, 403, 403]);
    }
    const { id } = (await (await upload(chat)).json()) as { id: string };
    const seen = all.map(async (headers) => (await get(harness, `/v1/files/${id}`, headers)).status);
    expect(await Promise.all(seen)).toEqual([404, 200, 403]);
    expect((await get(harness, `/v1/files/${id}`, bearer("none"))).status).toBe(401);
    // Their limit is for what asks a model.
    expect((await harness.chat(hello, { headers: chat })).status).toBe(200);
    expect((await harness.chat(hello, { headers: chat })).status).toBe(429);
  });

  test("pages of the list of models are of those that the key may use", async () => {
    await using harness = await startHarness({ environment: { API_KEY } });
    const headers = bearer(await keysBeside(harness).create("one", { models: ["qwen3-max"] }));
    const list = async (query: string, by: Record<string, string>) => {
      const answer = await get(harness, `/v1/models${query}`, by);
      return { status: answer.status, ...((await answer.json()) as { data?: { id: string }[]; has_more?: boolean }) };
    };
    expect(await list("?limit=1", headers)).toMatchObject({ data: [{ id: "qwen3-max" }], has_more: false });
    const other = (await list("", owner)).data!.find(({ id }) => id !== "qwen3-max")!;
    expect((await list(`?after_id=${other.id}`, headers)).status).toBe(400);
    expect((await list(`?after_id=${other.id}`, owner)).status).toBe(200);
  });

  test("the administration wants its own scope, and accounts are shown to nobody else", async () => {
    await using harness = await startHarness({ environment: { API_KEY } });
    const keys = keysBeside(harness);
    const plain = bearer(await keys.create("plain"));
    const admin = bearer(await keys.create("admin", { admin: true }));
    for (const path of ["/metrics", "/health/detailed"]) {
      const found = [plain, admin, owner].map(async (headers) => (await get(harness, path, headers)).status);
      expect([path, ...(await Promise.all(found))]).toEqual([path, 403, 200, 200]);
    }
    for (const [headers, shown] of [
      [plain, false],
      [admin, true],
    ] as const) {
      const feed = readLive(await get(harness, "/api/feed", headers));
      const first = await feed.next();
      await feed.cancel();
      expect(first?.data).toContain('"accounts"');
      expect([shown, first?.data.includes('"alias"')]).toEqual([shown, shown]);
    }
    // Whose key is of the settings looks after nothing: that is for ADMIN_KEY.
    for (const [headers, status] of [
      [plain, 403],
      [admin, 200],
      [owner, 403],
    ] as const) {
      expect((await get(harness, "/admin/api/status", headers)).status).toBe(status);
    }
    await keys.revoke("admin");
    expect((await get(harness, "/admin/api/status", admin)).status).toBe(401);
    expect((await get(harness, "/admin/api/log", plain)).status).toBe(403);
    expect((await get(harness, "/admin/api/log", plain, "HEAD")).status).toBe(403);
  });

  test("an upstream outside of it serves nothing, pinned, by its name, or in a failing one's place", async () => {
    await using stage = await startThree([{ status: 500, body: "{}" }], [saying("two")], {
      API_KEY,
      RETRY_MAX_ATTEMPTS: "1",
    });
    const { harness, one, two } = stage;
    const headers = bearer(await keysBeside(harness).create("ann", { upstreams: ["one"] }));
    const ask = (model: string, more: Record<string, string> = {}) =>
      harness.chat({ ...hello, model }, { headers: { ...headers, ...more } });

    expect((await ask("local")).status).toBeGreaterThanOrEqual(500);
    for (const [model, more] of [
      ["local", { "x-upstream": "two" }],
      ["two/local", {}],
      ["only-two", {}],
      ["qwen3-max", {}],
    ] as const) {
      expect([model, (await ask(model, more)).status]).toEqual([model, 403]);
    }
    expect(one.requests.filter(({ path }) => path.endsWith("/chat/completions")).length).toBeGreaterThan(0);
    expect(two.requests.filter(({ path }) => path.endsWith("/chat/completions"))).toEqual([]);
    const { data } = (await (await get(harness, "/v1/models", headers)).json()) as { data: { id: string }[] };
    expect(data.map(({ id }) => id).sort()).toEqual(["local", "only-one"]);
  });

  test("what the gateway asks for a caller as a tool server is held to his models", async () => {
    await using harness = await startHarness({ environment: { API_KEY } });
    const keys = keysBeside(harness);
    const headers = {
      ...bearer(await keys.create("ann", { models: ["qwen3-coder*"] })),
      accept: "application/json, text/event-stream",
    };
    const call = async (model: string) => {
      const params = { name: "ask_qwen", arguments: { prompt: "Say: fine", model } };
      const answer = await harness.post("/mcp", { jsonrpc: "2.0", id: 1, method: "tools/call", params }, { headers });
      return answer.text();
    };
    expect(await call("qwen3-max")).toContain("your key has no access");
    expect(acceptedTurns(harness)).toEqual([]);
    expect(await call("qwen3-coder-plus")).toContain("fine");
  });

  test("what is passed on is held to the same models and upstreams", async () => {
    const vectors = {
      body: JSON.stringify({ object: "list", data: [], usage: { prompt_tokens: 5, total_tokens: 5 } }),
    };
    await using stage = await startThree(
      [],
      [],
      { API_KEY },
      {
        routes: { ...modelsRoute("embed-a"), "/v1/embeddings": vectors },
        otherRoutes: { ...modelsRoute("embed-a"), "/v1/embeddings": vectors },
      },
    );
    const { harness } = stage;
    const headers = bearer(await keysBeside(harness).create("ann", { upstreams: ["two"], models: ["embed-*"] }));
    const embed = (model: string) => harness.post("/v1/embeddings", { model, input: "x" }, { headers });

    const served = await embed("embed-a");
    expect([served.status, served.headers.get("x-upstream")]).toEqual([200, "two"]);
    expect((await embed("other")).status).toBe(404);
  });

  test("a form names its model once for who is held to models, whoever reads the last one", async () => {
    const heard = { body: '{"text":"hello"}' };
    const path = "/v1/audio/transcriptions";
    await using server = serveCompatible([], { ...modelsRoute("whisper-1"), [path]: heard });
    const environment = { API_KEY, UPSTREAM_BASE_URL: server.url, UPSTREAM_DIALECT: "vllm", QWEN_TOKEN: "" };
    await using harness = await startHarness({ environment });
    const headers = bearer(await keysBeside(harness).create("ann", { models: ["whisper-*"] }));
    const send = async (...models: string[]) => {
      const form = new FormData();
      for (const model of models) form.append("model", model);
      form.append("file", new File(["RIFF"], "model.wav", { type: "audio/wav" }));
      const answer = await fetch(`${harness.url}${path}`, { method: "POST", headers, body: form });
      await answer.text();
      return answer.status;
    };
    expect(await send("whisper-1")).toBe(200);
    expect(await send("dear-model")).toBe(404);
    expect(await send()).toBe(404);
    expect(await send("whisper-1", "dear-model")).toBe(400);
    expect(server.requests.filter((request) => request.path.endsWith("/transcriptions")).length).toBe(1);
  });

  test("a model may be named with its upstream, in lists too", async () => {
    await using stage = await startThree([saying("one")], [saying("two")], { API_KEY });
    const { harness } = stage;
    const headers = bearer(await keysBeside(harness).create("ann", { models: ["two/*"] }));
    const { data } = (await (await get(harness, "/v1/models", headers)).json()) as { data: { id: string }[] };
    expect(data.map(({ id }) => id).sort()).toEqual(["local", "only-two"]);
    const answer = await harness.chat({ ...hello, model: "local" }, { headers });
    expect([answer.status, answer.headers.get("x-upstream")]).toEqual([200, "two"]);
    expect((await harness.chat({ ...hello, model: "only-one" }, { headers })).status).toBe(404);
  });
});

describe("callers", () => {
  test("two keys with the same opening text have chats, sessions, responses and documents of their own [R2-082]", async () => {
    await using harness = await startHarness({ environment: { API_KEY } });
    const keys = keysBeside(harness);
    const ann = bearer(await keys.create("ann"));
    const bob = bearer(await keys.create("bob"));

    for (const headers of [ann, bob]) await bodyOf(await harness.chat(hello, { headers }));
    const [first, second] = acceptedTurns(harness);
    expect(first?.chatId).not.toBe(second?.chatId ?? "");

    const chat = await harness.chat(hello, { headers: { ...ann, "x-session-id": "of-ann" } });
    await chat.text();
    const response = await harness.post("/v1/responses", { ...asked["/v1/responses"], store: true }, { headers: ann });
    const { id: responseId } = (await response.json()) as { id: string };
    const background = await harness.post(
      "/v1/responses",
      { ...asked["/v1/responses"], background: true },
      { headers: ann },
    );
    const { id: backgroundId } = (await background.json()) as { id: string };
    const typed = await harness.post(
      "/api/chat/stream",
      { ...asked["/api/chat/stream"], session_id: "typed" },
      { headers: ann },
    );
    const streamId = typed.headers.get("x-stream-id") ?? "";
    await readTyped(typed);
    const form = new FormData();
    form.append("file", new File(["Rex is a dog."], "rex.txt", { type: "text/plain" }));
    const taken = await fetch(`${harness.url}/api/documents`, { method: "POST", headers: ann, body: form });
    const documents = (await taken.json()) as { data: { id: string }[] };
    const documentId = documents.data[0]?.id ?? "";
    expect([responseId, backgroundId, streamId, documentId].every((id) => id !== "")).toBe(true);

    const places = [
      "/v1/sessions/of-ann",
      `/v1/responses/${responseId}`,
      `/v1/responses/${responseId}/input_items`,
      `/v1/responses/${backgroundId}`,
      "/api/chat/sessions/typed",
      `/api/chat/stream/${streamId}`,
      `/api/documents/${documentId}`,
    ];
    for (const place of places) {
      const answer = await get(harness, place, bob);
      expect([place, answer.status]).toEqual([place, 404]);
      if (place.endsWith("/input_items")) continue;
      expect([place, "DELETE", (await get(harness, place, bob, "DELETE")).status]).toEqual([place, "DELETE", 404]);
    }
    const cancel = await harness.post(`/v1/responses/${backgroundId}/cancel`, {}, { headers: bob });
    expect(cancel.status).toBe(404);
    const continued = await harness.post(
      "/v1/responses",
      { ...asked["/v1/responses"], previous_response_id: responseId },
      { headers: bob },
    );
    expect([400, 404]).toContain(continued.status);
    for (const list of ["/api/chat/sessions", "/api/documents"]) {
      expect(await (await get(harness, list, bob)).json()).toMatchObject({ data: [] });
    }
    const sessions = (await (await get(harness, "/v1/sessions", bob)).json()) as { data: { sessionId: string }[] };
    expect(sessions.data.map(({ sessionId }) => sessionId)).not.toContain("of-ann");

    // And they are still there for whom they belong to.
    for (const place of places) {
      const answer = await get(harness, place, ann);
      await answer.body?.cancel();
      expect([place, answer.status]).toEqual([place, 200]);
    }
  });

  test("a token's claims hold its user to the same scopes", async () => {
    const JWT_SECRET = "a secret of tests that has enough bytes";
    await using harness = await startHarness({ environment: { JWT_SECRET } });
    const { mintJwt } = await import("../../src/server/auth/mint-jwt.ts");
    const mint = async (scope: string) => {
      const minted = await mintJwt({
        secret: JWT_SECRET,
        subject: "ann",
        issuedAtMs: Date.now(),
        lifetimeMs: 60_000,
        scope,
      });
      return bearer(minted.token);
    };
    const narrow = await mint("openid surface:chat-completions surface:messages model:qwen3-coder*");
    expect(await statuses(harness, narrow)).toEqual([404, 403, 403, 404, 403]);
    expect(await statuses(harness, await mint("openid"))).toEqual(paths.map(() => 200));
    expect((await get(harness, "/metrics", await mint("openid"))).status).toBe(403);
    expect((await get(harness, "/metrics", await mint("admin"))).status).toBe(200);
  });
});
