import { expect, test } from "bun:test";
import { createStopWishes } from "../../../src/store/stop-wishes.ts";
import { silentLog } from "../../../src/telemetry/log.ts";

/** A store that two gateways share. @param isAway from when on it fails */
function setStage() {
  const wished = new Set<string>();
  const looks: (readonly string[])[] = [];
  const stage = { isAway: false, looks, looked: Promise.withResolvers<void>() };
  const shared = {
    async wish(id: string) {
      wished.add(id);
    },
    async take(ids: readonly string[]) {
      looks.push(ids);
      stage.looked.resolve();
      stage.looked = Promise.withResolvers<void>();
      if (stage.isAway) throw new Error("away");
      return ids.filter((id) => wished.delete(id));
    },
  };
  const open = () => createStopWishes(shared, { log: silentLog, everyMs: 1 });
  return { stage, one: open(), other: open() };
}

test("what is wished at one gateway is stopped at the other, once", async () => {
  const { one, other, stage } = setStage();
  const stopped: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const stop = (id: string) => () => {
    stopped.push(id);
    resolve();
  };
  const ends = ["a", "b"].map((id) => other.watch(id, stop(id)));
  await one.wish("b");
  await promise;
  await stage.looked.promise;
  await stage.looked.promise;

  expect(stopped).toEqual(["b"]);
  for (const end of ends) end();
});

test("a store that was away is asked again, and not for what has ended meanwhile", async () => {
  const { one, other, stage } = setStage();
  stage.isAway = true;
  const { promise, resolve } = Promise.withResolvers<void>();
  const end = other.watch("a", resolve);
  other.watch("b", () => {})();
  await stage.looked.promise;
  stage.isAway = false;
  await one.wish("a");
  await promise;
  end();

  expect(stage.looks.flat()).not.toContain("b");
  expect(stage.looks.length).toBeGreaterThan(1);
});
