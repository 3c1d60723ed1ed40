// What can be read as settings, and what is refused instead of waited for.

import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigError } from "../../../src/config/config-error.ts";
import { withEnvFile } from "../../../src/config/env-file.ts";
import { loadToolServers } from "../../../src/config/mcp-servers.ts";
import { readSettingsFile } from "../../../src/config/settings-file.ts";
import { loadPublicKey } from "../../../src/server/auth/public-key.ts";

const notAgain = "it is a pipe or a device, which a reload could not read again; write its text to a file";

function inFolder(work: (folder: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), "settings-file-"));
  try {
    work(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function makePipe(path: string): string {
  expect(Bun.spawnSync(["mkfifo", path]).exitCode).toBe(0);
  return path;
}

describe("readSettingsFile", () => {
  test("readSettingsFile reads files, links to them, and the device that holds nothing", () => {
    inFolder((folder) => {
      const path = join(folder, "settings");
      writeFileSync(path, "port: 1\n");
      symlinkSync(path, join(folder, "link"));
      symlinkSync("/dev/null", join(folder, "nothing"));

      expect(readSettingsFile(path)).toEqual({ text: "port: 1\n" });
      expect(readSettingsFile(join(folder, "link"))).toEqual({ text: "port: 1\n" });
      expect(readSettingsFile(join(folder, "nothing"))).toEqual({ text: "" });
    });
    expect(readSettingsFile("/dev/null")).toEqual({ text: "" });
  });

  test("readSettingsFile tells one that is not there from one that cannot be read", () => {
    inFolder((folder) => {
      const path = join(folder, "large");
      writeFileSync(path, "");
      truncateSync(path, 16 * 1024 * 1024 + 1);
      symlinkSync(join(folder, "circle"), join(folder, "circle"));

      expect(readSettingsFile(join(folder, "none"))).toEqual({ reason: "there is no such file", isMissing: true });
      expect(readSettingsFile(join(path, "below"))).toEqual({ reason: "there is no such file", isMissing: true });
      expect(readSettingsFile(folder)).toEqual({ reason: "it is a folder", isMissing: false });
      expect(readSettingsFile(path)).toEqual({ reason: "it is larger than 16 MB", isMissing: false });
      expect(readSettingsFile(join(folder, "circle"))).toEqual({
        reason: "its links lead in a circle",
        isMissing: false,
      });
    });
  });

  test("readSettingsFile waits for no pipe and no device, whoever reads it, and knows a pipe of the shell that is gone", () => {
    inFolder((folder) => {
      const pipe = makePipe(join(folder, "pipe"));
      for (const path of [pipe, "/dev/zero", "/dev/fd/987654", "/proc/self/fd/987654"]) {
        expect(readSettingsFile(path)).toEqual({ reason: notAgain, isMissing: false });
      }
      expect(() => withEnvFile({}, pipe)).toThrow(new ConfigError([`Cannot read env file "${pipe}": ${notAgain}`]));
      expect(() => loadToolServers({ mcpConfig: pipe, mcpServers: {} }, {})).toThrow(
        new ConfigError([`Cannot read MCP_CONFIG "${pipe}": ${notAgain}`]),
      );
      expect(() => loadPublicKey(pipe)).toThrow("it is neither PEM nor a JWK, nor is it the path of a file");
    });
  });
});
