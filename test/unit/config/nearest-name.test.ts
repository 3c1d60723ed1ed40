import { expect, test } from "bun:test";
import fc from "fast-check";
import { nearestName } from "../../../src/config/nearest-name.ts";

const names = ["port", "host", "log-level", "log-format"];

test("nearestName finds a name with a swapped, missing or wrong letter", () => {
  expect(nearestName("prot", names)).toBe("port");
  expect(nearestName("por", names)).toBe("port");
  expect(nearestName("log-levle", names)).toBe("log-level");
  expect(nearestName("LOG-FORMAT", names)).toBe("log-format");
});

test("nearestName suggests nothing when nothing is near", () => {
  expect(nearestName("completely", names)).toBeUndefined();
  expect(nearestName("", names)).toBeUndefined();
});

test("nearestName finds every name that has one letter too many", () => {
  fc.assert(
    fc.property(fc.constantFrom(...names), fc.nat(10), fc.constantFrom("x", "y", "z"), (name, position, letter) => {
      const mistyped = name.slice(0, position) + letter + name.slice(position);
      expect(nearestName(mistyped, names)).toBe(name);
    }),
  );
});
