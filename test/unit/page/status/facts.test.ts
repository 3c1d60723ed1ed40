import { describe, expect, test } from "bun:test";
import {
  parseAccounts,
  parseDefaultModel,
  parseHealth,
  parseModelIds,
  parseSamples,
  parseStatus,
  parseStreams,
  parseUpstreams,
} from "../../../../src/page/status/facts.ts";

const nonsense = ["null", "7", '"text"', "[]", "{}", '{"data":"none"}', '{"data":[null,3,{}]}'];

describe("what is no answer of a gateway", () => {
  test.each(nonsense)("%s is neither health nor status", (text) => {
    const body: unknown = JSON.parse(text);
    expect(parseHealth(body)).toBeUndefined();
    expect(parseStatus(body)).toBeUndefined();
  });

  test.each(nonsense)("%s breaks no list", (text) => {
    const body: unknown = JSON.parse(text);
    for (const { state } of parseUpstreams(body)) expect(state).toBe("unknown");
    for (const { state } of parseAccounts(body)) expect(state).toBe("unknown");
    expect(parseStreams(body)).toEqual([]);
    expect(parseSamples(body)).toEqual({ toMs: 0, samples: [] });
    expect(parseModelIds(body)).toEqual([]);
    expect(parseDefaultModel(body)).toBeUndefined();
  });
});

test("parseModelIds takes only names that can stand in a command", () => {
  const data = ["qwen3-max", "Qwen/Qwen3-32B:free", "'; rm -rf ~ #", "$(id)", "a b", "`id`", '"', ""].map((id) => ({
    id,
  }));

  expect(parseModelIds({ data })).toEqual(["qwen3-max", "Qwen/Qwen3-32B:free"]);
});

test("parseDefaultModel finds it among the settings", () => {
  const settings = [
    { name: "PORT", value: 1 },
    { name: "DEFAULT_MODEL", value: "qwen3-max" },
  ];

  expect(parseDefaultModel({ settings })).toBe("qwen3-max");
});

test("parseSamples reads times, and no first word where none came", () => {
  const at = "2026-11-27T13:00:00.000Z";
  const requests = { complete: 1, failed: 2, aborted: 3, refused: 4 };
  const body = {
    to: "2026-11-27T13:30:00.000Z",
    data: [
      { at, requests, first_token_ms: { p50: 10, p95: 20 }, live_streams: 5, errors: { internal: 6 } },
      { at, requests, first_token_ms: null, live_streams: 0, errors: {} },
      { at: "never" },
    ],
  };

  const { toMs, samples } = parseSamples(body);

  expect(toMs).toBe(Date.UTC(2026, 10, 27, 13, 30));
  expect(samples).toHaveLength(2);
  expect(samples[0]).toEqual({
    atMs: Date.UTC(2026, 10, 27, 13),
    complete: 1,
    failed: 2,
    aborted: 3,
    refused: 4,
    firstToken: { p50: 10, p95: 20 },
    liveStreams: 5,
    errors: { internal: 6 },
  });
  expect(samples[1]?.firstToken).toBeUndefined();
});
