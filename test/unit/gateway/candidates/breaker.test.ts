// The breaker that passes failing candidates over: when it opens, whom it lets try, and what closes it.

import { describe, expect, test } from "bun:test";
import type { ErrorKind } from "../../../../src/contract/gateway-error.ts";
import type { Upstream } from "../../../../src/contract/upstream.ts";
import { createBreaker } from "../../../../src/gateway/candidates/breaker.ts";
import type { Candidate } from "../../../../src/gateway/candidates/model-routes.ts";

const upstreamOf = (name: string): Upstream => ({
  name,
  listModels: async () => [],
  open: () => Promise.reject(new Error("not asked here")),
});

const cloud = upstreamOf("dashscope");
const home = upstreamOf("home");
const one: Candidate = { upstream: cloud, model: "qwen-plus" };
const other: Candidate = { upstream: home, model: "qwen3:8b" };
const both = [one, other];

function start() {
  let nowMs = 0;
  const breaker = createBreaker({ openMs: 1000, trialMs: 5000, clock: () => nowMs });
  const fail = (candidate: Candidate, times: number, kind: ErrorKind = "upstream-failed"): void => {
    for (let count = 0; count < times; count++) breaker.ask(candidate).failed(kind);
  };
  const pass = (ms: number): void => {
    nowMs += ms;
  };
  return { breaker, fail, pass };
}

describe("createBreaker", () => {
  test("passes over what failed five times in a row", () => {
    const { breaker, fail } = start();
    fail(one, 4);
    expect(breaker.choose(both)).toEqual(both);
    fail(one, 1);
    expect(breaker.choose(both)).toEqual([other]);
  });

  test("passes over what fails more often than not, though never five times in a row", () => {
    const { breaker, fail } = start();
    for (let round = 0; round < 5; round++) {
      breaker.ask(one).succeeded();
      fail(one, 3);
    }
    expect(breaker.choose(both)).toEqual([other]);
  });

  test("lets one request try it again when its time is over, and all when that went well", () => {
    const { breaker, fail, pass } = start();
    fail(one, 5);
    pass(1000);
    expect([breaker.choose(both), breaker.choose(both)]).toEqual([both, both]);
    const asked = breaker.ask(one);
    expect(breaker.choose(both)).toEqual([other]);
    asked.succeeded();
    fail(one, 1);
    expect([breaker.choose(both), breaker.choose(both)]).toEqual([both, both]);
  });

  test("passes it over again for its whole time when the one that tried it failed", () => {
    const { breaker, fail, pass } = start();
    fail(one, 5);
    pass(1000);
    const asked = breaker.ask(one);
    pass(500);
    asked.failed("upstream-timeout");
    pass(999);
    expect(breaker.choose(both)).toEqual([other]);
    pass(1);
    expect(breaker.choose(both)).toEqual(both);
  });

  test("spends no try on a candidate that stands behind another and is not asked", () => {
    const { breaker, fail, pass } = start();
    fail(other, 5);
    pass(1001);
    for (let count = 0; count < 3; count++) {
      expect(breaker.choose(both)).toEqual(both);
      breaker.ask(one).succeeded();
    }
  });

  test("leaves the try to the next request when the one that had it left, or was refused for its own fault", () => {
    const { breaker, fail, pass } = start();
    fail(one, 5);
    pass(1000);
    breaker.ask(one).left();
    expect(breaker.choose(both)).toEqual(both);
    breaker.ask(one).failed("context-too-long");
    expect(breaker.choose(both)).toEqual(both);
    const asked = breaker.ask(one);
    expect(breaker.choose(both)).toEqual([other]);
    asked.left();
    expect(breaker.choose(both)).toEqual(both);
  });

  test("takes the word of the one that tries it, not of others that leave meanwhile", () => {
    const { breaker, fail, pass } = start();
    const early = breaker.ask(one);
    fail(one, 5);
    pass(1000);
    breaker.ask(one);
    breaker.ask(one).left();
    early.left();
    expect(breaker.choose(both)).toEqual([other]);
  });

  test("waits no longer for a try of which nothing is heard than anything can come of it", () => {
    const { breaker, fail, pass } = start();
    fail(one, 5);
    pass(1000);
    const lost = breaker.ask(one);
    pass(4999);
    expect(breaker.choose(both)).toEqual([other]);
    pass(1);
    expect(breaker.choose(both)).toEqual(both);
    breaker.ask(one);
    lost.left();
    expect(breaker.choose(both)).toEqual([other]);
  });

  test("never leaves a request without anybody to ask", () => {
    const { breaker, fail } = start();
    fail(one, 9);
    fail(other, 9);
    expect(breaker.choose(both)).toEqual(both);
    expect(breaker.choose([one])).toEqual([one]);
  });

  test("hears nothing in what is the request's own fault", () => {
    const { breaker, fail } = start();
    fail(one, 9, "context-too-long");
    expect(breaker.choose(both)).toEqual(both);
  });

  test("passes a suspended upstream over with all its models, and tries it when its time is over", () => {
    const { breaker, pass } = start();
    const more: Candidate = { upstream: cloud, model: "qwen-max" };
    breaker.suspend("dashscope");
    expect(breaker.choose([one, more, other])).toEqual([other]);
    expect(breaker.state("dashscope")).toBe("open");
    pass(1000);
    expect(breaker.state("dashscope")).toBe("half-open");
    const asked = breaker.ask(more);
    expect(breaker.choose([one, more, other])).toEqual([other]);
    asked.failed("upstream-failed");
    pass(999);
    expect(breaker.choose([one, more, other])).toEqual([other]);
    pass(1);
    breaker.ask(more).succeeded();
    expect(breaker.choose([one, more, other])).toEqual([one, more, other]);
    expect(breaker.state("dashscope")).toBe("closed");
  });

  test("asks a suspended upstream all the same when nobody else can serve", () => {
    const { breaker } = start();
    breaker.suspend("dashscope");
    expect(breaker.choose([one])).toEqual([one]);
    breaker.suspend("home");
    expect(breaker.choose(both)).toEqual(both);
  });

  test("lets one request try what failed before, as soon as its upstream is resumed", () => {
    const { breaker, fail } = start();
    fail(one, 5);
    breaker.suspend("dashscope");
    breaker.resume("dashscope");
    expect(breaker.choose(both)).toEqual(both);
    const asked = breaker.ask(one);
    expect(breaker.choose(both)).toEqual([other]);
    asked.succeeded();
    expect(breaker.choose(both)).toEqual(both);
  });

  test("knows which upstreams another one can stand in for", () => {
    const { breaker } = start();
    breaker.choose([one]);
    breaker.choose([one, { upstream: cloud, model: "qwen-max" }]);
    expect(breaker.hasAlternative("dashscope")).toBe(false);
    breaker.choose(both);
    expect([breaker.hasAlternative("dashscope"), breaker.hasAlternative("home")]).toEqual([true, true]);
  });
});
