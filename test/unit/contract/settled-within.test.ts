import { describe, expect, test } from "bun:test";
import { settledWithin } from "../../../src/contract/settled-within.ts";

const never = new Promise<void>(() => {});
const longMs = 60_000;

describe("settledWithin", () => {
  test("settledWithin says that the work was done, or that the limit came first", async () => {
    expect(await settledWithin(Promise.resolve("done"), longMs)).toBe(true);
    expect(await settledWithin(never, 1)).toBe(false);
  });

  test("settledWithin throws what the work throws, and hears nothing of what it throws later", async () => {
    const failure = new Error("no");
    const { promise: late, reject } = Promise.withResolvers<void>();

    expect(await settledWithin(Promise.reject(failure), longMs).catch((error: unknown) => error)).toBe(failure);
    expect(await settledWithin(late, 1)).toBe(false);
    reject(failure);
  });

  test("settledWithin keeps no process alive for a limit that nobody waits for any more", async () => {
    const source = new URL("../../../src/contract/settled-within.ts", import.meta.url).pathname;
    const script = `import { settledWithin } from ${JSON.stringify(source)}; await settledWithin(Promise.resolve(), ${longMs});`;
    const child = Bun.spawn([process.execPath, "-e", script], { stdout: "ignore", stderr: "inherit", timeout: 10_000 });

    expect(await child.exited).toBe(0);
  });
});
