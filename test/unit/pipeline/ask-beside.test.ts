// A question beside the conversation: its text, its limit, and nothing left of it.

import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../src/contract/gateway-error.ts";
import type { Surface } from "../../../src/contract/surface.ts";
import type { ComposedExchange } from "../../../src/gateway/exchange-request.ts";
import { type Asker, askBeside } from "../../../src/pipeline/ask-beside.ts";

const question = { system: "Be brief.", prompt: "What?", maxTokens: 7, timeoutMs: 60_000 };

function askerOf(answer: (surface: Surface, composed: ComposedExchange) => Promise<Response>, signal?: AbortSignal) {
  const composed: ComposedExchange[] = [];
  const forgotten: string[] = [];
  const asker: Asker = {
    gateway: {
      converse(surface, given) {
        composed.push(given);
        return answer(surface, given);
      },
      async forget(caller, sessionId) {
        forgotten.push(`${caller}/${sessionId}`);
      },
    },
    caller: "c",
    requestId: "r1",
    request: { model: "m", upstream: "u1" },
    signal: signal ?? new AbortController().signal,
  };
  return { asker, composed, forgotten };
}

const saying =
  (text: unknown) =>
  async (surface: Surface, { request }: ComposedExchange) =>
    Response.json(surface.encodeReply(request, { text } as never));

/** Until it is told to stop. */
function silence(_surface: Surface, { signal }: ComposedExchange): Promise<Response> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason));
  });
}

describe("askBeside", () => {
  test("gives the model's words, asked of the conversation's model in a session of its own", async () => {
    const { asker, composed, forgotten } = askerOf(saying("Two months."));

    expect(await askBeside(question, asker)).toBe("Two months.");

    const [{ request, hints, upstream, caller } = {} as ComposedExchange] = composed;
    expect({ upstream, caller, model: request.model, stream: request.stream }).toEqual({
      upstream: "u1",
      caller: "c",
      model: "m",
      stream: false,
    });
    expect(request).toMatchObject({ maxTokens: 7, reasoning: { enabled: false }, webSearch: false, tools: [] });
    expect(request.messages.map(({ role }) => role)).toEqual(["system", "user"]);
    expect(forgotten).toEqual([`c/${hints.sessionId}`]);
  });

  test("an answer without text is none", async () => {
    expect(await askBeside(question, askerOf(async () => Response.json([])).asker)).toBe("");
    expect(await askBeside(question, askerOf(saying(7)).asker)).toBe("");
  });

  test("passes a refusal on, and forgets the session all the same", async () => {
    const refusal = new GatewayError("rate-limited", "Too many");
    const { asker, forgotten } = askerOf(() => Promise.reject(refusal));

    await expect(askBeside(question, asker)).rejects.toBe(refusal);
    expect(forgotten).toHaveLength(1);
  });

  test("ends at its limit, in words of its own", async () => {
    const { asker, forgotten } = askerOf(silence);

    await expect(askBeside({ ...question, timeoutMs: 5 }, asker)).rejects.toMatchObject({
      kind: "upstream-timeout",
      message: "The model took longer than 5 ms",
    });
    expect(forgotten).toHaveLength(1);
  });

  test("ends with the answer that it is for", async () => {
    const leaving = new AbortController();
    const { asker, forgotten } = askerOf(silence, leaving.signal);
    const asked = askBeside(question, asker);

    leaving.abort(new Error("left"));

    await expect(asked).rejects.toThrow("left");
    expect(forgotten).toHaveLength(1);
  });
});
