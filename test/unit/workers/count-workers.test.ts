import { expect, test } from "bun:test";
import { loadConfig } from "../../../src/config/load-config.ts";
import { countWorkers } from "../../../src/workers/count-workers.ts";

const load = (environment: Record<string, string>) =>
  loadConfig({ environment: { HOME: "/home/ann", ...environment }, flags: {} }).config;
const linux = { platform: "linux", cores: () => 8 } as const;
const mac = { platform: "darwin", cores: () => 8 } as const;

test("countWorkers is one where nobody says anything, whatever the machine is", () => {
  expect([countWorkers(load({}), linux), countWorkers(load({}), mac)]).toEqual([1, 1]);
});

test("countWorkers takes a number as it stands, and auto for the cores", () => {
  expect(countWorkers(load({ WORKERS: "3" }), linux)).toBe(3);
  expect(countWorkers(load({ WORKERS: "auto" }), linux)).toBe(8);
  expect(countWorkers(load({ WORKERS: "auto" }), { ...linux, cores: () => 1 })).toBe(1);
  expect(countWorkers(load({ WORKERS: "auto" }), { ...linux, cores: () => 1000 })).toBe(256);
  expect(countWorkers(load({ WORKERS: "auto" }))).toBeGreaterThanOrEqual(1);
});

test("countWorkers never has more workers than a limit has parts", () => {
  expect(countWorkers(load({ WORKERS: "auto", MAX_STREAMS: "5" }), linux)).toBe(5);
  expect(countWorkers(load({ WORKERS: "5", MAX_STREAMS: "5" }), linux)).toBe(5);
  expect(() => countWorkers(load({ WORKERS: "6", MAX_STREAMS: "5" }), linux)).toThrow(
    "Cannot use WORKERS=6 with MAX_STREAMS=5: each worker keeps its part of a limit",
  );
});

test("countWorkers refuses several where no port can be shared", () => {
  expect(() => countWorkers(load({ WORKERS: "2" }), mac)).toThrow("only Linux shares a port");
  expect(countWorkers(load({ WORKERS: "auto" }), mac)).toBe(1);
});
