// A gateway with all that the status page can show, an hour long: answers in the place of the real ones, in their shape.

import type { Page } from "playwright-core";
import { createRandom } from "../../src/emulator/random.ts";

const minuteMs = 60_000;
const slotMs = 10_000;

/** Bodies by what stands behind `/admin/api/`. */
export function busyFacts(nowMs: number): Readonly<Record<string, unknown>> {
  const iso = (agoMs: number) => new Date(nowMs - agoMs).toISOString();
  const upstream = (name: string, fields: object) => ({
    name,
    state: "answering",
    last_answer_at: iso(4000),
    last_failure: null,
    circuit: "closed",
    paused: false,
    queue: { running: 0, waiting: 0 },
    accounts: { total: 0, ready: 0 },
    ...fields,
  });
  const account = (alias: string, fields: object) => ({
    upstream: "qwen-web",
    id: alias,
    alias,
    state: "ready",
    until: null,
    reason: null,
    open_replies: 0,
    source: "added",
    credentials: "a token that ends in 3f9a",
    ...fields,
  });
  const stream = (id: string, fields: object) => ({
    id,
    request_id: `req-${id}`,
    caller: "key:4f1c09aa",
    surface: "openai-chat",
    upstream: "qwen-web",
    model: "qwen3-max",
    session_id: null,
    stream: true,
    running_ms: 4200,
    first_token_ms: 640,
    ...fields,
  });
  return {
    status: {
      version: "0.1.0",
      runtime: "bun 1.4.5",
      started_at: iso(273_840_000),
      uptime_ms: 273_840_000,
      live_streams: 3,
      requests_waiting: 2,
      upstreams: 3,
      accounts: { total: 4, ready: 2 },
      captured_sessions: 0,
      memory: { rss_bytes: 71 * 1024 * 1024 },
    },
    upstreams: {
      data: [
        upstream("qwen-web", { queue: { running: 2, waiting: 2 }, accounts: { total: 3, ready: 1 } }),
        upstream("vllm", { queue: { running: 1, waiting: 0 } }),
        upstream("dashscope", {
          state: "failing",
          circuit: "open",
          last_failure: { at: iso(95_000), kind: "upstream-timeout" },
        }),
      ],
    },
    accounts: {
      data: [
        account("work", { open_replies: 2 }),
        account("home", { state: "cooling-down", until: iso(-540_000) }),
        account("old", { state: "needs-sign-in", reason: "The refresh token is not taken any more" }),
        account("key-1", { upstream: "dashscope", source: null, credentials: null }),
      ],
    },
    streams: {
      data: [
        stream("a", { running_ms: 132_000 }),
        stream("b", {
          surface: "anthropic-messages",
          model: "qwen3-coder-plus",
          running_ms: 18_400,
          caller: "key:90d2e7c1",
        }),
        stream("c", { upstream: "vllm", model: "Qwen/Qwen3-32B", running_ms: 900, first_token_ms: null }),
      ],
    },
    samples: {
      interval_ms: slotMs,
      from: iso(60 * minuteMs),
      to: iso(0),
      data: hourOfSamples(nowMs),
    },
    config: { settings: [{ name: "DEFAULT_MODEL", value: "qwen3-max", is_secret: false, source: "default" }] },
  };
}

/** Busy in waves, a trouble in the last third, a pause before it. */
function hourOfSamples(nowMs: number): object[] {
  const random = createRandom("status", 1);
  const first = Math.floor(nowMs / slotMs) - 359;
  return Array.from({ length: 360 }, (_, index) => {
    const wave = 2.2 + 1.6 * Math.sin(index / 31);
    const isQuiet = index > 205 && index < 232;
    const isTrouble = index > 262 && index < 292;
    const complete = isQuiet ? 0 : Math.round(wave * random.next() * (isTrouble ? 0.6 : 1));
    const timeouts = isTrouble ? Math.round(random.next() * 1.4) : 0;
    const limited = index % 47 === 3 ? 2 : 0;
    const challenges = isTrouble && index % 7 === 0 ? 1 : 0;
    const p50 = Math.round(480 + 170 * Math.sin(index / 20) + random.next() * 90 + (isTrouble ? 700 : 0));
    return {
      at: new Date((first + index) * slotMs).toISOString(),
      requests: {
        complete,
        failed: timeouts + challenges,
        aborted: index % 23 === 5 && !isQuiet ? 1 : 0,
        refused: limited,
      },
      first_token_ms: complete === 0 ? null : { p50, p95: Math.round(p50 * (1.4 + random.next() * 0.5)) },
      live_streams: isQuiet ? 0 : 1 + Math.round(wave),
      errors: {
        ...(timeouts === 0 ? {} : { "upstream-timeout": timeouts }),
        ...(limited === 0 ? {} : { "rate-limited": limited }),
        ...(challenges === 0 ? {} : { "upstream-challenge": challenges }),
      },
    };
  });
}

/** Answers the page's questions by these facts, whatever the gateway behind it would say. */
export async function pretend(page: Page, facts: Readonly<Record<string, unknown>>): Promise<void> {
  await page.route(/\/admin\/api\/(\w+)/, async (route) => {
    const [, name = ""] = /\/admin\/api\/(\w+)/.exec(route.request().url()) ?? [];
    await route.fulfill({ json: facts[name] ?? {} });
  });
}
