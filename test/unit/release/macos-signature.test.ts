// The signature of executables for macOS, on small ones: true after it was made, and not when a byte is another.

import { describe, expect, test } from "bun:test";
import { hasTrueSignature, signAdHoc } from "../../../scripts/macos-signature.ts";

const signatureOffset = 3 * 4096 + 100;

/** Two segments and a signature of the runtime's, which says nothing of these bytes. */
function createExecutable(segments: readonly string[] = ["__TEXT", "__LINKEDIT"], hasCommand = true): Uint8Array {
  const file = new Uint8Array(signatureOffset + 64).map((_, index) => index % 251);
  const view = new DataView(file.buffer);
  const header = [0xfeedfacf, 0x01000007, 3, 2, segments.length + (hasCommand ? 1 : 0), 0, 0, 0];
  for (const [index, value] of header.entries()) view.setUint32(4 * index, value, true);
  let at = 32;
  for (const name of segments) {
    view.setUint32(at, 0x19, true);
    view.setUint32(at + 4, 72, true);
    file.set(new TextEncoder().encode(name.padEnd(16, "\0")), at + 8);
    const [offset, size] = name === "__TEXT" ? [0, 8192] : [8192, file.byteLength - 8192];
    view.setBigUint64(at + 40, BigInt(offset!), true);
    view.setBigUint64(at + 48, BigInt(size!), true);
    at += 72;
  }
  if (hasCommand) {
    for (const [index, value] of [0x1d, 16, signatureOffset, 64].entries()) view.setUint32(at + 4 * index, value, true);
  }
  return file;
}

describe("signAdHoc", () => {
  test("makes a signature that is true, of a file that had another", () => {
    const file = createExecutable();
    const signed = signAdHoc(file);

    expect([hasTrueSignature(file), hasTrueSignature(signed)]).toEqual([false, true]);
    // What stands before it is the same, but for the two commands that say how long it is.
    const changed = [...signed.subarray(0, signatureOffset).entries()].filter(([index, byte]) => byte !== file[index]);
    expect(changed.every(([index]) => index < 32 + 72 * 2 + 16)).toBe(true);
    expect(signAdHoc(signed)).toEqual(signed);
  });

  test("says how long it is, in its own command and in the last segment", () => {
    const signed = signAdHoc(createExecutable());
    const view = new DataView(signed.buffer);
    const linkEdit = 32 + 72;

    expect(view.getUint32(linkEdit + 72 + 12, true)).toBe(signed.byteLength - signatureOffset);
    expect(Number(view.getBigUint64(linkEdit + 48, true))).toBe(signed.byteLength - 8192);
    expect(Number(view.getBigUint64(linkEdit + 32, true)) % 0x4000).toBe(0);
  });

  test.each([28, 5000, signatureOffset - 1])("is not true when byte %d is another", (index) => {
    const signed = signAdHoc(createExecutable());
    signed[index]! ^= 1;

    expect(hasTrueSignature(signed)).toBe(false);
  });

  test.each([
    ["no Mach-O", new Uint8Array(64), "it is no 64-bit Mach-O"],
    ["nothing", new Uint8Array(0), "it is no 64-bit Mach-O"],
    ["one without a place for it", createExecutable(undefined, false), "it has no place for a signature"],
    ["one without its last segment", createExecutable(["__TEXT"]), "it has no place for a signature"],
    ["one that goes on behind it", Uint8Array.from([...createExecutable(), 0]), "its signature is not at its end"],
  ])("refuses %s", (_what, file, reason) => {
    expect(() => signAdHoc(file)).toThrow(`Cannot read the executable: ${reason}`);
  });
});
