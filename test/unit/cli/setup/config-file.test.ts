// The config file on the disk.

import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import {
  ChangedMeanwhileError,
  describeUnwritable,
  openConfigFile,
  writeConfigFile,
} from "../../../../src/cli/setup/config-file.ts";
import { canMountDisk, mountSmallDisk } from "../../../support/small-disk.ts";

const base = mkdtempSync(join(tmpdir(), "config-file-"));
afterAll(() => rmSync(base, { recursive: true, force: true }));

let home = base;
let path = "";
beforeEach(() => {
  home = mkdtempSync(join(base, "home-"));
  path = join(home, ".config", "qwen-gateway", "config.yaml");
});

const nowMs = Date.UTC(2026, 10, 26, 12, 0, 0);
const open = (named?: string) => openConfigFile(named, { HOME: home });
const modeOf = (file: string) => statSync(file).mode & 0o777;

function put(text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text, { mode: 0o644 });
}

describe("openConfigFile", () => {
  test("finds the place that serve reads, with nothing in it yet", () => {
    expect(open()).toMatchObject({ path, isDefault: true, text: undefined, content: {}, upstreams: [] });
    expect(open(join(home, "other.yaml"))).toMatchObject({ isDefault: false });
    expect(open(path)).toMatchObject({ isDefault: true });
  });

  test("wants a name where there is no home", () => {
    expect(() => openConfigFile(undefined, {})).toThrow("name it by --config");
  });

  // A draft would take its place: as root that is the end of the machine's /dev/null.
  test("refuses what is no ordinary file, by its own name or by a link", () => {
    const link = join(home, "link.yaml");
    symlinkSync("/dev/null", link);

    expect(() => open("/dev/null")).toThrow('Cannot write settings to "/dev/null": it is not an ordinary file');
    expect(() => open(link)).toThrow("it is not an ordinary file");
  });

  test("tells what the file has", () => {
    put("port: 1\nmodelscope_api_key: ms-a\n");

    expect(open()).toMatchObject({ content: { port: 1 }, upstreams: [{ name: "modelscope" }] });
  });

  test.each(["prot: 1\n", "port: many\n", "a: [\n", "upstreams: [{name: a}]\n"])(
    "refuses a file that serve refuses too: %j",
    (text) => {
      put(text);

      expect(() => open()).toThrow(/^(Unknown|Cannot)/);
    },
  );
});

describe("writeConfigFile", () => {
  test("makes the file and its folder for their owner alone, and leaves nothing beside", () => {
    expect(writeConfigFile(open(), "port: 1\n", "no-copy", nowMs)).toEqual({ copy: undefined });

    expect(readFileSync(path, "utf8")).toBe("port: 1\n");
    expect([modeOf(path), modeOf(dirname(path))]).toEqual([0o600, 0o700]);
    expect(readdirSync(dirname(path))).toEqual(["config.yaml"]);
  });

  test("keeps a copy of what was there, which others may not read either", () => {
    put("port: 1 # mine\n");
    const { copy } = writeConfigFile(open(), "port: 2\n", "copy", nowMs);

    expect(copy).toBe(`${path}.before-2026-11-26T12-00-00-000Z`);
    expect(readFileSync(copy ?? "", "utf8")).toBe("port: 1 # mine\n");
    expect([modeOf(path), modeOf(copy ?? "")]).toEqual([0o600, 0o600]);
  });

  test("writes where a link leads, and leaves the link", () => {
    const real = join(home, "dotfiles.yaml");
    writeFileSync(real, "port: 1\n");
    mkdirSync(dirname(path), { recursive: true });
    symlinkSync(real, path);
    writeConfigFile(open(), "port: 2\n", "no-copy", nowMs);

    expect(lstatSync(path).isSymbolicLink()).toBe(true);
    expect(readFileSync(real, "utf8")).toBe("port: 2\n");
  });

  test("writes over nobody else's change", () => {
    put("port: 1\n");
    const file = open();
    put("port: 3\n");

    expect(() => writeConfigFile(file, "port: 2\n", "copy", nowMs)).toThrow(ChangedMeanwhileError);
    expect(readFileSync(path, "utf8")).toBe("port: 3\n");
    expect(readdirSync(dirname(path))).toHaveLength(1);
  });

  test("leaves the file as it is when it cannot be written whole", () => {
    put("port: 1\n");
    const file = open();
    // The draft cannot be made: its name is taken.
    mkdirSync(`${path}.${process.pid}`);

    expect(() => writeConfigFile(file, "port: 2\n", "copy", nowMs)).toThrow();
    expect(readFileSync(path, "utf8")).toBe("port: 1\n");
    expect(existsSync(`${path}.before-2026-11-26T12-00-00-000Z`)).toBe(false);
  });

  test("says when there can be no folder for it", () => {
    const file = open();
    writeFileSync(join(home, ".config"), "in its way");

    expect(() => writeConfigFile(file, "port: 2\n", "copy", nowMs)).toThrow(/ENOTDIR|EEXIST/);
    expect(readFileSync(join(home, ".config"), "utf8")).toBe("in its way");
  });
});

test.skipIf(!canMountDisk)(
  "describeUnwritable names the file on a full disk (skipped without the right to mount)",
  () => {
    using disk = mountSmallDisk(join(home, "small"));
    if (disk === undefined) throw new Error("Cannot mount a disk");
    const file = open(join(disk.folder, "config.yaml"));
    disk.fill();

    let thrown: unknown;
    try {
      writeConfigFile(file, "port: 1\n", "no-copy", nowMs);
    } catch (error) {
      thrown = error;
    }

    expect(describeUnwritable(thrown, file.path)).toBe(
      `Cannot write "${file.path}": the disk is full; free some space, or choose a folder that you may write with --config`,
    );
    expect(readdirSync(disk.folder)).toEqual(["filler"]);
  },
);
