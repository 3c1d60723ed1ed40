// Whatever is sent to whichever route: an answer in the shape of its surface, no crash, no stack and no secret. The routes
// are those that the gateway itself names, so that a new one is tried from its first day on.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  type AppUnderAttack,
  secretPattern,
  stackPattern,
  startAppUnderAttack,
} from "../support/hostile/app-under-attack.ts";
import { type HostileRequest, hostileRequest } from "../support/hostile/hostile-requests.ts";
import { readSome } from "../support/hostile/read-some.ts";
import { wrongShape } from "../support/hostile/wrong-shape.ts";
import { patienceMs, runsOf } from "./runs.ts";

let attacked: AppUnderAttack;
beforeAll(async () => {
  attacked = await startAppUnderAttack();
});
afterAll(() => attacked[Symbol.asyncDispose]());

async function send({ method, target, headers, body }: HostileRequest): Promise<Response> {
  const request = new Request(`http://127.0.0.1${target}`, {
    method,
    headers: new Headers(headers.map(([name, value]): [string, string] => [name, value])),
    ...(body === undefined ? {} : { body }),
  });
  return attacked.app.handle(request);
}

async function problemsOf(request: HostileRequest): Promise<string[]> {
  const linesBefore = attacked.logLines.length;
  const response = await send(request);
  const text = await readSome(response);
  const told = `${JSON.stringify([...response.headers])}\n${text}`;
  const log = attacked.logLines.slice(linesBefore).join("\n");
  return [
    ...(response.status === 500 ? [`status 500: ${text}\n${log}`] : []),
    ...wrongShape(request, response, text),
    ...(stackPattern.test(told) ? [`a stack: ${told}`] : []),
    ...(secretPattern.test(told) ? [`a secret: ${told}`] : []),
    ...(secretPattern.test(log) ? [`a secret in the log: ${log}`] : []),
    ...(log.includes("\u001b") || log.includes("\u202e") ? [`controls in the log: ${log}`] : []),
  ];
}

describe("any request", () => {
  test("the gateway names its routes, all of them", () => {
    const paths = attacked.app.routes.map(({ method, path }) => `${method} ${path}`);

    expect(paths).toContain("POST /v1/chat/completions");
    expect(paths).toContain("POST /mcp");
    expect(paths).toContain("GET /admin/api/log");
    expect(new Set(paths).size).toBe(paths.length);
  });

  test(
    "to any route is answered in shape, without a stack, a secret or a 500",
    async () => {
      const places = attacked.app.routes;
      await fc.assert(
        fc.asyncProperty(hostileRequest(places), async (request) => {
          expect(await problemsOf(request)).toEqual([]);
        }),
        runsOf("any request to any route", 1500),
      );
      expect((await attacked.app.handle(new Request("http://127.0.0.1/health"))).status).toBe(200);
    },
    patienceMs * 2,
  );

  test(
    "each route is tried by itself, too",
    async () => {
      for (const place of attacked.app.routes) {
        await fc.assert(
          fc.asyncProperty(hostileRequest([place]), async (request) => {
            expect(await problemsOf(request)).toEqual([]);
          }),
          { ...runsOf(`${place.method} ${place.path}`, 12), verbose: 0 },
        );
      }
    },
    patienceMs * 2,
  );
});
