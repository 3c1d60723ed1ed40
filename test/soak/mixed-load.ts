// Traffic of every kind, without a pause: each client asks what can be answered in one way alone, reads it as its protocol's
// own package does, and takes away again what it left in the gateway.

import { join } from "node:path";
import type { EmulatorProcess } from "../support/emulator-process.ts";
import { readAgentFrames } from "../support/agent-gateway.ts";
import type { ClientAnswer } from "../support/surface/client-answer.ts";
import { readMessages } from "../support/surface/anthropic-reader.ts";
import { readChat, readCompletion, readResponses } from "../support/surface/openai-readers.ts";
import { readTyped } from "../http/typed-client.ts";

export interface MixedLoadOptions {
  /** Of the gateway. It may change. */
  readonly url: () => string;
  /** Sent with each request, such as the agent's token. */
  readonly headers: Readonly<Record<string, string>>;
  readonly parallel: number;
}

export interface MixedLoad {
  /**
   * Goes on until the signal says so, or so many more clients came to their end; what has begun then is finished.
   * @param clients @defaultValue any number
   */
  run(signal: AbortSignal, clients?: number): Promise<void>;
  /** How often each kind of client came to its end. */
  readonly ended: ReadonlyMap<string, number>;
  /** Faults of the upstream that were told as such. */
  readonly told: number;
  /** What was not as it had to be. */
  readonly wrong: readonly string[];
}

/** A tool server with one tool, as a setting of the gateway. */
export const mixedToolServers = {
  notes: {
    command: process.execPath,
    args: [
      join(import.meta.dir, "../support/fake-mcp.ts"),
      JSON.stringify({ tools: [{ name: "read_note", annotations: { readOnlyHint: true }, text: "Milk" }] }),
    ],
  },
};

/** What the emulator does to a message that holds these words. */
const faults = {
  "broken off": { kind: "drop", after: 3 },
  "ended early": { kind: "end", after: 3 },
  "refused within": { kind: "error", after: 2, code: "internal_error", details: "Something failed" },
  "told as text": { kind: "error-text", after: 2, text: "Something failed" },
  malformed: { kind: "malformed", after: 2 },
  "kept alive": { kind: "keep-alive", after: 1, times: 3 },
  "of an unknown kind": { kind: "unknown-event", after: 1 },
  "done twice": { kind: "done", after: 2 },
} as const;
const faultNames = Object.keys(faults);

const pieces = ["one ", "two ", "three ", "four"];
const wholeText = pieces.join("");
const dawdle = "Take your time";

export async function orderFaults(emulator: EmulatorProcess): Promise<void> {
  await emulator.script(
    ...Object.entries(faults).map(([name, fault]) => ({
      match: `This is ${name}`,
      times: "always" as const,
      reply: { chunks: pieces, faults: [fault] },
    })),
    { match: dawdle, times: "always", reply: { chunks: ["word "], repeat: 60, paceMs: 5 } },
  );
}

export function createMixedLoad({ url, headers, parallel }: MixedLoadOptions): MixedLoad {
  let next = 0;
  const ended = new Map<string, number>();
  const wrong: string[] = [];
  const load = { ended, wrong, told: 0, run };

  const send = (method: string, path: string, body?: object, more: RequestInit = {}): Promise<Response> =>
    fetch(url() + path, {
      method,
      headers: { ...headers, ...(body instanceof FormData ? {} : { "content-type": "application/json" }) },
      ...(body === undefined ? {} : { body: body instanceof FormData ? body : JSON.stringify(body) }),
      ...more,
    });
  const post = (path: string, body: object, more?: RequestInit) => send("POST", path, body, more);
  const forget = async (path: string): Promise<void> => {
    const { status } = await send("DELETE", path);
    expectEqual(`DELETE ${path}`, status, 200);
  };

  /** Three turns of one conversation, every one of which has to be answered by its own words. */
  async function converse(
    ask: (history: readonly object[], stream: boolean, session: string) => Promise<ClientAnswer>,
  ): Promise<void> {
    const session = `soak-${next++}`;
    const history: object[] = [];
    for (let turn = 0; turn < 3; turn++) {
      const words = `words number ${next++}`;
      history.push({ role: "user", content: `Say "${words}"` });
      const { text, finish, error } = await ask(history, turn !== 1, session);
      expectEqual("an answer", { text, finish, error }, { text: words, finish: "stop", error: undefined });
      history.push({ role: "assistant", content: text });
    }
    await forget(`/v1/sessions/${session}`);
  }

  const kinds: Readonly<Record<string, () => Promise<void>>> = {
    "chat completions": () =>
      converse(async (messages, stream, session) =>
        readChat(await post("/v1/chat/completions", { messages, stream, prompt_cache_key: session }), stream),
      ),
    messages: () =>
      converse(async (messages, stream, session) =>
        readMessages(
          await post("/v1/messages", { messages, stream, max_tokens: 100 }, withHeader("x-session-id", session)),
          stream,
        ),
      ),
    async completions() {
      const words = `words number ${next++}`;
      const stream = next % 2 === 0;
      const session = `soak-${next++}`;
      const body = { prompt: `Say "${words}"`, stream };
      const answer = await readCompletion(
        await post("/v1/completions", body, withHeader("x-session-id", session)),
        stream,
      );
      expectEqual("a completion", answer.text, words);
      await forget(`/v1/sessions/${session}`);
    },
    async tools() {
      const session = `soak-${next++}`;
      const city = `City${next++}`;
      const tools = [
        {
          type: "function",
          function: { name: "get_weather", parameters: { type: "object", properties: { city: {} } } },
        },
      ];
      const messages: object[] = [{ role: "user", content: `Call get_weather with city=${city}` }];
      const ask = async (stream: boolean) =>
        readChat(await post("/v1/chat/completions", { messages, tools, stream, prompt_cache_key: session }), stream);
      const { calls } = await ask(true);
      expectEqual("calls of tools", calls, [{ name: "get_weather", input: { city } }]);
      const call = {
        id: "call_1",
        type: "function",
        function: { name: "get_weather", arguments: JSON.stringify({ city }) },
      };
      messages.push({ role: "assistant", tool_calls: [call] });
      messages.push({ role: "tool", tool_call_id: "call_1", content: `Sun in ${city}` });
      expectEqual("an answer behind a call", (await ask(false)).text, `get_weather says: Sun in ${city}`);
      await forget(`/v1/sessions/${session}`);
    },
    async responses() {
      const session = `soak-${next++}`;
      let previous: string | undefined;
      const ids: string[] = [];
      for (const stream of [true, false]) {
        const words = `words number ${next++}`;
        const body = {
          input: `Say "${words}"`,
          stream,
          session_id: session,
          ...(previous && { previous_response_id: previous }),
        };
        const received = await (await post("/v1/responses", body)).text();
        previous = /"id":"(resp_\w+)"/.exec(received)?.[1];
        const type = stream ? "text/event-stream" : "application/json";
        const answer = await readResponses(new Response(received, { headers: { "content-type": type } }), stream);
        expectEqual("a response", answer.text, words);
        const kept = await (await send("GET", `/v1/responses/${previous}`)).text();
        expectEqual("a kept response", kept.includes(words), true);
        ids.push(previous ?? "");
      }
      for (const id of ids) await forget(`/v1/responses/${id}`);
      await forget(`/v1/sessions/${session}`);
    },
    async "typed chat"() {
      const session = `soak-${next++}`;
      const words = `words number ${next++}`;
      const body = { message: `Say "${words}"`, session_id: session, options: { follow_ups: false, quality: false } };
      const { text, isDone, error } = await readTyped(await post("/api/chat/stream", body));
      expectEqual("a typed answer", { text, isDone, error }, { text: words, isDone: true, error: undefined });
      // The gateway's own route, checked elsewhere.
      const { messages } = (await (await send("GET", `/api/chat/sessions/${session}`)).json()) as {
        readonly messages: readonly { readonly content: string }[];
      };
      const contents = messages.map(({ content }) => content);
      expectEqual("messages of a typed chat", contents, [body.message, words]);
      await forget(`/api/chat/sessions/${session}`);
    },
    /** Leaves in the middle, comes back, and finds all of it. */
    async "returning readers"() {
      const session = `soak-${next++}`;
      const leaving = new AbortController();
      const body = {
        message: dawdle,
        session_id: session,
        resumable: true,
        options: { follow_ups: false, quality: false },
      };
      const live = await post("/api/chat/stream", body, { signal: leaving.signal });
      const id = live.headers.get("x-stream-id") ?? "";
      await leaveAfterSome(live, leaving);
      const { text, isDone } = await readTyped(await send("GET", `/api/chat/stream/${id}?last_event_id=0`));
      expectEqual("what a returning reader finds", { text, isDone }, { text: "word ".repeat(60), isDone: true });
      await forget(`/api/chat/sessions/${session}`);
    },
    async agent() {
      const session = `soak-${next++}`;
      const frames = readAgentFrames(
        await (await post("/api/agent/stream", { query: "Call read_note", session_id: session })).text(),
      );
      const told = JSON.stringify(frames);
      expectEqual("a run of the agent", [told.includes("Milk"), frames.at(-1)?.event], [true, "done"]);
    },
    async files() {
      const text = `File number ${next++}`;
      const form = new FormData();
      form.set("purpose", "user_data");
      form.set("file", new File([text], "a.txt"));
      const { id } = (await (await post("/v1/files", form)).json()) as { id: string };
      expectEqual("a file", await (await send("GET", `/v1/files/${id}/content`)).text(), text);
      const words = `words number ${next++}`;
      const session = `soak-${next++}`;
      const content = [
        { type: "file", file: { file_id: id } },
        { type: "text", text: `Say "${words}"` },
      ];
      const body = { messages: [{ role: "user", content }], prompt_cache_key: session };
      const answer = (await readChat(await post("/v1/chat/completions", body), false)).text;
      // The emulator tells what of it arrived.
      expectEqual("an answer to a file", [answer.includes(words), answer.includes("a.txt")], [true, true]);
      await forget(`/v1/files/${id}`);
      await forget(`/v1/sessions/${session}`);
    },
    async "hang-ups"() {
      const leaving = new AbortController();
      const body = { messages: [{ role: "user", content: dawdle }], stream: true };
      const path = next++ % 2 === 0 ? "/v1/chat/completions" : "/v1/messages";
      await leaveAfterSome(await post(path, { ...body, max_tokens: 100 }, { signal: leaving.signal }), leaving);
    },
    async faults() {
      const name = faultNames[next++ % faultNames.length]!;
      const stream = next % 2 === 0;
      const body = { messages: [{ role: "user", content: `This is ${name}` }], stream };
      const answer = await readChat(await post("/v1/chat/completions", body), stream);
      if (answer.error !== undefined) load.told++;
      else expectEqual(`an answer that was ${name}`, answer.text, wholeText);
    },
  };
  const names = Object.keys(kinds);

  async function run(signal: AbortSignal, clients = Number.POSITIVE_INFINITY): Promise<void> {
    let left = clients;
    await Promise.all(
      Array.from({ length: parallel }, async (_, client) => {
        for (let round = client; !signal.aborted && left-- > 0; round++) {
          const name = names[round % names.length]!;
          try {
            await kinds[name]!();
            ended.set(name, (ended.get(name) ?? 0) + 1);
          } catch (error) {
            wrong.push(`${name}: ${error}`);
          }
        }
      }),
    );
  }

  function withHeader(name: string, value: string): RequestInit {
    return { headers: { ...headers, "content-type": "application/json", [name]: value } };
  }
  return load;
}

/** @throws {Error} when the answer is a refusal */
async function leaveAfterSome(response: Response, leaving: AbortController): Promise<void> {
  if (response.status !== 200 || response.body === null) throw new Error(`refused: ${response.status}`);
  const reader = response.body.getReader();
  let seen = "";
  while (!seen.includes("word")) {
    const { done, value } = await reader.read();
    if (done) throw new Error("a stream ended before its reader left");
    seen += Buffer.from(value).toString();
  }
  leaving.abort();
  await reader.cancel().catch(() => {});
}

function expectEqual(what: string, value: unknown, expected: unknown): void {
  if (!Bun.deepEquals(value, expected))
    throw new Error(`${what} is ${JSON.stringify(value)} instead of ${JSON.stringify(expected)}`);
}
