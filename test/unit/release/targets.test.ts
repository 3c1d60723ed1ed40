// What a release is built for, and that everybody who names a platform names the same ones.

import { describe, expect, test } from "bun:test";
import { executableKind } from "../../../scripts/release/compile-target.ts";
import { parseTargets, platformPackageName, targets } from "../../../scripts/release/targets.ts";
import { readProjectFile } from "../house/source-files.ts";

describe("parseTargets", () => {
  test("takes names in any order, each once, and the machine's own", () => {
    const chosen = parseTargets("windows-x64, linux-x64,linux-x64");

    expect(chosen.map(({ name }) => name)).toEqual(["linux-x64", "windows-x64"]);
    expect(parseTargets("host").map(({ npm }) => [npm?.os, npm?.cpu])).toEqual([[process.platform, process.arch]]);
  });

  test.each(["linux-x86", "", " , "])("refuses %p", (list) => {
    expect(() => parseTargets(list)).toThrow(/^Cannot use --targets/);
  });
});

describe("the launcher of npm", () => {
  test("knows every platform that has a package, and no other", () => {
    const source = readProjectFile("deploy/npm/launcher.js");
    const listed = /const platforms = (\[[^\]]*\]);/.exec(source)?.[1] ?? "[]";
    const known = [...listed.matchAll(/"([^"]+)"/g)].map(([, name]) => `@qwen-gateway/${name}`);
    const published = targets.flatMap((target) => (target.npm === undefined ? [] : [platformPackageName(target)]));

    expect(known.concat("@qwen-gateway/windows-x64").sort()).toEqual([...published].sort());
    expect(source).toContain('"windows-x64"');
  });
});

describe("executableKind", () => {
  const bytes = (size: number, values: Readonly<Record<number, readonly number[]>>): Uint8Array => {
    const head = new Uint8Array(size);
    for (const [at, some] of Object.entries(values)) head.set(some, Number(at));
    return head;
  };

  test.each<[string, Uint8Array]>([
    ["ELF x64", bytes(64, { 0: [0x7f, 0x45, 0x4c, 0x46], 18: [62, 0] })],
    ["ELF arm64", bytes(64, { 0: [0x7f, 0x45, 0x4c, 0x46], 18: [183, 0] })],
    ["ELF machine 3", bytes(64, { 0: [0x7f, 0x45, 0x4c, 0x46], 18: [3, 0] })],
    ["Mach-O x64", bytes(64, { 0: [0xcf, 0xfa, 0xed, 0xfe, 7, 0, 0, 1] })],
    ["Mach-O arm64", bytes(64, { 0: [0xcf, 0xfa, 0xed, 0xfe, 12, 0, 0, 1] })],
    ["PE x64", bytes(256, { 0: [0x4d, 0x5a], 60: [128, 0, 0, 0], 132: [0x64, 0x86] })],
    ["no executable", bytes(64, { 0: [0x4d, 0x5a], 60: [0xff, 0xff, 0xff, 0x7f] })],
    ["no executable", new TextEncoder().encode("#!/bin/sh\n".padEnd(64))],
  ])("tells %s", (kind, head) => {
    expect(executableKind(head)).toBe(kind);
  });
});
