import { describe, expect, test } from "bun:test";
import { madeOnce } from "../../../src/contract/made-once.ts";

describe("madeOnce", () => {
  test("madeOnce makes nothing before it is asked, and one thing for all who ask", async () => {
    let count = 0;
    const number = madeOnce(async () => ++count);
    expect([number.isAsked, await number.ifAsked(), count]).toEqual([false, undefined, 0]);

    expect(await Promise.all([number.get(), number.get()])).toEqual([1, 1]);
    expect([number.isAsked, await number.ifAsked()]).toEqual([true, 1]);
  });

  test("madeOnce tells all who wait of a failure, and tries again for whoever asks next", async () => {
    const answers = [() => Promise.reject(new Error("locked")), async () => "open"];
    const door = madeOnce(() => answers.shift()!());
    const refused = door.get();
    const beside = door.ifAsked();

    await expect(refused).rejects.toThrow("locked");
    expect([await beside, door.isAsked]).toEqual([undefined, false]);
    expect(await door.get()).toBe("open");
  });
});
