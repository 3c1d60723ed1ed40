// When a failed attempt is repeated, after how long, and when it is not.

import { describe, expect, test } from "bun:test";
import { connectSSE, type SSEOptions, streamSSE } from "../../../src/client/client.ts";
import { type Answers, createEar, dropped, frame, ManualTimers, openStream, scriptedFetch, settle } from "./stage.ts";
import { outcomeOf, question, url, whole } from "./stream-stage.ts";

describe("streamSSE asks again", () => {
  function begin(answers: Answers, options: SSEOptions = {}) {
    const timers = new ManualTimers();
    const ear = createEar();
    const { fetch, asked } = scriptedFetch(...answers);
    const outcome = outcomeOf(streamSSE(url, question, ear.callbacks, undefined, { fetch, timers, ...options }));
    return { ...ear, timers, asked, outcome };
  }

  test("never when it went well [R3-046]", async () => {
    const { asked, outcome, timers } = begin([whole()]);

    expect(await outcome).toBeUndefined();
    await timers.advance(100_000);
    expect(asked).toHaveLength(1);
  });

  test("after 1000 and 2000 ms, three times in all, and fails with the last error [R3-031] [R3-047] [R3-050]", async () => {
    const { asked, outcome, timers, named, names } = begin([
      dropped(),
      dropped(),
      () => new Response('{"message":"Last"}', { status: 503 }),
    ]);
    await timers.advance(999);
    expect(asked).toHaveLength(1);
    await timers.advance(1);
    expect(asked).toHaveLength(2);
    await timers.advance(1999);
    expect(asked).toHaveLength(2);
    await timers.advance(1);
    expect(asked).toHaveLength(3);

    const error = await outcome;

    expect([error?.code, error?.message]).toEqual(["http", "Last"]);
    expect(names()).toEqual(["reconnect", "reconnect", "error"]);
    expect(named("error")).toEqual([error]);
    await timers.advance(100_000);
    expect(asked).toHaveLength(3);
  });

  test("and delivers what the second attempt brings [R3-070]", async () => {
    const { outcome, timers, heard } = begin([dropped(), whole()]);
    await timers.advance(1000);

    expect(await outcome).toBeUndefined();
    expect(heard.slice(1)).toEqual([["token", "Hi"], ["complete"]]);
  });

  test("with five attempts and 1000 ms, as for bad networks [R3-074]", async () => {
    const { asked, outcome, timers } = begin([dropped()], { maxRetries: 5, retryDelay: 1000 });
    await timers.advance(1000 + 2000 + 4000 + 8000);

    expect((await outcome)?.code).toBe("network");
    expect(asked).toHaveLength(5);
  });

  test("after as long as the server asks for, and not when it says that it is useless", async () => {
    const busy = (headers: Record<string, string>) => () => new Response("", { status: 429, headers });
    const patient = begin([busy({ "retry-after": "7" }), whole()]);
    await patient.timers.advance(6999);
    expect(patient.asked).toHaveLength(1);
    await patient.timers.advance(1);
    expect(await patient.outcome).toBeUndefined();

    const useless = begin([busy({ "x-should-retry": "false" })]);
    expect((await useless.outcome)?.status).toBe(429);
    expect(useless.asked).toHaveLength(1);
  });

  test.each([
    [500, 3],
    [599, 3],
    [429, 3],
    [408, 3],
    [425, 3],
    [499, 1],
    [409, 1],
    [404, 1],
  ])("or not, by the status: %d is asked for %d times [R3-047] [R3-050]", async (status, times) => {
    const { asked, outcome, timers } = begin([() => new Response("", { status })]);
    await timers.advance(100_000);

    expect((await outcome)?.status).toBe(status);
    expect(asked).toHaveLength(times);
  });

  test("not for a refusal", async () => {
    const { asked, outcome } = begin([new Response("", { status: 401 })]);

    expect((await outcome)?.status).toBe(401);
    expect(asked).toHaveLength(1);
  });

  test("not when something was delivered: it would be delivered twice [R3-077]", async () => {
    const answer = openStream();
    const { asked, outcome, timers, heard } = begin([answer.response, whole()]);
    answer.push(frame({ token: "a" }) + frame({ token: "b" }) + frame({ token: "c" }));
    await settle();
    answer.drop();
    await timers.advance(100_000);

    const error = await outcome;

    expect([error?.code, error?.message]).toEqual(["network", "Network error. Please check your connection."]);
    expect(heard).toEqual([
      ["token", "a"],
      ["token", "b"],
      ["token", "c"],
      ["error", error],
    ]);
    expect(asked).toHaveLength(1);
  });

  test("not when whoever fetches says that it was aborted [R3-049]", async () => {
    const { asked, outcome, timers, heard } = begin([new DOMException("gone", "AbortError") as Error, whole()]);
    await timers.advance(100_000);

    expect((await outcome)?.code).toBe("aborted");
    expect(asked).toHaveLength(1);
    expect(heard).toEqual([]);
  });

  test("only when the caller still wants it: an abort ends the wait [R3-048] [R3-065]", async () => {
    const timers = new ManualTimers();
    const ear = createEar();
    const { fetch, asked } = scriptedFetch(dropped(), whole());
    const controller = new AbortController();
    const outcome = outcomeOf(streamSSE(url, question, ear.callbacks, controller.signal, { fetch, timers }));
    await timers.advance(500);
    controller.abort();

    const error = await outcome;

    expect([error?.code, error?.name]).toEqual(["aborted", "AbortError"]);
    expect(ear.names()).toEqual(["reconnect"]);
    expect(timers.pending).toBe(0);
    await timers.advance(100_000);
    expect(asked).toHaveLength(1);
  });

  test("never for connectSSE [R3-053]", async () => {
    const { fetch, asked } = scriptedFetch(dropped());

    expect((await outcomeOf(connectSSE(url, question, {}, undefined, { fetch })))?.code).toBe("network");
    expect(asked).toHaveLength(1);
  });
});
