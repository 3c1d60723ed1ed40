// SIGTERM under a thousand open streams of all protocols: each of them ends whole, or is told why it does not.

import { expect, setDefaultTimeout, test } from "bun:test";
import { request } from "node:http";
import { readTyped } from "../http/typed-client.ts";
import { eventually } from "../support/binary.ts";
import { readMessages } from "../support/surface/anthropic-reader.ts";
import type { ClientAnswer } from "../support/surface/client-answer.ts";
import { readChat, readCompletion, readResponses } from "../support/surface/openai-readers.ts";
import { startStage } from "./stage.ts";

// Far beyond what the test needs, for machines that are busy with something else.
setDefaultTimeout(120_000);

const count = 1000;
const whole = "begun and ended";

interface Ending {
  readonly text: string;
  readonly isWhole: boolean;
  readonly error: string | undefined;
}

interface Protocol {
  readonly path: string;
  body(text: string): object;
  /** By the official client, where there is one. */
  read(body: string): Promise<Ending>;
}

const eventStream = (body: string) => new Response(body, { headers: { "content-type": "text/event-stream" } });
const endingOf = ({ text, finish, error }: ClientAnswer): Ending => ({
  text,
  isWhole: finish === "stop",
  error: error?.message,
});
const asChat = (text: string) => ({ messages: [{ role: "user", content: text }], stream: true });

const protocols: readonly Protocol[] = [
  {
    path: "/v1/chat/completions",
    body: asChat,
    read: async (body) => endingOf(await readChat(eventStream(body), true)),
  },
  {
    path: "/v1/messages",
    body: (text) => ({ ...asChat(text), max_tokens: 100 }),
    read: async (body) => endingOf(await readMessages(eventStream(body), true)),
  },
  {
    path: "/v1/responses",
    body: (input) => ({ input, stream: true }),
    read: async (body) => endingOf(await readResponses(eventStream(body), true)),
  },
  {
    path: "/v1/completions",
    body: (prompt) => ({ prompt, stream: true }),
    read: async (body) => endingOf(await readCompletion(eventStream(body), true)),
  },
  {
    path: "/api/chat/stream",
    body: (message) => ({ message, options: { follow_ups: false, quality: false, analysis: false } }),
    async read(body) {
      const { text, isDone, error } = await readTyped(eventStream(body));
      return { text, isWhole: isDone && error === undefined, error: error === undefined ? undefined : String(error) };
    },
  },
];

interface OpenStream {
  readonly protocol: Protocol;
  /** Its first word is there. */
  readonly begun: Promise<void>;
  /** Everything, once it has ended in good order. */
  readonly ended: Promise<string>;
}

/** By node:http, because fetch would keep all but 256 of them waiting in this process. */
function open(url: string, protocol: Protocol, text: string): OpenStream {
  const begun = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<string>();
  const fail = (error: Error): void => {
    begun.reject(error);
    ended.reject(error);
  };
  const headers = { "content-type": "application/json" };
  const sent = request(url + protocol.path, { method: "POST", agent: false, headers }, (answer) => {
    let body = "";
    answer.setEncoding("utf8");
    answer.on("data", (chunk: string) => {
      body += chunk;
      if (body.includes("begun")) begun.resolve();
    });
    answer.on("end", () => {
      begun.reject(new Error(`it ended before its first word: ${answer.statusCode} ${body}`));
      ended.resolve(body);
    });
    answer.on("error", fail);
  });
  sent.on("error", fail);
  sent.end(JSON.stringify(protocol.body(text)));
  ended.promise.catch(() => {});
  return { protocol, begun: begun.promise, ended: ended.promise };
}

test(`${count} open streams through SIGTERM: each ends whole or with a typed error, exit code 0 [R2-061] [R2-088]`, async () => {
  await using stage = await startStage({ environment: { DRAIN_TIMEOUT_MS: "10000", STALL_TIMEOUT_MS: "60000" } });
  const names = Array.from({ length: count }, (_, index) => `stream-${index}-`);
  const mayEnd = names.filter((_, index) => index % 2 === 0);
  const chunks = ["begun", " and", " ended"];
  await stage.emulator.script(
    ...names.map((name) =>
      mayEnd.includes(name)
        ? { match: name, gate: name, reply: { chunks } }
        : { match: name, reply: { chunks, faults: [{ kind: "stall" as const, after: 2 }] } },
    ),
  );
  for (const name of mayEnd) await stage.emulator.release(name, 2);
  const streams = names.map((name, index) => open(stage.gateway.url, protocols[index % protocols.length]!, name));
  await Promise.all(streams.map(({ begun }) => begun));
  const health: unknown = await (await stage.get("/health")).json();
  stage.gateway.kill("SIGTERM");
  await stage.gateway.line((line) => line.includes("Stopping"));
  await Promise.all(mayEnd.map((name) => stage.emulator.release(name, "all")));
  const endings = await Promise.all(streams.map(async ({ protocol, ended }) => protocol.read(await ended)));

  expect(health).toMatchObject({ openReplies: count });
  const odd = endings.filter(
    ({ text, isWhole, error }) =>
      !(isWhole && text === whole && error === undefined) && !(!isWhole && text === "begun" && error !== undefined),
  );
  expect(odd).toEqual([]);
  expect(endings.filter(({ isWhole }) => isWhole)).toHaveLength(mayEnd.length);
  for (const { error } of endings) if (error !== undefined) expect(error).toContain("shutting down");
  expect(await stage.gateway.exited).toBe(0);
  // Nobody generates for those who were sent away.
  await eventually(
    async () =>
      (await stage.emulator.turns()).every(({ record }) => record.endedAtMs !== undefined) ? true : undefined,
    () => "the end of all generations",
  );
});
