// GET /admin/api/samples: what the last hour was, by what clients have had of it.

import { describe, expect, test } from "bun:test";
import { type Harness, startHarness } from "../support/harness.ts";
import { untilIdle, user } from "./client.ts";

interface Samples {
  readonly interval_ms: number;
  readonly from: string;
  readonly to: string;
  readonly data: readonly {
    readonly at: string;
    readonly requests: Readonly<Record<"complete" | "failed" | "aborted" | "refused", number>>;
    readonly first_token_ms: { readonly p50: number; readonly p95: number } | null;
    readonly live_streams: number;
    readonly errors: Readonly<Record<string, number>>;
  }[];
}

async function read(harness: Harness, query = ""): Promise<Samples> {
  const response = await harness.get(`/admin/api/samples${query}`);
  expect(response.status).toBe(200);
  // What the document says of it; test/http/openapi.test.ts holds it to that.
  return (await response.json()) as Samples;
}

/** Whatever slots the requests of a test fell into. */
function sum(data: Samples["data"], outcome: keyof Samples["data"][number]["requests"]): number {
  return data.reduce((total, { requests }) => total + requests[outcome], 0);
}

const hello = { model: "qwen3-max", stream: true, messages: [user("Hello")] };

describe("samples", () => {
  test("tell nothing of a gateway that nobody has asked anything", async () => {
    await using harness = await startHarness();

    const { interval_ms, from, to, data } = await read(harness);

    expect(data).toEqual([]);
    expect(interval_ms).toBe(10_000);
    expect(Date.parse(to) - Date.parse(from)).toBeLessThan(3_600_000);
  });

  test("count replies, how long their first words took, and what failed or was refused", async () => {
    await using harness = await startHarness();
    await (await harness.chat(hello)).text();
    harness.emulator.script({ refuse: "bad-request", times: 9 });
    await (await harness.chat({ ...hello, messages: [user("Refuse this")] })).text();
    await (await harness.chat({ model: "qwen3-max" })).text();
    // What nobody asks a model for does not count, nor do looks at the samples.
    await harness.get("/favicon.ico");
    await harness.get("/v1/nothing-here");
    await untilIdle(harness);

    const { data } = await read(harness);

    expect([sum(data, "complete"), sum(data, "failed"), sum(data, "aborted"), sum(data, "refused")]).toEqual([
      1, 1, 0, 1,
    ]);
    const kinds = data.flatMap(({ errors }) => Object.entries(errors));
    expect(kinds.reduce((total, [, count]) => total + count, 0)).toBe(2);
    expect(kinds.map(([kind]) => kind)).toContain("invalid-request");
    const first = data.find(({ first_token_ms }) => first_token_ms !== null)?.first_token_ms;
    expect(first?.p50).toBeGreaterThanOrEqual(0);
    expect(first?.p95).toBeGreaterThanOrEqual(first?.p50 ?? 0);
    expect(Math.max(...data.map(({ live_streams }) => live_streams))).toBe(1);
  });

  test("are those since a time", async () => {
    await using harness = await startHarness();
    await (await harness.chat(hello)).text();
    await untilIdle(harness);
    const { data, to } = await read(harness);

    const again = await read(harness, `?since=${data.at(-1)?.at}`);
    const later = await read(harness, `?since=${new Date(Date.parse(to) + 60_000).toISOString()}`);

    expect(again.data.at(-1)?.at).toBe(data.at(-1)?.at ?? "");
    expect(later.data).toEqual([]);
  });

  test.each(["yesterday", "12", "2026-11-27", "2026-11-27T99:00:00Z"])("refuse %s for a time", async (since) => {
    await using harness = await startHarness();

    const response = await harness.get(`/admin/api/samples?since=${since}`);

    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { param: "since" } });
  });

  test("outlive other settings", async () => {
    await using harness = await startHarness();
    await (await harness.chat(hello)).text();
    await untilIdle(harness);

    await harness.app.reload();

    expect(sum((await read(harness)).data, "complete")).toBe(1);
  });
});
