// Whatever is sent to whichever route: an answer in the shape of its surface, no crash, no stack and no secret. The routes
// are those that the gateway itself names, so that a new one is tried from its first day on.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  type AppUnderAttack,
  secretPattern,
  secrets,
  stackPattern,
  storedKeyPattern,
  startAppUnderAttack,
} from "../support/hostile/app-under-attack.ts";
import { type HostileRequest, hostileRequest } from "../support/hostile/hostile-requests.ts";
import { readSome } from "../support/hostile/read-some.ts";
import { wrongShape } from "../support/hostile/wrong-shape.ts";
import { patienceMs, runsOf } from "./runs.ts";

let attacked: AppUnderAttack;
let ids: readonly string[];
beforeAll(async () => {
  attacked = await startAppUnderAttack();
  ids = await makeSomething();
});
afterAll(() => attacked[Symbol.asyncDispose]());

/** One of each thing that has an address. @returns their ids */
async function makeSomething(): Promise<string[]> {
  const made: string[] = [];
  const ask = async (path: string, body: object | FormData): Promise<Response> => {
    const isForm = body instanceof FormData;
    const headers = {
      authorization: `Bearer ${secrets.apiKey}`,
      ...(!isForm && { "content-type": "application/json" }),
    };
    const request = { method: "POST", headers, body: isForm ? body : JSON.stringify(body) };
    const response = await attacked.app.handle(new Request(`http://127.0.0.1${path}`, request));
    expect(response.status).toBe(200);
    return response;
  };
  const form = new FormData();
  form.set("purpose", "user_data");
  form.set("file", new File(["Hello"], "a.txt"));
  for (const [path, body] of [
    ["/v1/responses", { model: "qwen3-max", input: "Hello" }],
    ["/v1/responses", { model: "qwen3-max", input: "Hello", background: true }],
    ["/v1/conversations", {}],
    ["/v1/files", form],
  ] as const) {
    made.push(((await (await ask(path, body)).json()) as { id: string }).id);
  }
  const chat = await ask("/v1/chat/completions", {
    model: "qwen3-max",
    messages: [{ role: "user", content: "Hello" }],
  });
  const typed = await ask("/api/chat/stream", { message: "Hello" });
  await Promise.all([chat.text(), typed.text()]);
  return [...made, ...[chat, typed].map(({ headers }) => headers.get("x-session-id") ?? "")];
}

async function send({ method, target, headers, body }: HostileRequest): Promise<Response> {
  const request = new Request(`http://127.0.0.1${target}`, {
    method,
    headers: new Headers(headers.map(([name, value]): [string, string] => [name, value])),
    ...(body === undefined ? {} : { body }),
  });
  return attacked.app.handle(request);
}

/** What an administrator may stop must not stop the test. */
async function setRight({ method, target }: HostileRequest, { status }: Response): Promise<void> {
  const paused = /^\/admin\/api\/upstreams\/[^/?]+\/pause/.exec(target)?.[0];
  if (method !== "POST" || status !== 200 || paused === undefined) return;
  const headers = { authorization: `Bearer ${secrets.adminKey}`, "content-type": "application/json" };
  const resume = new Request(`http://127.0.0.1${paused.replace(/pause$/, "resume")}`, { method, headers });
  expect((await attacked.app.handle(resume)).status).toBe(200);
}

async function problemsOf(request: HostileRequest): Promise<string[]> {
  const linesBefore = attacked.logLines.length;
  const response = await send(request);
  const text = await readSome(response);
  await setRight(request, response);
  const told = `${JSON.stringify([...response.headers])}\n${text}`;
  const log = attacked.logLines.slice(linesBefore).join("\n");
  return [
    // In a stream it comes behind a status of 200.
    ...(response.status === 500 || /"(?:code|error_code)":"internal"/.test(text)
      ? [`a failure of our own: ${text}\n${log}`]
      : []),
    ...wrongShape(request, response, text),
    ...(stackPattern.test(told) ? [`a stack: ${told}`] : []),
    ...(secretPattern.test(told) ? [`a secret: ${told}`] : []),
    ...(secretPattern.test(log) || storedKeyPattern.test(log) ? [`a secret in the log: ${log}`] : []),
    ...(log.includes("\u001b") || log.includes("\u202e") ? [`controls in the log: ${log}`] : []),
  ];
}

describe("wrongShape finds", () => {
  const place = { method: "POST", path: "/v1/messages" } as const;
  const request: HostileRequest = { place, method: "POST", target: place.path, headers: [], body: undefined };
  const json = "application/json";
  const shaped = '{"error":{"message":"x","type":"x","param":null,"code":"x"}}';
  const id = `req_${"0".repeat(32)}`;

  test.each([
    ["an error that is a page", "text/html", "<html>", 404, id],
    ["an error without a body", json, "{}", 404, id],
    ["an error in the shape of another surface", json, shaped, 400, id],
    ["an answer of a type that nobody documents", "text/html", "<html>", 200, id],
    ["an answer that is no JSON", json, "{", 200, id],
    ["an answer without request id", json, "{}", 200, ""],
  ])("%s", (_, type, text, status, requestId) => {
    const response = new Response(text, { status, headers: { "content-type": type, "x-request-id": requestId } });

    expect(wrongShape(request, response, text)).toHaveLength(1);
  });
});

describe("any request", () => {
  test("the gateway names its routes, all of them", () => {
    const paths = attacked.app.routes.map(({ method, path }) => `${method} ${path}`);

    expect(paths).toContain("POST /v1/chat/completions");
    expect(paths).toContain("POST /mcp");
    expect(paths).toContain("GET /admin/api/log");
    expect(paths).toContain("POST /admin/api/keys");
    expect(new Set(paths).size).toBe(paths.length);
  });

  test(
    "to any route is answered in shape, without a stack, a secret or a 500",
    async () => {
      await fc.assert(
        fc.asyncProperty(hostileRequest(attacked.app.routes, ids), async (request) => {
          expect(await problemsOf(request)).toEqual([]);
        }),
        runsOf("any request to any route", 1500),
      );
      expect((await attacked.app.handle(new Request("http://127.0.0.1/health"))).status).toBe(200);
    },
    patienceMs * 2,
  );

  test("the routes of administrators are reached, and by nobody else", async () => {
    const ask = async (key: string) => {
      const headers = { authorization: `Bearer ${key}` };
      return (await attacked.app.handle(new Request("http://127.0.0.1/admin/api/status", { headers }))).status;
    };

    expect([await ask(secrets.adminKey), await ask(secrets.apiKey), await ask("x")]).toEqual([200, 403, 401]);
  });

  test(
    "each route is tried by itself, too",
    async () => {
      for (const place of attacked.app.routes) {
        await fc.assert(
          fc.asyncProperty(hostileRequest([place], ids), async (request) => {
            expect(await problemsOf(request)).toEqual([]);
          }),
          { ...runsOf(`${place.method} ${place.path}`, 12), verbose: 0 },
        );
      }
    },
    patienceMs * 2,
  );
});
