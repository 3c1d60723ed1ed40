// Failures of the start as sentences: the real errors of the system where they can be provoked.

import { expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { describeListenError, describeStartError } from "../../../src/cli/describe-start-error.ts";

const config = { host: "127.0.0.1", port: 8787, dataDir: "/data" };

function failure(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  throw new Error("it did not fail");
}

function systemError(code: string, path?: string): Error {
  return Object.assign(new Error(`${code}: told by the system`), { code, ...(path === undefined ? {} : { path }) });
}

test("describeStartError says what to do about a port in use", async () => {
  const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response() });
  const port = server.port ?? 0;
  const error = failure(() => Bun.serve({ hostname: "127.0.0.1", port, fetch: () => new Response() }));
  await server.stop(true);

  expect(describeStartError(error, { ...config, port })).toBe(
    `Cannot listen on 127.0.0.1:${port}: the port is in use; stop the program that uses it, or choose another port with --port or PORT`,
  );
});

test("describeListenError names the flag alone, where a command has no settings", () => {
  expect(describeListenError(systemError("EADDRINUSE"), config)).toBe(
    "Cannot listen on 127.0.0.1:8787: the port is in use; stop the program that uses it, or choose another port with --port",
  );
  expect(describeListenError(systemError("EADDRNOTAVAIL"), config)).toEndWith("choose another with --host");
  expect(describeListenError(new Error("bug"), config)).toBeUndefined();
});

test("describeStartError tells a forbidden port from a forbidden folder", () => {
  expect(describeStartError(systemError("EACCES"), { ...config, port: 80 })).toBe(
    "Cannot listen on 127.0.0.1:80: ports below 1024 need a privilege; choose another port with --port or PORT",
  );
  expect(describeStartError(systemError("EACCES", "/data/gateway.db"), config)).toBe(
    'Cannot write "/data/gateway.db": permission denied; choose a folder that you may write with --data-dir or DATA_DIR',
  );
});

// Bun tells the code of whatever failed last in the process when the host's name cannot be resolved.
test.each(["ENOENT", "EINVAL", "EEXIST"])("describeStartError blames the address for %s of listen", (code) => {
  const error = Object.assign(systemError(code), { syscall: "listen" });

  expect(describeStartError(error, { ...config, host: "no-such-host.invalid" })).toBe(
    "Cannot listen on no-such-host.invalid:8787: this machine has no such address; choose another with --host or HOST",
  );
});

test("describeStartError says which folder cannot be made", () => {
  const error = failure(() => mkdirSync("/dev/null/data", { recursive: true }));

  expect(describeStartError(error, config)).toMatch(
    /^Cannot write "\/dev\/null\/data": a file stands where a folder has to be; choose a folder/,
  );
});

test("describeStartError finds the reason behind other errors", () => {
  const error = new Error("outer", { cause: new Error("middle", { cause: systemError("EADDRNOTAVAIL") }) });

  expect(describeStartError(error, config)).toContain(
    "this machine has no such address; choose another with --host or HOST",
  );
});

test("describeStartError names the folder of a database that cannot be opened", () => {
  expect(describeStartError(systemError("SQLITE_CANTOPEN"), config)).toStartWith(
    'Cannot open the database in "/data": ',
  );
});

test.each(["SQLITE_NOTADB", "SQLITE_CORRUPT_INDEX"])(
  "describeStartError blames the file, and not the right to write it, for %s",
  (code) => {
    expect(describeStartError(systemError(code), config)).toBe(
      `Cannot open the database in "/data": ${code}: told by the system; move it away to start with an empty one, or restore a backup`,
    );
  },
);

test("describeStartError has no sentence for what it does not know", () => {
  const circular = new Error("circular");
  circular.cause = circular;

  for (const error of [new Error("bug"), circular, "text", undefined]) {
    expect(describeStartError(error, config)).toBeUndefined();
  }
});

test.each(["SQLITE_FULL", "SQLITE_IOERR_SHMSIZE"])("describeStartError says of %s that the disk is full", (code) => {
  expect(describeStartError(systemError(code), config)).toBe(
    'Cannot open the database in "/data": the disk is full; free some space, or choose a folder that you may write with --data-dir or DATA_DIR',
  );
});
