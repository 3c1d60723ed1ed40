// The agent by hand: a stream read as it comes, one run over two services, a question before something is overwritten, and
// what goes wrong. Real tool servers over a folder of its own; the model is whatever the gateway has. R4-059.

import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AgentProgress, AgentResult } from "../../src/agent/engine.ts";
import { readLive } from "../support/live-stream.ts";
import type { RealGateway } from "./real-gateway.ts";
import { TurnFailed } from "./scenarios.ts";
import type { Verification } from "./verification.ts";

const packages = join(import.meta.dir, "../../node_modules/@modelcontextprotocol");

export interface AgentPlace extends Disposable {
  readonly folder: string;
  /** Settings of a gateway whose agent works there. */
  readonly environment: Readonly<Record<string, string>>;
}

/** @param named a folder that there is already, and that stays */
export function createAgentPlace(named?: string): AgentPlace {
  const folder = realpathSync(named ?? mkdtempSync(join(tmpdir(), "qwen-gateway-agent-")));
  const script = (name: string): string => join(packages, name, "dist/index.js");
  const servers = {
    files: { command: process.execPath, args: [script("server-filesystem"), folder] },
    everything: { command: process.execPath, args: [script("server-everything")] },
  };
  return {
    folder,
    environment: { MCP_SERVERS: JSON.stringify(servers), AGENT_OPEN: "true" },
    [Symbol.dispose]() {
      if (named === undefined) rmSync(folder, { recursive: true, force: true });
    },
  };
}

export async function runAgentScenarios(gateway: RealGateway, report: Verification, folder: string): Promise<void> {
  const note = join(folder, "note.txt");
  await Bun.write(note, "eleven apples");
  const run = (path: string, body: object): Promise<RunSeen> => readRun(gateway, report, path, body);

  report.scenario("1. A request, streamed: each step is told when it happens");
  const first = await run("/api/agent/stream", { query: `What does the file ${note} say?` });
  verifyStream(report, first);
  report.verify("a tool was called", first.result.results.length > 0, first.result);
  report.verify("the answer knows what the file says", /eleven|11/i.test(first.result.answer ?? ""), first.result);

  report.scenario("2. One run over two services");
  const sum = `How many apples does ${note} speak of? Add 31 to that with the tool get-sum, and tell me the sum.`;
  const second = await run("/api/agent/stream", { query: sum });
  verifyStream(report, second);
  const services = new Set(second.result.results.map(({ service }) => service));
  report.verify("both services were used", services.has("files") && services.has("everything"), [...services]);
  report.verify("the sum is right", (second.result.answer ?? "").includes("42"), second.result.answer);

  report.scenario("3. What overwrites is asked about first");
  const third = await run("/api/agent/stream", { query: `Overwrite the file ${note} with the text: twelve pears` });
  const { pending } = third.result;
  report.verify("a question waits", pending !== undefined, third.result);
  report.verify("nothing has been written", (await Bun.file(note).text()) === "eleven apples");
  if (pending !== undefined) {
    const answer = { confirmation_id: pending.confirmation_id, decision: "approve" };
    const approved = await run("/api/agent/confirm", answer);
    report.verify("the approved run succeeds", approved.result.success, approved.result);
    report.verify("it has been written", (await Bun.file(note).text()).includes("twelve pears"));
    const again = await post(gateway, "/api/agent/confirm", answer);
    report.verify("the question is answered once", again.status === 410, again.status);
    await again.body?.cancel();
  }

  report.scenario("4. What goes wrong");
  const outside = await run("/api/agent/stream", {
    query: "Read the file /nowhere/secret.txt and tell me what it says",
  });
  verifyStream(report, outside);
  const isTold = outside.result.error !== undefined || (outside.result.answer ?? outside.result.clarificationQuestion);
  report.verify("what could not be done is said", Boolean(isTold), outside.result);
  const refused = await post(gateway, "/api/agent/stream", { query: "a".repeat(501) });
  report.verify("a query that is too long is refused before any stream", refused.status === 400, refused.status);
  await refused.body?.cancel();

  report.scenario("5. The page for the same by hand");
  const page = await fetch(`${gateway.url}/chat`);
  report.verify("it is served", page.ok && (await page.text()).includes("<html"), page.status);
}

interface RunSeen {
  readonly type: string;
  readonly steps: readonly AgentProgress[];
  /** Of each event, in milliseconds from the request. */
  readonly arrivals: readonly number[];
  readonly events: readonly string[];
  readonly result: AgentResult;
}

async function readRun(gateway: RealGateway, report: Verification, path: string, body: object): Promise<RunSeen> {
  report.tell(`> ${"query" in body ? body.query : JSON.stringify(body)}`);
  const startedAtMs = performance.now();
  const response = await post(gateway, path, body);
  if (response.status !== 200) throw new TurnFailed(`${response.status}: ${(await response.text()).slice(0, 200)}`);
  const live = readLive(response);
  const steps: AgentProgress[] = [];
  const arrivals: number[] = [];
  const events: string[] = [];
  let result: AgentResult | undefined;
  for (let frame = await live.next(); frame !== undefined; frame = await live.next()) {
    arrivals.push(performance.now() - startedAtMs);
    events.push(frame.event ?? "");
    // The gateway's own form.
    const data = JSON.parse(frame.data) as AgentProgress & AgentResult;
    if (frame.event === "done") result = data;
    else report.tell(`${Math.round(arrivals.at(-1) ?? 0)} ms: ${data.message}`);
    if (frame.event === "progress") steps.push(data);
  }
  if (result === undefined) throw new TurnFailed("the stream ended without done");
  report.tell(`< ${(result.answer ?? result.clarificationQuestion ?? "").replace(/\s+/g, " ").slice(0, 100)}`);
  return { type: response.headers.get("content-type") ?? "", steps, arrivals, events, result };
}

function verifyStream(report: Verification, { type, steps, arrivals, events }: RunSeen): void {
  report.verify("the head is that of an event stream", type.startsWith("text/event-stream"), type);
  report.verify("done is the last event, once", events.indexOf("done") === events.length - 1, events);
  const types = steps.map((step) => step.type).filter((kind, at, all) => kind !== all[at - 1]);
  report.verify(
    "it begins with analyzing, discovering, selecting",
    /^analyzing,discovering,selecting/.test(types.join()),
  );
  report.verify("steps arrive before the end", (arrivals[0] ?? 0) < (arrivals.at(-1) ?? 0), arrivals);
}

function post({ url }: RealGateway, path: string, body: object): Promise<Response> {
  return fetch(url + path, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "text/event-stream" },
    body: JSON.stringify(body),
  });
}
