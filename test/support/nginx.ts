// A real nginx with the configuration of a test, as a child process in a folder of its own.

import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "./binary.ts";
import { freePort, isListening } from "./ports.ts";

export interface Nginx extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
}

/** Debian's package puts it where users' PATH does not look. */
export function findNginx(): string | undefined {
  return Bun.which("nginx") ?? ["/usr/sbin/nginx", "/usr/local/sbin/nginx"].find((path) => existsSync(path));
}

/** @param site what stands within `http`, for the port that it is given */
export async function startNginx(executable: string, site: (port: number) => string): Promise<Nginx> {
  const folder = mkdtempSync(join(tmpdir(), "qwen-gateway-nginx-"));
  // The workers run as another user.
  mkdirSync(join(folder, "temporary"), { mode: 0o777 });
  const port = freePort();
  const config = join(folder, "nginx.conf");
  await Bun.write(config, wholeConfig(folder, site(port)));
  const child = Bun.spawn([executable, "-p", folder, "-c", config, "-e", "stderr"], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const url = `http://127.0.0.1:${port}`;
  try {
    await eventually(
      async () => {
        if (child.exitCode !== null) throw new Error(`nginx ended: ${await new Response(child.stderr).text()}`);
        return (await isListening(port)) ? true : undefined;
      },
      () => "nginx listens",
    );
  } catch (error) {
    child.kill();
    throw error;
  }
  return {
    url,
    port,
    async [Symbol.asyncDispose]() {
      child.kill();
      await child.exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** As little as nginx starts with; everything else is its default. */
function wholeConfig(folder: string, site: string): string {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((kind) => `${kind}_temp_path ${folder}/temporary/${kind};`)
    .join("\n  ");
  return `daemon off;
master_process off;
pid ${folder}/nginx.pid;
error_log stderr warn;
events {}
http {
  access_log off;
  ${temporary}
${site}
}
`;
}
