import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../src/contract/gateway-error.ts";
import { defaultPdfLimits, readPdf } from "../../../src/documents/pdf-process.ts";
import { makePdf } from "./make-pdf.ts";

const signal = new AbortController().signal;
const fileOf = (bytes: Uint8Array) => ({ name: "a.pdf", type: "application/pdf", bytes });
/** A page whose 200,000 lines are read in one go, though all but the first stand below its edge. */
const hard = fileOf(makePdf({ pages: [Array.from({ length: 200_000 }, () => "x")] }));

describe("the process that reads a PDF", () => {
  test("leaves this one to everybody else, however long a page takes", async () => {
    let turns = 0;
    const counting = setInterval(() => turns++, 1);
    const text = await readPdf(hard, 1_000_000, signal);
    clearInterval(counting);

    expect(text).toStartWith("x\nx\nx\n");
    // In one go there would have been none.
    expect(turns).toBeGreaterThan(10);
  });

  test("is ended at the end of its time", async () => {
    const refusal = await readPdf(hard, 1e6, signal, { ...defaultPdfLimits, timeoutMs: 1 }).catch((error) => error);

    expect(refusal).toBeInstanceOf(GatewayError);
    expect(refusal).toMatchObject({ kind: "invalid-request", param: "file" });
    expect(String(refusal)).toContain("is a PDF that takes too long to read");
  });

  test.skipIf(process.platform !== "linux")("is ended when it takes too much memory", async () => {
    const refusal = await readPdf(hard, 1e6, signal, { ...defaultPdfLimits, memoryBytes: 1 }).catch((error) => error);

    expect(String(refusal)).toContain("is a PDF that takes too much memory to read");
  });

  test("is ended when nobody wants its text any more, and its place is free again", async () => {
    const leaving = new AbortController();
    const readings = [1, 2, 3].map(() => readPdf(hard, 1e6, leaving.signal));
    leaving.abort(new Error("gone"));
    for (const reading of await Promise.allSettled(readings)) {
      expect(reading.status === "rejected" && String(reading.reason)).toBe("Error: gone");
    }

    expect(await readPdf(fileOf(makePdf({ pages: [["Hello."]] })), 1e6, signal)).toContain("Hello.");
  });

  test("tells a text that is too long as one that is too long", async () => {
    const pages = Array.from({ length: 3 }, () => Array.from({ length: 20 }, () => "Thirty characters in each line"));
    const text = await readPdf(fileOf(makePdf({ pages })), 1000, signal);
    expect(text.length).toBe(1001);
  });

  test("knows none of the gateway's settings", async () => {
    process.env["QWEN_TOKEN_OF_A_TEST"] = "secret";
    const spawn = Bun.spawn;
    const given: unknown[] = [];
    Bun.spawn = ((command: string[], options: { env?: unknown }) => {
      given.push(command, options.env);
      return spawn(command, options as never);
    }) as never;
    try {
      await readPdf(fileOf(makePdf({ pages: [["Hello."]] })), 1e6, signal);
    } finally {
      Bun.spawn = spawn;
      delete process.env["QWEN_TOKEN_OF_A_TEST"];
    }
    expect(given).toHaveLength(2);
    expect(JSON.stringify(given)).not.toContain("secret");
  });
});
