import { Database } from "bun:sqlite";
import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { refuseNewer } from "../../../src/store/refuse-newer.ts";

const folder = mkdtempSync(join(tmpdir(), "qwen-gateway-refuse-newer-"));
afterAll(() => rmSync(folder, { recursive: true }));

function databaseOf(name: string, version: number): string {
  const path = join(folder, name);
  using database = new Database(path);
  database.run(`PRAGMA user_version = ${version}`);
  return path;
}

test("refuseNewer names the file and both schemas", () => {
  const path = databaseOf("newer.db", 8);

  expect(() => refuseNewer(path, 7)).toThrow(
    /newer\.db": it was written by a newer version.*\(schema 8, known here is 7\)/,
  );
});

test("refuseNewer sees what stands in the log of the database alone", () => {
  const path = databaseOf("logged.db", 7);
  using writer = new Database(path);
  writer.run("PRAGMA journal_mode = WAL");
  writer.run("PRAGMA user_version = 8");
  expect(readFileSync(path).readUInt32BE(60)).toBe(7);

  expect(() => refuseNewer(path, 7)).toThrow(/schema 8/);
});

test("refuseNewer lets what is known pass, and makes no file", () => {
  const path = databaseOf("known.db", 7);
  refuseNewer(path, 7);
  refuseNewer(path, 8);
  refuseNewer(join(folder, "missing.db"), 0);

  expect(readdirSync(folder)).not.toContain("missing.db");
});

test("refuseNewer leaves what it cannot read to whoever opens it", () => {
  const path = join(folder, "damaged.db");
  writeFileSync(path, "no database ".repeat(500));
  mkdirSync(join(folder, "folder.db"));

  refuseNewer(path, 7);
  refuseNewer(join(folder, "folder.db"), 7);

  expect(readFileSync(path, "utf8")).toStartWith("no database ");
});
