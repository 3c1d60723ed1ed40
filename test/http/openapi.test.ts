// GET /openapi.json: sound by a validator, complete by the routes that are served, and true by a call of every operation.

import { describe, expect, test } from "bun:test";
import { Validator } from "@seriousme/openapi-schema-validator";
import { callerOfKey } from "../../src/server/auth/api-keys.ts";
import { adminKey, apiKey, guarded } from "../support/admin-client.ts";
import { type Harness, startHarness } from "../support/harness.ts";
import { judgeAnswer, type NamedOperation, type OpenapiDocument, operationsOf } from "../support/openapi.ts";
import { formOfFile, makeThings, type ThingIds } from "../support/openapi-things.ts";

async function read(harness: Harness): Promise<OpenapiDocument> {
  const response = await harness.get("/openapi.json");
  expect(response.headers.get("content-type")).toBe("application/json");
  // The validator says whether it is one.
  return (await response.json()) as OpenapiDocument;
}

const start = () => startHarness({ environment: { AGENT_OPEN: "true", HISTORY: "content" } });

/** One with keys, and requests that bring the right ones: to make the first key of a gateway without any would close it. */
async function startKeyed(): Promise<Harness> {
  const harness = await startHarness({ environment: { ...guarded, AGENT_OPEN: "true", HISTORY: "content" } });
  const post: Harness["post"] = (path, body, init = {}) =>
    harness.post(path, body, { ...init, headers: { ...keyFor(path), ...init.headers } });
  return {
    ...harness,
    post,
    chat: (body, init) => post("/v1/chat/completions", body, init),
    get: (path) => fetch(harness.url + path, { headers: keyFor(path) }),
  };
}

function keyFor(path: string): { authorization: string } {
  const isForAdmins = /^\/(?:admin\/|metrics$|health\/detailed$|openapi)/.test(path);
  return { authorization: `Bearer ${isForAdmins ? adminKey : apiKey}` };
}

describe("the document", () => {
  test("is sound", async () => {
    await using harness = await start();

    const document = await read(harness);
    const { valid, errors } = await new Validator().validate({ ...document });

    expect(errors).toBeUndefined();
    expect(valid).toBe(true);
    expect(document.openapi).toBe("3.1.0");
  });

  test("tells every parameter of its paths, and each operation by a name of its own", async () => {
    await using harness = await start();

    const operations = operationsOf(await read(harness));

    expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(operations.length);
    for (const { path, parameters } of operations) {
      const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => name);
      expect(parameters.filter((one) => one.in === "path" && one.required).map(({ name }) => name)).toEqual(named);
    }
  });

  test("names every route that is served, and no other", async () => {
    await using harness = await start();

    const operations = operationsOf(await read(harness));
    const served = harness.app.routes;

    const untold = served.filter((place) => !operations.some((operation) => isAt(operation, place)));
    const unserved = operations.filter((operation) => !served.some((place) => isAt(operation, place)));
    expect(untold.map(({ method, path }) => `${method} ${path}`)).toEqual([]);
    expect(unserved.map(({ method, path }) => `${method} ${path}`)).toEqual([]);
    expect(served.length).toBeGreaterThan(60);
  });
});

/** A path that ends in an asterisk matches whatever follows. */
function isAt({ method, path }: NamedOperation, place: { readonly method: string; readonly path: string }): boolean {
  if (method !== place.method) return false;
  const pattern = place.path
    .split("/")
    .map((segment) => (segment === "*" ? ".+" : segment.startsWith(":") ? "[^/]+" : RegExp.escape(segment)))
    .join("/");
  return new RegExp(`^${pattern}$`).test(path);
}

/** Of what the harness has no upstream for, or what nobody has asked. */
const elsewhere: Readonly<Record<string, number>> = {
  "POST /v1/embeddings": 501,
  "POST /v1/rerank": 501,
  "POST /v1/audio/transcriptions": 501,
  "POST /v1/audio/translations": 501,
  "POST /v1/audio/speech": 501,
  "POST /api/agent/confirm": 404,
  "DELETE /api/agent/confirm/{id}": 404,
  "POST /api/voice/confirm": 404,
  "DELETE /api/voice/confirm/{id}": 404,
  "DELETE /admin/api/streams/{id}": 404,
  // Nothing is limited.
  "POST /admin/api/limits/reset": 404,
  // Neither a filter nor all=true.
  "DELETE /v1/history": 400,
  "DELETE /admin/api/history": 400,
  // Programs find nothing there: the page is for browsers.
  "GET /": 404,
  // The page leads to itself.
  "GET /chat/": 308,
  // One that does not run in the background.
  "POST /v1/responses/{id}/cancel": 400,
};

describe("every operation", () => {
  test("answers its example as it is documented", async () => {
    await using harness = await startKeyed();
    const document = await read(harness);
    const ids = await makeThings({ url: harness.url, headers: keyFor("/v1/"), adminHeaders: keyFor("/admin/") });
    // What deletes comes last, the inner ones first.
    const operations = operationsOf(document).toSorted(
      (one, other) =>
        Number(one.method === "DELETE") - Number(other.method === "DELETE") ||
        (one.method === "DELETE" ? other.path.length - one.path.length : 0),
    );

    const wrong: string[] = [];
    for (const operation of operations) {
      const name = `${operation.method} ${operation.path}`;
      const answer = await call(harness, operation, ids, keyFor(operation.path));
      const { status } = answer;
      const reason = await judgeAnswer(document, operation, answer);
      if (reason !== undefined) wrong.push(`${name}: ${reason}`);
      else if (status !== (elsewhere[name] ?? 200)) wrong.push(`${name}: status ${status}`);
    }

    expect(wrong).toEqual([]);
  }, 60_000);

  test("streams where the document says that it can", async () => {
    await using harness = await startKeyed();
    const document = await read(harness);
    const streaming = operationsOf(document).filter(
      ({ method, path, responses }) =>
        method === "POST" && path.startsWith("/v1/") && responses["200"]?.content?.["text/event-stream"] !== undefined,
    );
    expect(streaming.map(({ path }) => path).toSorted()).toEqual([
      "/v1/chat/completions",
      "/v1/completions",
      "/v1/messages",
      "/v1/responses",
    ]);

    for (const operation of streaming) {
      const example = operation.requestBody?.content["application/json"]?.example;
      const answer = await harness.post(operation.path, Object.assign({ stream: true }, example));
      expect([operation.path, answer.headers.get("content-type")?.split(";")[0]]).toEqual([
        operation.path,
        "text/event-stream",
      ]);
      expect(await judgeAnswer(document, operation, answer)).toBeUndefined();
    }
  });

  test("refuses a body without a field that its schema wants, and names it", async () => {
    await using harness = await startKeyed();
    const document = await read(harness);

    const wrong: string[] = [];
    let asked = 0;
    for (const operation of operationsOf(document)) {
      const { schema } = operation.requestBody?.content["application/json"] ?? {};
      const [field] = (schema?.["required"] ?? []) as readonly string[];
      if (field === undefined) continue;
      asked++;
      const answer = await harness.post(operation.path.replaceAll(/\{\w+\}/g, "qwen-web"), {});
      const { status } = answer;
      const reason = await judgeAnswer(document, operation, answer);
      if (status !== 400 || reason !== undefined) wrong.push(`${operation.path}: ${status} ${reason}`);
    }

    expect(wrong).toEqual([]);
    expect(asked).toBeGreaterThan(10);
  });

  test("refuses what has no key as it is documented, and those of administrators a plain key", async () => {
    await using harness = await startHarness({
      environment: { API_KEY: "key-of-a-client", ADMIN_KEY: "key-of-admin" },
    });
    const plain = { authorization: "Bearer key-of-a-client" };
    const document = (await (await fetch(`${harness.url}/openapi.json`, { headers: plain })).json()) as OpenapiDocument;

    const wrong: string[] = [];
    for (const operation of operationsOf(document)) {
      const name = `${operation.method} ${operation.path}`;
      const isOpen = operation.security.length === 0;
      const closed = await call(harness, operation, {});
      if (!isOpen && closed.status !== 401) wrong.push(`${name}: ${closed.status} without a key`);
      const reason = isOpen ? undefined : await judgeAnswer(document, operation, closed);
      if (reason !== undefined) wrong.push(`${name}: ${reason}`);
      if (!operation.path.startsWith("/admin/")) continue;
      const refused = await call(harness, operation, {}, plain);
      if (refused.status !== 403) wrong.push(`${name}: ${refused.status} with a plain key`);
      const told = await judgeAnswer(document, operation, refused);
      if (told !== undefined) wrong.push(`${name}: ${told}`);
    }

    expect(wrong).toEqual([]);
  }, 60_000);
});

async function call(harness: Harness, operation: NamedOperation, ids: ThingIds, headers = {}): Promise<Response> {
  const { method, requestBody } = operation;
  let path = operation.path;
  for (let brace = path.indexOf("{"); brace >= 0; brace = path.indexOf("{")) {
    path =
      path.slice(0, brace) +
      encodeURIComponent(ids[path.slice(0, brace)] ?? "unknown") +
      path.slice(path.indexOf("}") + 1);
  }
  const example = requestBody?.content["application/json"]?.example;
  const sent =
    requestBody === undefined
      ? {}
      : example === undefined
        ? { body: formOfFile() }
        : { body: JSON.stringify(example), headers: { "content-type": "application/json" } };
  const whose = path.startsWith("/admin/api/sessions/") ? `?caller=${callerOfKey(apiKey)}` : "";
  return fetch(harness.url + path + whose, {
    method,
    redirect: "manual",
    ...sent,
    headers: { accept: "application/json, text/event-stream", ...sent.headers, ...headers },
  });
}
