import { describe, expect, test } from "bun:test";
import { createFetchClient } from "../../../src/outbound/fetch-client.ts";
import { readText } from "../../../src/outbound/http-client.ts";
import { createRequestSlots, slotsForReplies } from "../../../src/outbound/request-slots.ts";

const signal = new AbortController().signal;
const get = { method: "GET", url: "http://upstream.test/", headers: {}, signal } as const;

describe("createRequestSlots", () => {
  test("createRequestSlots gives as many as there are, and each back once", () => {
    const slots = createRequestSlots(2);
    const release = slots.take();
    slots.take();
    expect(() => slots.take()).toThrow("2 requests to Qwen");
    release();
    release();

    expect(slots.inFlight).toBe(1);
  });

  test("slotsForReplies leaves a quarter, at most 16, and at least one reply", () => {
    expect([1, 3, 4, 8, 64, 256, 65_336].map(slotsForReplies)).toEqual([1, 3, 3, 6, 48, 240, 65_320]);
  });
});

describe("createFetchClient with slots", () => {
  test("a request holds its slot until its body has been read", async () => {
    const slots = createRequestSlots(4);
    const client = createFetchClient(async () => new Response("text"), slots);
    const response = await client.send(get);
    expect(slots.inFlight).toBe(1);
    await readText(response.body, 100, signal);

    expect(slots.inFlight).toBe(0);
  });

  test("a request gives its slot back when it fails, has no body, breaks off, or is given up", async () => {
    const slots = createRequestSlots(4);
    const failing = createFetchClient(async () => Promise.reject(new Error("refused")), slots);
    await expect(failing.send(get)).rejects.toThrow("Cannot reach");
    expect(slots.inFlight).toBe(0);
    await createFetchClient(async () => new Response(null), slots).send(get);
    expect(slots.inFlight).toBe(0);
    const breaking = new ReadableStream<Uint8Array>({ pull: (controller) => controller.error(new Error("reset")) });
    const broken = await createFetchClient(async () => new Response(breaking), slots).send(get);
    await expect(readText(broken.body, 100, signal)).rejects.toThrow("Cannot read");
    expect(slots.inFlight).toBe(0);
    const endless = new ReadableStream<Uint8Array>({ pull: (controller) => controller.enqueue(new Uint8Array(1)) });
    const long = await createFetchClient(async () => new Response(endless), slots).send(get);
    expect(slots.inFlight).toBe(1);
    long.body.cancel();
    expect(slots.inFlight).toBe(0);
  });

  test("a request without a slot is refused and not sent", async () => {
    const slots = createRequestSlots(1);
    slots.take();
    let sent = 0;
    const client = createFetchClient(async () => {
      sent++;
      return new Response();
    }, slots);

    await expect(client.send(get)).rejects.toMatchObject({ kind: "overloaded", retryable: true });
    expect(sent).toBe(0);
  });
});
