import { expect, test } from "bun:test";
import { healthUrl } from "../../../src/cli/healthcheck.ts";

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
