// Gateways that follow one another on one ledger: what runs at the former counts for the present one.

import { describe, expect, test } from "bun:test";
import type { UpstreamLimits } from "../../../src/contract/limits.ts";
import type { Upstream } from "../../../src/contract/upstream.ts";
import { createAdmission } from "../../../src/gateway/queues/admission.ts";
import { createGatewayLedger } from "../../../src/gateway/ledger.ts";
import { silentMetrics } from "../../../src/telemetry/metrics.ts";

const asked = { caller: "ann", model: "m", tokens: 0, maxWaitMs: 1000 };

function upstream(limits: Partial<UpstreamLimits>): Upstream {
  const whole: UpstreamLimits = { requests: [], tokens: [], queueSize: 1, queueWaitMs: 1000, ...limits };
  // Only its name and its limits are looked at here.
  return { name: "one", limits: whole } as unknown as Upstream;
}

describe("createGatewayLedger", () => {
  test("replies of a former gateway count against the limits of the present one", () => {
    const { counts } = createGatewayLedger(silentMetrics);
    const former = createAdmission({ counts });
    const leave = former.enter();
    const present = createAdmission({ maxStreams: 2, counts });

    const leaveSecond = present.enter();
    expect(() => present.enter()).toThrow("MAX_STREAMS allows");
    leave();
    leaveSecond();
    expect(counts).toEqual({ open: 0 });
  });

  test("an upstream's line keeps who runs and who waits when its limits change", async () => {
    const { queues } = createGatewayLedger(silentMetrics);
    const signal = new AbortController().signal;
    const queue = queues.of(upstream({ maxConcurrent: 1 }));
    const first = await queue.enter({ ...asked, signal });
    const waiting = queue.enter({ ...asked, signal });
    expect(queues.views()).toEqual([{ upstream: "one", waiting: 1, running: 1 }]);
    queues.adopt([upstream({ maxConcurrent: 2 })]);
    const second = await waiting;

    expect(queues.of(upstream({ maxConcurrent: 2 }))).toBe(queue);
    expect(queues.views()).toEqual([{ upstream: "one", waiting: 0, running: 2 }]);
    first.leave(undefined);
    second.leave(undefined);
    expect(queues.views()).toEqual([{ upstream: "one", waiting: 0, running: 0 }]);
  });

  test("limits that did not change keep what they have counted", async () => {
    const { queues } = createGatewayLedger(silentMetrics);
    const perMinute = { requests: [{ limit: 1, windowMs: 60_000 }] };
    const queue = queues.of(upstream(perMinute));
    (await queue.enter({ ...asked, signal: new AbortController().signal })).leave(undefined);
    queues.adopt([upstream(perMinute)]);
    expect(queue.isFree("m", 0)).toBe(false);
    queues.adopt([upstream({ requests: [{ limit: 2, windowMs: 60_000 }] })]);
    expect(queue.isFree("m", 0)).toBe(true);
  });

  test("the line of an upstream that is gone goes when nobody is in it", async () => {
    const { queues } = createGatewayLedger(silentMetrics);
    const pass = await queues.of(upstream({})).enter({ ...asked, signal: new AbortController().signal });
    queues.adopt([]);
    expect(queues.views()).toEqual([{ upstream: "one", waiting: 0, running: 1 }]);
    pass.leave(undefined);
    queues.adopt([]);
    expect(queues.views()).toEqual([]);
  });
});
