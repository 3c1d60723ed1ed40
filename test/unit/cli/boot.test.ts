// The program as it is started from source: settings from the environment, one re-exec, orderly ends.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import packageFile from "../../../package.json";

const bootFile = join(import.meta.dir, "..", "..", "..", "src", "boot.ts");
let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "boot-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function start(words: readonly string[], settings: Record<string, string> = {}) {
  return Bun.spawn([process.execPath, bootFile, ...words], {
    cwd: folder,
    env: { PATH: process.env["PATH"] ?? "", HOME: folder, DATA_DIR: folder, ...settings },
    stdio: ["ignore", "pipe", "pipe"],
  });
}

/** Standard output up to the line that says where it listens. */
async function listening(child: ReturnType<typeof start>): Promise<{ url: string; output: string }> {
  let output = "";
  for await (const chunk of child.stdout) {
    output += new TextDecoder().decode(chunk);
    const url = /listens on (http:\S+)\n/.exec(output)?.[1];
    if (url !== undefined) return { url, output };
  }
  throw new Error(`it did not start: ${await new Response(child.stderr).text()}`);
}

describe("boot", () => {
  test("boot runs a command through its re-exec and hands its exit code on", async () => {
    const version = start(["version"]);
    const unknown = start(["unknown"]);

    expect(await new Response(version.stdout).text()).toBe(`${packageFile.version}\n`);
    expect(await version.exited).toBe(0);
    expect(await unknown.exited).toBe(2);
    expect(await new Response(unknown.stderr).text()).toStartWith('Unknown command "unknown"');
  });

  test("boot sets the limit of fetches and the mode before the process that works starts", async () => {
    const child = start(["emulate", "--port", "0"]);
    let output = "";
    for await (const chunk of child.stdout) {
      output += new TextDecoder().decode(chunk);
      if (output.includes("http://")) break;
    }
    const environment = await Bun.file(`/proc/${child.pid}/environ`)
      .text()
      .catch(() => "");
    child.kill("SIGTERM");

    expect(await child.exited).toBe(0);
    if (process.platform === "linux") {
      expect(environment.split("\0")).toContain("BUN_CONFIG_MAX_HTTP_REQUESTS=65336");
      expect(environment.split("\0")).toContain("NODE_ENV=production");
    }
  });
});

describe("boot serve", () => {
  test("boot shows no secret of its flags in the list of processes, and serves with them", async () => {
    const secrets = ["kKeyOfAFlag7311", "kTokenOfAFlag7312"] as const;
    const words = ["serve", "--port", "0", "--api-key", secrets[0], `--qwen-token=${secrets[1]}`];
    const child = start(words, { LOG_LEVEL: "error", QWEN_BASE_URL: "http://127.0.0.1:9" });
    const { url } = await listening(child);
    const statuses = await Promise.all(
      [secrets[0], "another"].map((key) => fetch(new URL("/v1/sessions", url), { headers: { "x-api-key": key } })),
    );
    const shown = await Bun.file(`/proc/${child.pid}/cmdline`)
      .text()
      .catch(() => "");
    child.kill("SIGTERM");

    expect(statuses.map(({ status }) => status)).toEqual([200, 401]);
    expect(await child.exited).toBe(0);
    if (process.platform === "linux") {
      expect(shown.split("\0").slice(-6, -1)).toEqual(["--port", "0", "--api-key", "****", "--qwen-token=****"]);
    }
  });

  test("boot serves with settings from the environment alone and ends with 0 on SIGTERM [R1-030]", async () => {
    const child = start([], { PORT: "0", HOST: "127.0.0.1", LOG_LEVEL: "error" });
    const { url, output } = await listening(child);
    const { status } = await fetch(new URL("/health", url));
    child.kill("SIGTERM");

    expect(output).toMatch(
      /^(Token of the agent, shown once: \S+ \(.*\)\n)?qwen-gateway \S+ listens on \S+\nServed by the built-in emulator; .* "qwen-gateway setup"\n$/,
    );
    expect(status).toBe(200);
    expect(await child.exited).toBe(0);
  });

  test("boot says what to do when the port is in use, and ends with 1", async () => {
    const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response() });
    const { port } = server;
    const child = start(["serve", "--port", String(port)], { LOG_LEVEL: "silent" });
    const complaint = await new Response(child.stderr).text();
    await server.stop(true);

    expect(await child.exited).toBe(1);
    expect(complaint).toStartWith(`Cannot listen on 127.0.0.1:${port}: the port is in use; `);
  });

  test("boot ends with 2 on a wrong variable before anything listens", async () => {
    const child = start([], { PORT: "http" });

    expect(await child.exited).toBe(2);
    expect(await new Response(child.stderr).text()).toStartWith(
      'Cannot use PORT "http": it must be a whole number from 0 to 65535',
    );
  });
});
