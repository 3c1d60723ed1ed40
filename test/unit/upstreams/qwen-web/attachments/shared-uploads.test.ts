// Uploads that several messages use: who waits for whom, how long they serve, and who ends them.

import { describe, expect, test } from "bun:test";
import { createSharedUploads } from "../../../../../src/upstreams/qwen-web/attachments/shared-uploads.ts";
import type { QwenFile } from "../../../../../src/wire/qwen-web.ts";

/** Of a file only its id, its item and its address count here. */
const fileOf = (id: string, url = "https://storage.example/a?x-oss-expires=300"): QwenFile =>
  ({ id, url, itemId: `item of ${id}` }) as QwenFile;

function createStage() {
  let nowMs = 0;
  const started: { signal: AbortSignal; done: PromiseWithResolvers<QwenFile> }[] = [];
  const uploads = createSharedUploads(() => nowMs);
  return {
    uploads,
    started,
    pass(ms: number) {
      nowMs += ms;
    },
    take(key: string, signal: AbortSignal = new AbortController().signal) {
      return uploads.take(key, signal, (leaving) => {
        const done = Promise.withResolvers<QwenFile>();
        started.push({ signal: leaving, done });
        return done.promise;
      });
    },
  };
}

describe("createSharedUploads", () => {
  test("lets all who ask at the same time wait for one upload, and those after it use the same", async () => {
    const stage = createStage();
    const both = [stage.take("a"), stage.take("a")];
    expect(stage.started).toHaveLength(1);
    stage.started[0]?.done.resolve(fileOf("1"));

    expect((await Promise.all(both)).map(({ file, isReused }) => [file.id, isReused])).toEqual([
      ["1", false],
      ["1", false],
    ]);
    const later = await stage.take("a");
    expect(later).toMatchObject({ isReused: true, file: { id: "1" } });
    expect(later.file.itemId).not.toBe("item of 1");
    expect(stage.started).toHaveLength(1);
  });

  test("uploads again when the address can soon be read no more, or the file is forgotten", async () => {
    const stage = createStage();
    const first = stage.take("a");
    stage.started[0]?.done.resolve(fileOf("1"));
    await first;
    stage.pass(239_000);
    expect((await stage.take("a")).isReused).toBe(true);
    stage.pass(2000);
    const second = stage.take("a");
    expect(stage.started).toHaveLength(2);
    stage.started[1]?.done.resolve(fileOf("2"));
    await second;
    stage.uploads.forget("a");
    void stage.take("a");
    expect(stage.started).toHaveLength(3);
  });

  test("goes on for those who stay, and ends with the last who leaves", async () => {
    const stage = createStage();
    const [one, two] = [new AbortController(), new AbortController()];
    const first = stage.take("a", one.signal);
    const second = stage.take("a", two.signal);
    one.abort(new Error("one left"));
    await expect(first).rejects.toThrow("one left");
    expect(stage.started[0]?.signal.aborted).toBe(false);
    two.abort(new Error("two left"));
    await expect(second).rejects.toThrow("two left");
    expect(stage.started[0]?.signal.aborted).toBe(true);

    void stage.take("a");
    expect(stage.started).toHaveLength(2);
  });

  test("tells a failure to all who wait, and keeps nothing of it", async () => {
    const stage = createStage();
    const both = Promise.allSettled([stage.take("a"), stage.take("a")]);
    stage.started[0]?.done.reject(new Error("refused"));
    expect((await both).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    void stage.take("a");
    expect(stage.started).toHaveLength(2);
  });
});
