import { expect, test } from "bun:test";
import { acrossWorkers } from "../../../src/server/admin/across-workers.ts";
import type { AdminCall, AdminRoute } from "../../../src/server/admin/admin-route.ts";
import { GatewayError } from "../../../src/contract/gateway-error.ts";
import type { Fellow } from "../../../src/workers/fellows.ts";

type Method = "GET" | "POST" | "DELETE";

function routeOf(method: Method, path: string, answer: () => unknown): AdminRoute {
  return {
    operation: { method, path, tag: "admin", summary: "", answers: {} },
    answer: async () => Response.json(answer()),
  };
}

function callOf(path: string, isRelayed = false): AdminCall {
  return {
    trip: {
      request: new Request(`http://gateway.example${path}`),
      requestId: "req_1",
      path,
      startedAtMs: 0,
      clientAddress: undefined,
      caller: "admin",
      answerHeaders: undefined,
      ...(isRelayed && { isRelayed }),
    },
    param: () => "",
    query: () => undefined,
    body: async () => ({}),
    changed() {},
  };
}

function fellowsOf(...answers: readonly (() => Response | Promise<Response>)[]) {
  const asked: string[] = [];
  const others = answers.map((answer, index): Fellow => ({
    name: String(index),
    async send(path, { method }) {
      asked.push(`${method} ${path}`);
      return answer();
    },
  }));
  return { fellows: { others: () => others }, asked };
}

async function ask(
  route: AdminRoute,
  path: string,
  fellows: ReturnType<typeof fellowsOf>["fellows"],
  isRelayed = false,
) {
  const [wrapped] = acrossWorkers([route], fellows);
  return (await wrapped!.answer(callOf(path, isRelayed))).json() as Promise<unknown>;
}

const unreachable = () => Promise.reject(new TypeError("ECONNREFUSED"));

test("acrossWorkers adds up the status of all that answer", async () => {
  const statusOf = (started: string, uptime: number, streams: number, bytes: number) => ({
    version: "1",
    workers: 1,
    started_at: started,
    uptime_ms: uptime,
    live_streams: streams,
    requests_waiting: 1,
    accounts: { total: 2, ready: 1 },
    memory: { rss_bytes: bytes },
  });
  const path = "/admin/api/status";
  const route = routeOf("GET", path, () => statusOf("2026-01-02T00:00:00.000Z", 50, 3, 100));
  const { fellows } = fellowsOf(
    () => Response.json(statusOf("2026-01-01T00:00:00.000Z", 90, 4, 200)),
    unreachable,
    () => Response.json({ error: { message: "stopping" } }, { status: 503 }),
  );

  expect(await ask(route, path, fellows)).toEqual({
    version: "1",
    workers: 2,
    started_at: "2026-01-01T00:00:00.000Z",
    uptime_ms: 90,
    live_streams: 7,
    requests_waiting: 2,
    accounts: { total: 2, ready: 1 },
    memory: { rss_bytes: 300 },
  });
  expect(await ask(route, path, fellows, true)).toMatchObject({ workers: 1, live_streams: 3 });
});

test("acrossWorkers tells the newest word on an upstream, the worst circuit, and all that wait", async () => {
  const path = "/admin/api/upstreams";
  const failure = { at: "2026-01-01T00:00:09.000Z", kind: "upstream-failed" };
  const rowOf = (more: object) => ({
    name: "a",
    state: "answering",
    last_answer_at: "2026-01-01T00:00:05.000Z",
    last_failure: null,
    circuit: "closed",
    paused: false,
    queue: { running: 1, waiting: 2 },
    accounts: { total: 1, ready: 1 },
    ...more,
  });
  const route = routeOf("GET", path, () => ({ data: [rowOf({}), rowOf({ name: "b" })] }));
  const failing = rowOf({ state: "failing", last_failure: failure, circuit: "open", last_answer_at: null });
  const { fellows } = fellowsOf(() => Response.json({ data: [failing] }));

  expect(await ask(route, path, fellows)).toEqual({
    data: [
      rowOf({ state: "failing", last_failure: failure, circuit: "open", queue: { running: 2, waiting: 4 } }),
      rowOf({ name: "b" }),
    ],
  });
});

test("acrossWorkers lists the streams of all, oldest first, and sums what accounts serve", async () => {
  const streams = routeOf("GET", "/admin/api/streams", () => ({ data: [{ id: "b", running_ms: 20 }] }));
  const theirs = () =>
    Response.json({
      data: [
        { id: "a", running_ms: 30 },
        { id: "c", running_ms: 10 },
      ],
    });
  const listed = (await ask(streams, "/admin/api/streams", fellowsOf(theirs).fellows)) as { data: { id: string }[] };
  expect(listed.data.map(({ id }) => id)).toEqual(["a", "b", "c"]);

  const accounts = routeOf("GET", "/admin/api/accounts", () => ({ data: [{ id: "x", open_replies: 1 }] }));
  const others = fellowsOf(() =>
    Response.json({
      data: [
        { id: "x", open_replies: 4 },
        { id: "y", open_replies: 1 },
      ],
    }),
  );
  expect(await ask(accounts, "/admin/api/accounts", others.fellows)).toEqual({ data: [{ id: "x", open_replies: 5 }] });
});

test("acrossWorkers puts the slots of the last hour together", async () => {
  const path = "/admin/api/samples";
  const slot = (at: string, complete: number, token: object | null, errors: object) => ({
    at,
    requests: { complete, failed: 1, aborted: 0, refused: 0 },
    first_token_ms: token,
    live_streams: 2,
    errors,
  });
  const [early, middle, late] = ["09:00:00", "09:00:10", "09:00:20"].map((time) => `2026-01-01T${time}.000Z`);
  const own = {
    interval_ms: 10_000,
    from: "2026-01-01T08:30:00.000Z",
    to: late,
    data: [slot(middle!, 3, { p50: 100, p95: 400 }, { internal: 1 })],
  };
  const other = {
    ...own,
    from: "2026-01-01T08:00:00.000Z",
    data: [slot(early!, 1, null, {}), slot(middle!, 4, { p50: 300, p95: 350 }, { internal: 2, overloaded: 1 })],
  };
  const merged = await ask(
    routeOf("GET", path, () => own),
    path,
    fellowsOf(() => Response.json(other)).fellows,
  );

  expect(merged).toEqual({
    interval_ms: 10_000,
    from: "2026-01-01T08:00:00.000Z",
    to: late!,
    data: [
      slot(early!, 1, null, {}),
      {
        at: middle!,
        requests: { complete: 7, failed: 2, aborted: 0, refused: 0 },
        first_token_ms: { p50: 100, p95: 400 },
        live_streams: 4,
        errors: { internal: 3, overloaded: 1 },
      },
    ],
  });
});

test("acrossWorkers ends a stream wherever it runs, and says when it runs nowhere", async () => {
  const path = "/admin/api/streams/{id}";
  const unknown = routeOf("DELETE", path, () => {
    throw new GatewayError("not-found", "Cannot find this stream");
  });
  const notFound = () => Response.json({ error: {} }, { status: 404 });
  const found = fellowsOf(notFound, unreachable, () => Response.json({ id: "s", ended: true }));
  const nowhere = fellowsOf(notFound);

  expect(await ask(unknown, "/admin/api/streams/s", found.fellows)).toEqual({ id: "s", ended: true });
  await expect(ask(unknown, "/admin/api/streams/s", nowhere.fellows)).rejects.toThrow("Cannot find this stream");
  // Nobody is asked by one that is asked.
  await expect(ask(unknown, "/admin/api/streams/s", nowhere.fellows, true)).rejects.toThrow("Cannot find this stream");
  expect(nowhere.asked).toHaveLength(1);
});

test("acrossWorkers leaves all other routes, and a gateway that serves alone, as they are", () => {
  const routes = [routeOf("POST", "/admin/api/accounts", () => ({}))];
  const { fellows } = fellowsOf();

  expect(acrossWorkers(routes, fellows)[0]).toBe(routes[0]!);
  expect(acrossWorkers(routes, undefined)).toBe(routes);
});
