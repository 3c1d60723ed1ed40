// `qwen-gateway mcp login` as a child process, and somebody who opens the link that it prints.

import { expect } from "bun:test";
import { ensureBuilt, type Place } from "./binary.ts";

/** @param visit opens the link; the page that is shown at the end of it */
export async function login(
  name: string,
  MCP_SERVERS: string,
  place: Place,
  visit: (link: string) => Promise<string>,
): Promise<{ readonly exitCode: number; readonly printed: string }> {
  ensureBuilt();
  const child = Bun.spawn([place.executable, "mcp", "login", name, "--no-browser"], {
    cwd: place.folder,
    env: { PATH: process.env["PATH"] ?? "", HOME: place.home, MCP_SERVERS },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let printed = "";
  let isVisited = false;
  for await (const chunk of child.stdout) {
    printed += Buffer.from(chunk).toString();
    const link = /^http\S+(?=\n)/m.exec(printed)?.[0];
    if (link === undefined || isVisited) continue;
    isVisited = true;
    expect(await visit(link)).toContain("You can close this page");
  }
  return { exitCode: await child.exited, printed };
}
