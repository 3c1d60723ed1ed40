// What the tests of coding agents share: a home with the agent's settings, the question it gets, the run that stays at home.

import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect } from "bun:test";
import { runBinary } from "../support/binary.ts";
import type { ModelStage } from "../support/model-stage.ts";
import { nodeFolder, type RealAgent } from "./real-agents.ts";

/** Its bearer is one of the gateway's callers; nobody else is let in. */
export const key = "sk-of-the-agents";
export const agentMs = 90_000;

// Their native packages are installed for this platform alone.
export const isRunnable = process.platform === "linux" && process.arch === "x64";

/** A proxy that lets nobody out, so that what an agent wants of the network fails at once. */
function closeTheDoor() {
  const knocks: string[] = [];
  const listener = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      data(socket, bytes) {
        knocks.push(bytes.toString().split("\r\n")[0] ?? "");
        socket.end("HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n");
      },
    },
  });
  return { url: `http://127.0.0.1:${listener.port}`, knocks, [Symbol.dispose]: () => listener.stop(true) };
}

/** @param command @defaultValue the one that asks the question anew */
export async function runAgent(
  agent: RealAgent,
  { place }: ModelStage,
  question: string,
  command = agent.command(question),
) {
  using door = closeTheDoor();
  const outside = { HTTP_PROXY: door.url, HTTPS_PROXY: door.url, http_proxy: door.url, https_proxy: door.url };
  const child = Bun.spawn([...command], {
    cwd: place.folder,
    stdio: ["ignore", "pipe", "pipe"],
    signal: AbortSignal.timeout(agentMs),
    killSignal: "SIGKILL",
    env: {
      PATH: `${nodeFolder}:${process.env["PATH"] ?? ""}`,
      HOME: place.home,
      NO_PROXY: "127.0.0.1,localhost",
      no_proxy: "127.0.0.1,localhost",
      ...outside,
      ...agent.environment,
    },
  });
  const [output, errors] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  await child.exited;
  return { output, errors, knocks: door.knocks };
}

/** @param match what stands in the request that is to be answered with the call. @defaultValue the first is */
export function prepare(agent: RealAgent, { place, script, kind }: ModelStage, match?: string) {
  const settings = join(place.home, agent.file);
  mkdirSync(dirname(settings), { recursive: true });
  writeFileSync(settings, agent.settings);
  const secret = `marmalade-${agent.name}-${kind}`;
  const answer = `It is ${secret}, as the file says.`;
  const notes = join(place.folder, `${agent.name}.txt`);
  writeFileSync(notes, `The word of the day is ${secret}.\n`);
  script({ calls: [agent.readCall(notes)] }, match);
  // Said only to who brings what stands in the file.
  script({ text: answer }, secret);
  return { settings, secret, answer, question: `What is the word of the day in ${notes}?` };
}

export async function connect(name: string, { url, model, place }: ModelStage): Promise<void> {
  const words = ["connect", name, "--url", url, "--model", model, "--key", "env:KEY"];
  expect(await runBinary(words, { KEY: key }, place)).toMatchObject({ exitCode: 0, errors: "" });
}

export function chatOf(body = "{}"): unknown {
  // Our own emulator's log.
  return (JSON.parse(body) as { readonly chat_id?: string }).chat_id;
}
