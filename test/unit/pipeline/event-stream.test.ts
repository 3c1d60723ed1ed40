// Any source as a stream of frames: the same table for a chat, for progress and for a plain feed of texts [R3-002].

import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../src/contract/gateway-error.ts";
import { createEventStream } from "../../../src/pipeline/event-stream.ts";
import { runPipeline } from "../../../src/pipeline/run-pipeline.ts";
import { definePipeline } from "../../../src/pipeline/step.ts";
import { parseFrames } from "../../support/sse-frames.ts";

type Told = object | string;

/** What a test sees of a source, and how it holds it up. */
class Script {
  /** How often the source went on. */
  asks = 0;
  isLeft = false;
  /** Before each event; undefined: at once. */
  gate: Promise<unknown> | undefined;
  failure: unknown;
  readonly events: readonly Told[];

  constructor(events: readonly Told[]) {
    this.events = events;
  }

  async *tell(): AsyncGenerator<never, void> {
    try {
      for (const event of this.events) {
        this.asks++;
        await this.gate;
        // As the producer's own kind of event: the table does not look into it.
        yield event as never;
      }
      if (this.failure !== undefined) throw this.failure;
    } finally {
      this.isLeft = true;
    }
  }
}

interface Producer {
  readonly name: string;
  readonly events: readonly Told[];
  open(script: Script): AsyncIterable<Told>;
}

const producers: readonly Producer[] = [
  {
    name: "a chat",
    events: [{ stage: "generation" }, { token: "两个月 🗓" }, { token: " as agreed" }, { quality_score: 0.8 }],
    open: (script) =>
      runPipeline(definePipeline([{ name: "generation", run: () => script.tell() }]), { message: "What?" }),
  },
  {
    name: "progress",
    events: [{ stage: "reading" }, { progress: 0.25 }, { progress: 1 }, { document: { id: "d1", name: "ä.txt" } }],
    open: (script) => script.tell(),
  },
  {
    name: "a plain feed",
    events: ["up", "load 0.25", "load 0.5 – höher", "down"],
    // No generator: an iterator of somebody's own.
    open: (script) => ({
      [Symbol.asyncIterator]() {
        const inner = script.tell();
        return {
          next: () => inner.next(),
          return: () => {
            script.isLeft = true;
            return inner.return();
          },
        };
      },
    }),
  },
];

function dataOf(event: Told): string {
  return typeof event === "string" ? event : JSON.stringify(event);
}

/** Lets everything run that waits for nothing outside. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
}

const decoder = new TextDecoder();

async function readText(reader: { read(): Promise<{ value?: Uint8Array | undefined }> }): Promise<string | undefined> {
  const { value } = await reader.read();
  return value && decoder.decode(value);
}

describe.each(producers)("createEventStream of $name [R3-002]", ({ events, open }) => {
  test("each event is one numbered frame, and the end mark comes last [R3-008, R3-010, R3-011]", async () => {
    const body = await new Response(createEventStream(open(new Script(events)))).text();

    const frames = [...events.map(dataOf), "[DONE]"];
    expect(body).toBe(`: keepalive\n\n${frames.map((data, index) => `id: ${index + 1}\ndata: ${data}\n\n`).join("")}`);
  });

  test("events go out as they come, not at the end [R3-012]", async () => {
    const script = new Script(events);
    const gates = events.map(() => Promise.withResolvers<void>());
    script.gate = gates[0]!.promise;
    const reader = createEventStream(open(script)).getReader();
    await readText(reader);

    for (const [index, event] of events.entries()) {
      const read = readText(reader);
      script.gate = gates[index + 1]?.promise;
      gates[index]!.resolve();
      expect(await read).toContain(dataOf(event));
    }
    expect(await readText(reader)).toContain("[DONE]");
  });

  test("a failure is an error in the stream, and says nothing of the inside [R3-013, R3-014, R3-084]", async () => {
    const script = new Script(events);
    script.failure = new Error("connect ECONNREFUSED 10.0.0.7:5432 password=secret-1");

    const body = await new Response(createEventStream(open(script))).text();

    const frames = parseFrames(body).map(({ data }) => data);
    expect(frames.slice(0, -1)).toEqual(events.map(dataOf));
    expect(JSON.parse(frames.at(-1)!)).toEqual({ error: expect.stringContaining("failed to handle this request") });
    expect(body).not.toMatch(/secret-1|10\.0\.0\.7|\.ts:\d|\bat /);
  });

  test("a failure that may be read is told in its own words", async () => {
    const script = new Script(events);
    script.failure = new GatewayError("rate-limited", "Too many requests: wait 3 s");

    const body = await new Response(createEventStream(open(script))).text();

    expect(parseFrames(body).at(-1)?.data).toBe('{"error":"Too many requests: wait 3 s"}');
  });

  test("the source is not asked while the reader has no room [R3-002]", async () => {
    const script = new Script(events);
    const reader = createEventStream(open(script)).getReader();
    await settle();
    expect(script.asks).toBe(1);

    await readText(reader);
    await settle();

    expect(script.asks).toBe(2);
    await reader.cancel();
  });

  test("a reader that hangs up ends the source", async () => {
    const script = new Script(events);
    const reader = createEventStream(open(script)).getReader();
    await readText(reader);
    await readText(reader);

    await reader.cancel();
    await settle();

    expect(script.isLeft).toBe(true);
    expect(script.asks).toBeLessThanOrEqual(3);
  });

  test("silence is filled with comments, and the event behind it is not lost [R3-015]", async () => {
    const script = new Script(events);
    const gate = Promise.withResolvers<void>();
    script.gate = gate.promise;
    const reader = createEventStream(open(script), { keepAliveMs: 2 }).getReader();

    expect(await readText(reader)).toBe(": keepalive\n\n");
    expect(await readText(reader)).toBe(": keepalive\n\n");
    expect(await readText(reader)).toBe(": keepalive\n\n");
    expect(script.asks).toBe(1);
    gate.resolve();

    let rest = "";
    for (let text = await readText(reader); text !== undefined; text = await readText(reader)) rest += text;
    expect(parseFrames(rest).map(({ data }) => data)).toEqual([...events.map(dataOf), "[DONE]"]);
    expect(rest).toContain(`id: 1\ndata: ${dataOf(events[0]!)}\n\n`);
  });

  test("silence without end is not filled with anything [R3-015]", async () => {
    const script = new Script(events);
    const gate = Promise.withResolvers<void>();
    script.gate = gate.promise;
    const reader = createEventStream(open(script), { keepAliveMs: Number.POSITIVE_INFINITY }).getReader();
    expect(await readText(reader)).toBe(": keepalive\n\n");

    const next = readText(reader);
    await Promise.race([next, Bun.sleep(10)]);
    gate.resolve();

    expect(await next).toBe(`id: 1\ndata: ${dataOf(events[0]!)}\n\n`);
    await reader.cancel();
  });

  test("its signal ends it without an end mark, also in the midst of silence", async () => {
    const script = new Script(events);
    script.gate = new Promise(() => {});
    const stopping = new AbortController();
    const body = new Response(createEventStream(open(script), { signal: stopping.signal })).text();
    await settle();

    stopping.abort();

    expect(await body).toBe(": keepalive\n\n");
  });

  test("a signal that is aborted while nobody reads ends it with what was said", async () => {
    const script = new Script(events);
    const stopping = new AbortController();
    const stream = createEventStream(open(script), { signal: stopping.signal });
    await settle();

    stopping.abort();
    await settle();

    expect(script.isLeft).toBe(true);
    expect(await new Response(stream).text()).toBe(`: keepalive\n\nid: 1\ndata: ${dataOf(events[0]!)}\n\n`);
    expect(script.asks).toBe(1);
  });

  test("a signal that is aborted already opens nothing", async () => {
    const script = new Script(events);

    const body = await new Response(createEventStream(open(script), { signal: AbortSignal.abort() })).text();

    expect(body).toBe(": keepalive\n\n");
    expect(script.asks).toBe(0);
  });
});

describe("createEventStream", () => {
  async function* telling(...events: readonly Told[]): AsyncGenerator<Told> {
    yield* events;
  }

  test("the words for a failure are the user's to choose", async () => {
    const source = {
      [Symbol.asyncIterator]: () => ({ next: () => Promise.reject<never>(new Error("row 7")) }),
    };

    const body = await new Response(createEventStream(source, { describeError: (error) => `Sorry: ${error}` })).text();

    expect(parseFrames(body).map(({ data }) => data)).toEqual(['{"error":"Sorry: Error: row 7"}']);
  });

  test("an event that is no JSON is a failure of its source, which is left [R3-014]", async () => {
    let isLeft = false;
    const circle: Record<string, unknown> = {};
    circle["self"] = circle;
    const source = (async function* () {
      try {
        yield { a: 1 };
        yield circle;
        yield { never: true };
      } finally {
        isLeft = true;
      }
    })();

    const body = await new Response(createEventStream(source)).text();

    expect(body).toMatch(/^: keepalive\n\nid: 1\ndata: \{"a":1\}\n\nid: 2\ndata: \{"error":"[^"]+"\}\n\n$/);
    expect(isLeft).toBe(true);
  });

  test("text with line ends cannot forge a frame [R3-008]", async () => {
    const body = await new Response(createEventStream(telling("one\n\nid: 7\ndata: [DONE]", "two"))).text();

    expect(parseFrames(body).map(({ data }) => data)).toEqual(["one\n\nid: 7\ndata: [DONE]", "two", "[DONE]"]);
  });

  test("a source that has nothing to say ends at once", async () => {
    expect(await new Response(createEventStream(telling())).text()).toBe(": keepalive\n\nid: 1\ndata: [DONE]\n\n");
  });

  test("a source without `return`, or with one that throws, does no harm", async () => {
    let asks = 0;
    const bare = {
      async next() {
        asks++;
        return { value: "a", done: false as const };
      },
    };
    const throwing = {
      ...bare,
      return(): never {
        throw new Error("no");
      },
    };
    const sync = { ...bare, return: () => ({ value: undefined, done: true }) as never };
    for (const iterator of [bare, throwing, sync]) {
      const reader = createEventStream({ [Symbol.asyncIterator]: () => iterator }).getReader();
      await reader.read();
      await reader.cancel();

      const stopping = new AbortController();
      const stream = createEventStream({ [Symbol.asyncIterator]: () => iterator }, { signal: stopping.signal });
      await settle();
      asks = 0;
      stopping.abort();
      expect(await new Response(stream).text()).toBe(": keepalive\n\nid: 1\ndata: a\n\n");
      expect(asks).toBe(0);
    }
  });

  test("a source that fails after its reader has left troubles nobody", async () => {
    const gate = Promise.withResolvers<void>();
    const source = (async function* (): AsyncGenerator<object> {
      await gate.promise;
      yield {};
    })();
    const reader = createEventStream(source).getReader();
    await reader.read();
    await settle();
    await reader.cancel();

    gate.reject(new Error("too late"));

    await settle();
  });

  test("a signal that outlives many streams keeps none of them", async () => {
    const stopping = new AbortController();
    let listeners = 0;
    const { signal } = stopping;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...given: Parameters<typeof add>) => {
      listeners++;
      add(...given);
    };
    signal.removeEventListener = (...given: Parameters<typeof remove>) => {
      listeners--;
      remove(...given);
    };

    await new Response(createEventStream(telling("a", "b"), { signal })).text();
    const reader = createEventStream(telling("a", "b"), { signal }).getReader();
    await reader.read();
    await reader.cancel();
    await settle();

    expect(listeners).toBe(0);
  });
});
