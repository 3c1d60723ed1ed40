// Real coding agents, unchanged, on the compiled executable: connected by `connect` in a home of their own, each reads a file
// through one of its tools and answers from it; then `disconnect` puts its settings back. What the upstream was told and what
// the agent said count, not its exit code: some end well although no tool ran.

import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { runBinary } from "../support/binary.ts";
import { type ModelStage, startModelStage, upstreamKinds } from "../support/model-stage.ts";
import { nodeFolder, type RealAgent, realAgents } from "./real-agents.ts";

/** Its bearer is one of the gateway's callers; nobody else is let in. */
const key = "sk-of-the-agents";
const agentMs = 90_000;
setDefaultTimeout(agentMs + 10_000);

// Their native packages are installed for this platform alone.
const isRunnable = process.platform === "linux" && process.arch === "x64";

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

async function runAgent(agent: RealAgent, { place }: ModelStage, question: string) {
  using door = closeTheDoor();
  const outside = { HTTP_PROXY: door.url, HTTPS_PROXY: door.url, http_proxy: door.url, https_proxy: door.url };
  const child = Bun.spawn([...agent.command(question)], {
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

describe.skipIf(!isRunnable).each(upstreamKinds)("over %s", (kind) => {
  let stage: ModelStage;
  beforeAll(async () => {
    stage = await startModelStage(kind, { API_KEY: key });
  });
  beforeEach(() => stage.reset());
  afterAll(() => stage[Symbol.asyncDispose]());

  test.each(realAgents.map((agent) => [agent.name, agent] as const))(
    "%s reads a file and answers from it",
    async (name, agent) => {
      const { place } = stage;
      const settings = join(place.home, agent.file);
      mkdirSync(dirname(settings), { recursive: true });
      writeFileSync(settings, agent.settings);
      const secret = `marmalade-${name}-${kind}`;
      const notes = join(place.folder, `${name}.txt`);
      writeFileSync(notes, `The word of the day is ${secret}.\n`);
      stage.script({ calls: [agent.readCall(notes)] });
      // Said only to who brings what stands in the file.
      stage.script({ text: `It is ${secret}, as the file says.` }, secret);
      const words = ["--url", stage.url, "--model", stage.model, "--key", "env:KEY"];
      const connected = await runBinary(["connect", name, ...words], { KEY: key }, place);
      expect(connected).toMatchObject({ exitCode: 0, errors: "" });

      const ran = await runAgent(agent, stage, `What is the word of the day in ${notes}?`);

      const [asked, told, ...more] = stage.asked();
      expect({ ...ran, requests: stage.asked().length }).toMatchObject({
        requests: 2,
        output: expect.stringContaining(`It is ${secret}, as the file says.`),
      });
      expect(asked).toContain("What is the word of the day");
      expect(asked).not.toContain(secret);
      expect(told).toContain(secret);
      expect(more).toEqual([]);
      // The second turn went on in the chat of the first, where the upstream has chats.
      expect(chatOf(told)).toBe(chatOf(asked));

      const disconnected = await runBinary(["disconnect", name], {}, place);
      expect(disconnected.exitCode).toBe(0);
      expect(readFileSync(settings, "utf8")).toBe(agent.settings);
    },
  );
});

function chatOf(body = "{}"): unknown {
  // Our own emulator's log.
  return (JSON.parse(body) as { readonly chat_id?: string }).chat_id;
}
