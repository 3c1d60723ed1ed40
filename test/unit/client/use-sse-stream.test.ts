// The hook in a real React DOM: what starts, what ends, and what stays the same.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { useSSEStream } from "../../../src/client/react.ts";
import { startChatServer, streamId } from "./chat-server.ts";
import { openDocument } from "./react-stage.ts";
import { createEar, dropped, frame, hastyTimers, openStream, scriptedFetch, settle, streamOf } from "./stage.ts";

let page: Awaited<ReturnType<typeof openDocument>>;
beforeAll(async () => {
  page = await openDocument();
});
afterAll(() => page.close());

describe("useSSEStream", () => {
  test("returns startStream and stopStream, the same at every render [R3-054] [R3-058]", async () => {
    const hook = await page.renderHook(useSSEStream, { maxRetries: 1 });
    const first = hook.result.current;
    await hook.rerender({ maxRetries: 2 });

    expect(hook.renders()).toBe(2);
    expect(hook.result.current).toBe(first);
    expect(hook.result.current.startStream).toBe(first.startStream);
    expect(hook.result.current.stopStream).toBe(first.stopStream);
  });

  test("streams, with the options of the latest render [R3-054]", async () => {
    const { fetch, asked } = scriptedFetch(streamOf(frame({ token: "Hi" }), frame("[DONE]")));
    const hook = await page.renderHook(useSSEStream, {});
    await hook.rerender({ fetch, headers: { authorization: "Bearer key" } });
    const ear = createEar();

    await hook.result.current.startStream("/stream", { message: "Hello" }, ear.callbacks);

    expect(ear.heard).toEqual([["token", "Hi"], ["complete"]]);
    expect(asked[0]?.body).toEqual({ message: "Hello" });
    expect(asked[0]?.headers.get("authorization")).toBe("Bearer key");
  });

  test("ends the former stream with the next one, without an error [R3-055] [R3-057]", async () => {
    const former = openStream();
    const { fetch, asked } = scriptedFetch(former.response, streamOf(frame({ token: "b" }), frame("[DONE]")));
    const hook = await page.renderHook(useSSEStream, { fetch });
    const [one, other] = [createEar(), createEar()];
    const first = hook.result.current.startStream("/stream", {}, one.callbacks);
    former.push(frame({ token: "a" }));
    await settle();

    await hook.result.current.startStream("/stream", {}, other.callbacks);
    await first;

    expect(asked[0]?.signal?.aborted).toBe(true);
    expect(former.isCancelled()).toBe(true);
    expect(one.heard).toEqual([["token", "a"]]);
    expect(other.heard).toEqual([["token", "b"], ["complete"]]);
  });

  test("stops the newest one on demand, also when the former has just ended [R3-055] [R3-056]", async () => {
    const [former, latter] = [openStream(), openStream()];
    const { fetch } = scriptedFetch(former.response, latter.response);
    const hook = await page.renderHook(useSSEStream, { fetch });
    const first = hook.result.current.startStream("/stream", {}, {});
    await settle();
    const second = hook.result.current.startStream("/stream", {}, {});
    await first;
    await settle();

    hook.result.current.stopStream();
    await second;

    expect([former.isCancelled(), latter.isCancelled()]).toEqual([true, true]);
  });

  test("stops on demand, which is no error and which the server sees [R3-056] [R3-057] [R3-065]", async () => {
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
    const hook = await page.renderHook(useSSEStream, {});
    const ear = createEar();
    const stream = hook.result.current.startStream(server.url, {}, ear.callbacks);
    await ear.until(1);

    hook.result.current.stopStream();
    hook.result.current.stopStream();
    await stream;

    await closed.promise;
    expect(ear.heard).toEqual([["token", "a"]]);
  });

  test("tells onError of everything else, once, and does not reject [R3-057]", async () => {
    const { fetch } = scriptedFetch(dropped());
    const hook = await page.renderHook(useSSEStream, { fetch, maxRetries: 1 });
    const ear = createEar();

    await hook.result.current.startStream("/stream", {}, ear.callbacks);

    expect(ear.heard).toEqual([["error", expect.objectContaining({ code: "network" })]]);
  });

  test("rejects with what a callback throws: nobody else would hear of it", async () => {
    const { fetch } = scriptedFetch(streamOf(frame({ token: "a" })));
    const hook = await page.renderHook(useSSEStream, { fetch });
    const onToken = () => {
      throw new RangeError("bug");
    };

    expect(hook.result.current.startStream("/stream", {}, { onToken })).rejects.toThrow("bug");
  });

  test("ends with its component", async () => {
    const answer = openStream();
    const { fetch } = scriptedFetch(answer.response);
    const hook = await page.renderHook(useSSEStream, { fetch });
    const ear = createEar();
    const stream = hook.result.current.startStream("/stream", {}, ear.callbacks);
    await settle();

    await hook.unmount();
    await stream;

    expect(answer.isCancelled()).toBe(true);
    expect(ear.heard).toEqual([]);
  });

  test("works in strict mode, which mounts twice", async () => {
    const { fetch } = scriptedFetch(streamOf(frame({ token: "a" }), frame("[DONE]")));
    const hook = await page.renderHook(useSSEStream, { fetch }, { isStrict: true });
    const ear = createEar();

    await hook.result.current.startStream("/stream", {}, ear.callbacks);

    expect(ear.heard).toEqual([["token", "a"], ["complete"]]);
  });

  test("reads an earlier stream, from its beginning or behind an event", async () => {
    await using server = await startChatServer([{ token: "a" }, { token: "b" }]);
    const hook = await page.renderHook(useSSEStream, { timers: hastyTimers });
    const [whole, rest] = [createEar(), createEar()];

    await hook.result.current.resumeStream(server.url, streamId, whole.callbacks);
    await hook.result.current.resumeStream(server.url, streamId, rest.callbacks, "1");

    expect(whole.named("token")).toEqual(["a", "b"]);
    expect(rest.named("token")).toEqual(["b"]);
  });
});
