// When servers of one's own are asked how they are, what is made of it, and who is never asked.

import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../../src/contract/gateway-error.ts";
import type { Upstream } from "../../../../src/contract/upstream.ts";
import { createBreaker } from "../../../../src/gateway/candidates/breaker.ts";
import { createHealthChecks } from "../../../../src/gateway/candidates/health-checks.ts";
import type { Candidate } from "../../../../src/gateway/candidates/model-routes.ts";
import { type LogFields, silentLog } from "../../../../src/telemetry/log.ts";
import { watchUpstream } from "../../../../src/telemetry/watch-upstream.ts";

const intervalMs = 5000;
const openMs = 30_000;

type Answer = "ready" | "not-ready" | "unreachable" | "silent" | "out-of-slots";

function start({ timeoutMs = 2000 } = {}) {
  let nowMs = 1_000_000;
  let answer: Answer = "ready";
  let running = 0;
  let asked = 0;
  const lines: string[] = [];
  const clock = () => nowMs;
  const say = (level: string) => (message: string, fields?: LogFields) =>
    void lines.push(`${level} ${message} ${JSON.stringify(fields)}`);

  async function checkHealth(signal: AbortSignal): Promise<boolean> {
    asked++;
    if (answer === "unreachable") throw new GatewayError("upstream-failed", "nothing answers at its address");
    if (answer === "out-of-slots") throw new GatewayError("overloaded", "too many requests are running");
    if (answer !== "silent") return answer === "ready";
    return new Promise((_, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
  }

  const plain = (name: string, more: Partial<Upstream> = {}) =>
    watchUpstream(
      { name, listModels: async () => [], open: () => Promise.reject(new Error("not asked here")), ...more },
      clock,
    );
  const home = plain("home", { checkHealth });
  const cloud = plain("dashscope");
  const breaker = createBreaker({ openMs, trialMs: openMs, clock });
  const both: readonly Candidate[] = [
    { upstream: home, model: "qwen3" },
    { upstream: cloud, model: "qwen3" },
  ];
  const checks = createHealthChecks({
    upstreams: () => [home, cloud],
    circuits: breaker,
    running: (name) => (name === "home" ? running : 0),
    intervalMs,
    timeoutMs,
    clock,
    log: { ...silentLog, info: say("info"), warn: say("warn") },
  });
  return {
    home,
    breaker,
    both,
    checks,
    lines,
    asked: () => asked,
    chosen: () => breaker.choose(both).map(({ upstream }) => upstream.name),
    run(count: number) {
      running = count;
    },
    /** The next round, with this answer. */
    async round(next: Answer): Promise<void> {
      answer = next;
      nowMs += intervalMs;
      await checks.round();
    },
  };
}

describe("createHealthChecks", () => {
  test("asks nobody while nobody could stand in for a server that is well", async () => {
    const { breaker, both, asked, round } = start();
    await round("ready");
    breaker.choose(both.slice(0, 1));
    await round("ready");

    expect(asked()).toBe(0);
  });

  test("asks a server once a round as soon as another one could stand in for it", async () => {
    const { chosen, asked, round, home, lines } = start();
    chosen();
    await round("ready");
    await round("ready");

    expect(asked()).toBe(2);
    expect(home.reachability().state).toBe("answering");
    expect(lines).toEqual([]);
  });

  test("asks no server that requests tell of already: one that runs some, or has just answered", async () => {
    const { chosen, asked, round, run, home, checks } = start();
    chosen();
    run(1);
    await round("ready");
    run(0);
    home.noteCheck(undefined);
    await checks.round();

    expect(asked()).toBe(0);
  });

  test("passes over a server that is gone, before a request pays for it, until it is back", async () => {
    const { chosen, round, home, lines } = start();
    chosen();
    await round("unreachable");
    expect(chosen()).toEqual(["dashscope"]);
    expect(home.reachability()).toMatchObject({ state: "failing", lastFailure: { kind: "upstream-failed" } });
    for (let count = 0; count < 20; count++) await round("unreachable");
    expect(chosen()).toEqual(["dashscope"]);

    await round("ready");

    expect(chosen()).toEqual(["home", "dashscope"]);
    expect(home.reachability().state).toBe("answering");
    // One line on each change, whatever happens between.
    expect(lines).toEqual([
      'warn A server fails its health check {"upstream":"home","kind":"upstream-failed"}',
      'info A server passes its health check again {"upstream":"home"}',
    ]);
  });

  test("has a server that requests gave up tried again as soon as it is back", async () => {
    const { breaker, both, chosen, round } = start();
    for (let count = 0; count < 5; count++) breaker.ask(both[0]!).failed("upstream-failed");
    await round("unreachable");

    await round("ready");

    expect(breaker.state("home")).toBe("half-open");
    expect(chosen()).toEqual(["home", "dashscope"]);
    breaker.ask(both[0]!);
    expect(chosen()).toEqual(["dashscope"]);
  });

  test("believes requests more than a server that calls itself well", async () => {
    const { breaker, both, chosen, round } = start();
    for (let count = 0; count < 5; count++) breaker.ask(both[0]!).failed("upstream-failed");
    await round("ready");
    await round("ready");

    expect(chosen()).toEqual(["dashscope"]);
  });

  test("believes requests more than a server that calls itself ill", async () => {
    const { breaker, both, chosen, round } = start();
    chosen();
    await round("not-ready");
    expect(chosen()).toEqual(["dashscope"]);
    for (let waitedMs = 0; waitedMs < openMs; waitedMs += intervalMs) await round("not-ready");
    expect(chosen()).toEqual(["home", "dashscope"]);
    breaker.ask(both[0]!).succeeded();

    await round("not-ready");

    expect(chosen()).toEqual(["home", "dashscope"]);
  });

  test("watches a failing server that stands alone, so that its state is true", async () => {
    const { home, asked, round } = start();
    home.noteCheck("upstream-failed");
    await round("not-ready");
    expect(home.reachability()).toMatchObject({ state: "failing", lastFailure: { kind: "overloaded" } });
    await round("ready");
    await round("ready");

    expect(home.reachability().state).toBe("answering");
    expect(asked()).toBe(2);
  });

  test("takes silence for failure when it comes twice, and from a server that serves nobody meanwhile", async () => {
    const { chosen, round, run, home } = start({ timeoutMs: 1 });
    chosen();
    await round("silent");
    await round("ready");
    await round("silent");
    expect(chosen()).toEqual(["home", "dashscope"]);
    await round("silent");
    expect(chosen()).toEqual(["dashscope"]);
    expect(home.reachability().lastFailure).toMatchObject({ kind: "upstream-timeout" });
    await round("ready");
    home.noteCheck("upstream-failed");
    run(1);
    for (let count = 0; count < 3; count++) await round("silent");

    expect(chosen()).toEqual(["home", "dashscope"]);
  });

  test("learns nothing from a check that the gateway itself could not send", async () => {
    const { chosen, round, home, lines } = start();
    chosen();
    await round("out-of-slots");

    expect(home.reachability().state).toBe("unknown");
    expect(chosen()).toEqual(["home", "dashscope"]);
    expect(lines).toEqual([]);
  });

  test("asks a server that has not answered yet no second time", async () => {
    const { chosen, checks, asked, round } = start();
    chosen();
    const first = round("silent");
    await checks.round();

    expect(asked()).toBe(1);
    checks.stop();
    await first;
  });

  test("stops what runs, learns nothing from it, and asks nobody any more", async () => {
    const { chosen, checks, asked, round, home, lines } = start();
    chosen();
    const first = round("silent");
    checks.stop();
    await first;
    await round("ready");

    expect(asked()).toBe(1);
    expect(home.reachability().state).toBe("unknown");
    expect(lines).toEqual([]);
  });
});
