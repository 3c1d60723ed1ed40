// How a stream ends from outside: the caller, the idle clock, the clock of the whole; and that nothing is left behind.

import { describe, expect, test } from "bun:test";
import { type SSEError, type SSEOptions, streamSSE } from "../../../src/client/client.ts";
import { type Answers, createEar, frame, ManualTimers, openStream, scriptedFetch, settle, streamOf } from "./stage.ts";

const url = "http://gateway.test/api/chat/stream";

function begin(answers: Answers, options: SSEOptions = {}) {
  const timers = new ManualTimers();
  const ear = createEar();
  const { fetch, asked } = scriptedFetch(...answers);
  const controller = new AbortController();
  const outcome = streamSSE(url, { message: "Hello" }, ear.callbacks, controller.signal, {
    fetch,
    timers,
    ...options,
  }).then(
    () => undefined,
    (error: SSEError) => error,
  );
  return { ...ear, timers, asked, outcome, controller };
}

describe("the idle clock", () => {
  test("gives a silent server 60 s for its head, and is not an abort [R3-031] [R3-051] [R3-082]", async () => {
    const { timers, outcome, asked, named } = begin(["silence"]);
    await timers.advance(59_999);
    expect(asked[0]?.signal?.aborted).toBe(false);
    await timers.advance(1);

    const error = await outcome;

    expect([error?.code, error?.message]).toEqual(["timeout", "Request timed out. Please try again."]);
    expect(named("error")).toEqual([error]);
    expect(asked[0]?.signal?.aborted).toBe(true);
    expect(asked).toHaveLength(1);
  });

  test("runs anew with the head", async () => {
    const answer = openStream();
    let respond: (response: Response) => void = () => {};
    const timers = new ManualTimers();
    const fetch = () => new Promise<Response>((resolve) => (respond = resolve));
    const stream = streamSSE(url, {}, {}, undefined, { fetch, timers, timeout: 1000 });
    await timers.advance(900);
    respond(answer.response);
    await timers.advance(900);
    answer.push(frame("[DONE]"));

    await stream;
  });

  test("runs anew with each byte, comments included [R3-081] [R3-015]", async () => {
    const answer = openStream();
    const { timers, outcome, heard } = begin([answer.response], { timeout: 1000 });
    for (const piece of [frame({ token: "a" }), ": keepalive\n\n", frame({ token: "b" }), "data"]) {
      await timers.advance(900);
      answer.push(piece);
    }
    await timers.advance(900);
    answer.push(': {"token":"c"}\n\ndata: [DONE]\n\n');

    expect(await outcome).toBeUndefined();
    expect(timers.nowMs).toBeGreaterThan(3000);
    expect(heard).toEqual([["token", "a"], ["token", "b"], ["token", "c"], ["complete"]]);
  });

  test("ends a stream that falls silent, and frees its body [R3-045] [R3-051]", async () => {
    const answer = openStream();
    const { timers, outcome } = begin([answer.response], { timeout: 1000 });
    answer.push(frame({ token: "a" }));
    await timers.advance(1000);

    expect((await outcome)?.code).toBe("timeout");
    expect(answer.isCancelled()).toBe(true);
    expect(answer.response.body?.locked).toBe(false);
    expect(timers.pending).toBe(0);
  });

  test("is off with 0", async () => {
    const answer = openStream();
    const { timers, outcome } = begin([answer.response], { timeout: 0 });
    await timers.advance(10_000_000);
    answer.push(frame("[DONE]"));

    expect(await outcome).toBeUndefined();
    expect(timers.delays).toEqual([]);
  });

  test("also runs while the body of a refusal is read", async () => {
    const refusal = openStream();
    const { timers, outcome } = begin([() => new Response(refusal.stream, { status: 400 })]);
    await timers.advance(60_000);

    expect((await outcome)?.code).toBe("timeout");
  });
});

describe("the clock of the whole", () => {
  test("is off, and ends a stream that is alive when it is on [R3-031] [R3-081]", async () => {
    const answer = openStream();
    const { timers, outcome, named } = begin([answer.response], { timeout: 1000, totalTimeout: 2500 });
    for (const token of ["a", "b", "c"]) {
      answer.push(frame({ token }));
      await timers.advance(800);
    }
    await timers.advance(100);

    const error = await outcome;

    expect([error?.code, error?.message]).toEqual(["timeout", "Request timed out. Please try again."]);
    expect(named("token")).toEqual(["a", "b", "c"]);
    expect(timers.pending).toBe(0);
  });

  test("counts the waits between attempts, and ends them", async () => {
    const { timers, outcome, asked } = begin([new TypeError("refused")], { totalTimeout: 2000 });
    await timers.advance(2000);

    expect((await outcome)?.code).toBe("timeout");
    expect(asked).toHaveLength(2);
  });
});

describe("an abort", () => {
  test("ends the request, once, without an error for the user [R3-048] [R3-065]", async () => {
    const { controller, outcome, asked, heard, timers } = begin(["silence"]);
    await settle();
    controller.abort();

    expect((await outcome)?.code).toBe("aborted");
    expect(asked[0]?.signal?.aborted).toBe(true);
    expect(asked).toHaveLength(1);
    expect(heard).toEqual([]);
    expect(timers.pending).toBe(0);
  });

  test("before the call sends nothing", async () => {
    const { fetch, asked } = scriptedFetch(streamOf(frame("[DONE]")));
    const stopped = streamSSE(url, {}, {}, AbortSignal.abort(), { fetch });

    expect(await stopped.catch((error: SSEError) => error.code)).toBe("aborted");
    expect(asked).toHaveLength(0);
  });

  test("in the middle of a chunk ends the deliveries there", async () => {
    const ear = createEar();
    const controller = new AbortController();
    const { fetch } = scriptedFetch(streamOf(frame({ token: "a" }) + frame({ token: "b" }), frame({ token: "c" })));
    const onToken = (token: string) => {
      ear.callbacks.onToken?.(token);
      controller.abort();
    };

    const stopped = streamSSE(url, {}, { ...ear.callbacks, onToken }, controller.signal, { fetch });

    expect(await stopped.catch((error: SSEError) => error.code)).toBe("aborted");
    expect(ear.heard).toEqual([["token", "a"]]);
  });

  test("by AbortSignal.timeout is a timeout [R3-082]", async () => {
    const controller = new AbortController();
    const { fetch } = scriptedFetch("silence");
    const stopped = streamSSE(url, {}, {}, controller.signal, { fetch });
    controller.abort(new DOMException("too slow", "TimeoutError"));

    expect(await stopped.catch((error: SSEError) => error.code)).toBe("timeout");
  });

  test("cancels an answer that comes too late", async () => {
    const answer = openStream();
    let respond: (response: Response) => void = () => {};
    const fetch = () => new Promise<Response>((resolve) => (respond = resolve));
    const controller = new AbortController();
    const stopped = streamSSE(url, {}, {}, controller.signal, { fetch }).catch((error: SSEError) => error.code);
    await settle();
    controller.abort();
    expect(await stopped).toBe("aborted");

    respond(answer.response);
    await settle();

    expect(answer.isCancelled()).toBe(true);
  });

  test("is seen by a real server [R3-056]", async () => {
    const closed = Promise.withResolvers<void>();
    await using server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch(request) {
        request.signal.addEventListener("abort", () => closed.resolve());
        const answer = openStream();
        answer.push(frame({ token: "a" }));
        return answer.response;
      },
    });
    const controller = new AbortController();

    await streamSSE(server.url, {}, { onToken: () => controller.abort() }, controller.signal).catch(() => {});

    await closed.promise;
  });
});

describe("the reader and the timers are free", () => {
  test("after success [R3-045]", async () => {
    const answer = streamOf(frame({ token: "a" }), frame("[DONE]"));
    const { outcome, timers } = begin([answer]);

    expect(await outcome).toBeUndefined();
    expect(answer.body?.locked).toBe(false);
    expect(timers.pending).toBe(0);
  });

  test("after an error, told or not [R3-045]", async () => {
    const told = streamOf(frame({ error: "No" }));
    const first = begin([told]);
    expect((await first.outcome)?.code).toBe("server");
    const broken = openStream();
    const second = begin([broken.response], { maxRetries: 1 });
    await settle();
    broken.drop();
    expect((await second.outcome)?.code).toBe("network");

    expect([told.body?.locked, broken.response.body?.locked]).toEqual([false, false]);
    expect([first.timers.pending, second.timers.pending]).toEqual([0, 0]);
  });

  test("after an abort, and the caller's signal is let go [R3-045]", async () => {
    const answer = openStream();
    const { outcome, timers, controller } = begin([answer.response]);
    await settle();
    controller.abort();

    expect((await outcome)?.code).toBe("aborted");
    expect(answer.response.body?.locked).toBe(false);
    expect(answer.isCancelled()).toBe(true);
    expect(timers.pending).toBe(0);
  });

  test("and a signal that outlives many streams keeps none of them [R3-045]", async () => {
    const { signal } = new AbortController();
    let listeners = 0;
    const [add, remove] = [signal.addEventListener.bind(signal), signal.removeEventListener.bind(signal)];
    signal.addEventListener = (...given: Parameters<typeof add>) => {
      listeners += 1;
      add(...given);
    };
    signal.removeEventListener = (...given: Parameters<typeof remove>) => {
      listeners -= 1;
      remove(...given);
    };
    const { fetch } = scriptedFetch(() => streamOf(frame("[DONE]")));

    for (let turn = 0; turn < 10; turn += 1) await streamSSE(url, {}, {}, signal, { fetch });

    expect(listeners).toBe(0);
  });
});
