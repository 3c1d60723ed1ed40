import { expect, test } from "bun:test";
import { onceFor } from "../../../src/contract/once-for.ts";

test("onceFor makes what belongs to an object once, also where that is nothing", () => {
  let made = 0;
  const lengthOf = onceFor((list: readonly string[]) => {
    made++;
    return list.length > 0 ? list.length : undefined;
  });
  const [some, none] = [["a"], []];

  expect([lengthOf(some), lengthOf(none), lengthOf(some), lengthOf(none), lengthOf(["a"])]).toEqual([
    1,
    undefined,
    1,
    undefined,
    1,
  ]);
  expect(made).toBe(3);
});
