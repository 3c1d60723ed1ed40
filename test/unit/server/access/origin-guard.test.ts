import { expect, test } from "bun:test";
import fc from "fast-check";
import { hostWithoutPort, normalizeOrigin } from "../../../../src/server/access/origin-guard.ts";

test("hostWithoutPort gives one spelling a host, whatever the port and case", () => {
  fc.assert(
    fc.property(fc.domain(), fc.integer({ min: 1, max: 65_535 }), (domain, port) => {
      const name = domain.toLowerCase();
      expect(hostWithoutPort(`${domain.toUpperCase()}:${port}`)).toBe(name);
      expect(hostWithoutPort(`${domain}.`)).toBe(name);
      expect(hostWithoutPort(hostWithoutPort(domain))).toBe(name);
    }),
  );
});

test("hostWithoutPort takes IPv6 with and without brackets", () => {
  for (const host of ["[2001:DB8::1]:443", "[2001:db8::1]", "2001:db8::1"]) {
    expect(hostWithoutPort(host)).toBe("2001:db8::1");
  }
});

test("normalizeOrigin gives one spelling an origin", () => {
  expect(normalizeOrigin("HTTPS://App.Example:443/")).toBe("https://app.example");
  expect(normalizeOrigin("http://app.example:8080")).toBe("http://app.example:8080");
  expect(normalizeOrigin("chrome-extension://AbC/")).toBe("chrome-extension://abc");
  expect(normalizeOrigin("null")).toBe("null");
});
