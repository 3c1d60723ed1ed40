import { expect, test } from "bun:test";
import { isLoopback } from "../../../src/outbound/loopback-host.ts";

test.each(["localhost", "LocalHost", "127.0.0.1", "127.1.2.3", "::1", "[::1]"])(
  "isLoopback takes %p for this machine",
  (host) => {
    expect(isLoopback(host)).toBe(true);
  },
);

test.each([
  "",
  "localhost.example",
  "127.0.0.1.nip.io",
  "127.0.0.300",
  "1127.0.0.1",
  "128.0.0.1",
  "10.0.0.5",
  "::",
  "0.0.0.0",
])("isLoopback does not take %p for this machine", (host) => {
  expect(isLoopback(host)).toBe(false);
});
