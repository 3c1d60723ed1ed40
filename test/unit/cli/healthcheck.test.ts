import { expect, test } from "bun:test";
import { healthcheckCommand, healthUrl } from "../../../src/cli/healthcheck.ts";

test("healthUrl calls an address that means all addresses by its loopback, and brackets IPv6", () => {
  const urls = ["127.0.0.1", "0.0.0.0", "::", "[::]", "::1", "[fd00::1]", "gateway.local"].map((host) =>
    healthUrl({ host, port: 8787 }),
  );

  expect(urls).toEqual([
    "http://127.0.0.1:8787/health",
    "http://127.0.0.1:8787/health",
    "http://[::1]:8787/health",
    "http://[::1]:8787/health",
    "http://[::1]:8787/health",
    "http://[fd00::1]:8787/health",
    "http://gateway.local:8787/health",
  ]);
});

test("healthcheck says in its own words that nothing answers", async () => {
  const closed = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response() });
  const { port } = closed;
  await closed.stop(true);
  const complaints: string[] = [];

  const exitCode = await healthcheckCommand().run(
    { config: "/dev/null", port: String(port) },
    { environment: {}, print: () => {}, complain: (text) => complaints.push(text), readInput: async () => "" },
    [],
  );

  expect(exitCode).toBe(1);
  expect(complaints).toEqual([`Not healthy: http://127.0.0.1:${port}/health: nothing answers at its address`]);
});
