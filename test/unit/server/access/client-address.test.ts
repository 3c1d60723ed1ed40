import { expect, test } from "bun:test";
import { createClientAddress } from "../../../../src/server/access/client-address.ts";

const forwarded = (hops: string) => new Headers({ "x-forwarded-for": hops });

test("createClientAddress believes nobody unless told to", () => {
  const clientAddress = createClientAddress([]);
  expect(clientAddress("192.0.2.1", forwarded("203.0.113.9"))).toBe("192.0.2.1");
  expect(clientAddress("::ffff:192.0.2.1", new Headers())).toBe("192.0.2.1");
});

test("createClientAddress believes trusted proxies, from the right", () => {
  const clientAddress = createClientAddress(["10.0.0.0/8", "127.0.0.1", "fd00::/8"]);
  const cases: readonly [string, string, string][] = [
    ["127.0.0.1", "203.0.113.9", "203.0.113.9"],
    ["::ffff:127.0.0.1", "203.0.113.9", "203.0.113.9"],
    ["127.0.0.1", "1.1.1.1, 203.0.113.9, 10.1.2.3", "203.0.113.9"],
    ["fd00::7", "2001:db8::1", "2001:db8::1"],
    ["192.0.2.1", "203.0.113.9", "192.0.2.1"],
    ["127.0.0.1", "10.0.0.1, 10.0.0.2", "10.0.0.1"],
    ["127.0.0.1", "forged, unknown", "127.0.0.1"],
    ["127.0.0.1", "203.0.113.9:51234", "203.0.113.9"],
    ["127.0.0.1", "203.0.113.9, 10.1.2.3:443", "203.0.113.9"],
    ["127.0.0.1", "[2001:db8::1]:51234", "2001:db8::1"],
    ["127.0.0.1", "[2001:db8::1]", "2001:db8::1"],
    ["127.0.0.1", "[::ffff:203.0.113.9]:1", "203.0.113.9"],
    ["127.0.0.1", "203.0.113.9:", "127.0.0.1"],
    ["127.0.0.1", "[203.0.113.9", "127.0.0.1"],
    ["127.0.0.1", "", "127.0.0.1"],
  ];
  for (const [socket, hops, expected] of cases) {
    expect([socket, hops, clientAddress(socket, forwarded(hops))]).toEqual([socket, hops, expected]);
  }
});

test("createClientAddress refuses what is neither address nor network", () => {
  for (const proxy of ["proxy", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/8/8", "10.0.0.0/x", "", "10.0.0.0/-1"]) {
    expect(() => createClientAddress([proxy])).toThrow("TRUSTED_PROXIES");
  }
});
