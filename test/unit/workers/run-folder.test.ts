import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openRunFolder, socketPathOf } from "../../../src/workers/run-folder.ts";

const base = mkdtempSync(join(tmpdir(), "qwen-gateway-run-"));
afterAll(() => rmSync(base, { recursive: true, force: true }));

test("openRunFolder makes a folder for its owner alone, also of one that was open", () => {
  const dataDir = join(base, "new");
  mkdirSync(join(dataDir, "run"), { recursive: true, mode: 0o755 });
  const folder = openRunFolder(dataDir);

  expect(folder.path).toBe(join(dataDir, "run"));
  expect(statSync(folder.path).mode & 0o777).toBe(0o700);
});

test("openRunFolder removes sockets of processes that are gone, and nothing else", () => {
  const run = join(base, "stale", "run");
  mkdirSync(run, { recursive: true });
  const dead = Bun.spawnSync(["true"]).pid;
  const names = [`${dead}.sock`, `${process.pid}.sock`, "other.sock", "notes.txt"];
  for (const name of names) writeFileSync(join(run, name), "");
  openRunFolder(join(base, "stale"));

  expect(names.map((name) => existsSync(join(run, name)))).toEqual([false, true, true, true]);
});

test("openRunFolder goes elsewhere where the path of a socket would be too long, and leaves nothing there", () => {
  const folder = openRunFolder(join(base, "long".repeat(30)));

  expect(folder.path.startsWith(tmpdir())).toBe(true);
  expect(Buffer.byteLength(socketPathOf(folder.path, 4_194_304))).toBeLessThan(104);
  expect(statSync(folder.path).mode & 0o777).toBe(0o700);
  folder.close();
  expect(existsSync(folder.path)).toBe(false);
});
