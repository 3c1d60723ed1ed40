// Archives, the formula and the packages of Debian, as far as they are text.

import { describe, expect, test } from "bun:test";
import { unzipSync } from "fflate";
import { unpackTar } from "modern-tar";
import { packTarGz, packZip } from "../../../scripts/release/archives.ts";
import { parseKinds } from "../../../scripts/release/build-release.ts";
import { packagedUnit } from "../../../scripts/release/debian.ts";
import { writeFormula } from "../../../scripts/release/homebrew.ts";
import { writeManual } from "../../../scripts/release/manual.ts";
import { targets } from "../../../scripts/release/targets.ts";
import { listCommands } from "../../../src/cli/list-commands.ts";
import { readProjectFile } from "../house/source-files.ts";

const files = [
  { name: "q/qwen-gateway", bytes: new TextEncoder().encode("program"), isExecutable: true },
  { name: "q/LICENSE", bytes: new TextEncoder().encode("terms"), isExecutable: false },
];
const timeMs = 1_790_000_000_000;

describe("archives", () => {
  test("packTarGz keeps names, bytes and modes, of nobody and of one time", async () => {
    const packed = await packTarGz(files, timeMs, "small");
    const entries = await unpackTar(Bun.gunzipSync(Uint8Array.from(packed)));

    expect(entries.map(({ header, data }) => [header.name, header.mode, new TextDecoder().decode(data)])).toEqual([
      ["q/qwen-gateway", 0o755, "program"],
      ["q/LICENSE", 0o644, "terms"],
    ]);
    expect(entries.map(({ header }) => [header.uid, header.gid, header.mtime?.getTime()])).toEqual([
      [0, 0, timeMs],
      [0, 0, timeMs],
    ]);
    expect(await packTarGz(files, timeMs, "small")).toEqual(packed);
  });

  test("packZip is the same in every time zone", () => {
    const zone = process.env["TZ"];
    const packed = ["UTC", "Asia/Shanghai", "America/New_York"].map((name) => {
      process.env["TZ"] = name;
      return Bun.hash(packZip(files, timeMs, "small"));
    });
    process.env["TZ"] = zone ?? "UTC";

    expect(new Set(packed).size).toBe(1);
    expect(Object.keys(unzipSync(packZip(files, timeMs, "small")))).toEqual(["q/qwen-gateway", "q/LICENSE"]);
  });
});

describe("writeFormula", () => {
  const formula = {
    version: "1.2.3",
    description: "Gateway",
    license: "MIT",
    repository: "owner/name",
    archives: targets.map((target) => ({ target, fileName: `${target.name}.tar.gz`, sha256: `sum-of-${target.name}` })),
  };

  test("has the address and the checksum of each system that Homebrew runs on", () => {
    const text = writeFormula(formula);
    const sources = [...text.matchAll(/on_(\w+) do\n\s+url "(\S+)"\n\s+sha256 "(\S+)"/g)].map((match) =>
      match.slice(1),
    );

    expect(sources).toEqual(
      [
        ["intel", "darwin-x64"],
        ["arm", "darwin-arm64"],
        ["intel", "linux-x64"],
        ["arm", "linux-arm64"],
      ].map(([cpu, name]) => [
        cpu!,
        `https://github.com/owner/name/releases/download/v1.2.3/${name}.tar.gz`,
        `sum-of-${name}`,
      ]),
    );
  });

  test("opens as many blocks as it closes", () => {
    const text = writeFormula(formula);

    expect(text.match(/\bdo$|^class |^ {2}def /gm)).toHaveLength(text.match(/^\s*end$/gm)?.length ?? 0);
  });

  test("refuses to be written of nothing", () => {
    const archives = formula.archives.filter(({ target }) => target.homebrew === undefined);

    expect(() => writeFormula({ ...formula, archives })).toThrow(/none of the targets/);
  });
});

describe("packagedUnit", () => {
  const unit = readProjectFile("deploy/qwen-gateway.service");

  test("is the unit that is shipped, but for where the executable stands", () => {
    const packaged = packagedUnit(unit);

    expect(packaged).toContain("\nExecStart=/usr/bin/qwen-gateway serve --env-file /etc/qwen-gateway/settings.env\n");
    expect(packaged).not.toContain("/usr/local");
    expect(packaged.slice(packaged.indexOf("[Unit]")).replace("/usr/bin/", "/usr/local/bin/")).toBe(
      unit.slice(unit.indexOf("[Unit]")),
    );
  });

  test("notices a unit that starts something else", () => {
    expect(() => packagedUnit("[Unit]\n[Service]\nExecStart=/bin/true\n")).toThrow(/starts another program/);
  });
});

test("writeManual names every command, with hyphens that can be typed", () => {
  const manual = writeManual("1.2.3", timeMs);

  for (const { name } of listCommands()) expect(manual).toContain(`\n.B ${name.replaceAll("-", "\\-")}\n`);
  expect(manual).not.toMatch(/(?<!\\)--/);
  expect(manual).toContain('"2026-09-21"');
});

test("parseKinds takes kinds and names the word that is none", () => {
  expect([...parseKinds("npm,debian")]).toEqual(["npm", "debian"]);
  expect(parseKinds("").size).toBe(0);
  expect(() => parseKinds("npm,rpm")).toThrow('Cannot use --without "rpm": there are archives, npm, debian, homebrew');
});
