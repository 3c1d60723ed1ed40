// A body whose beginning is looked at first, and that then comes as if nobody had looked.

import { expect, test } from "bun:test";
import type { ByteSink } from "../../../src/contract/byte-source.ts";
import { HeldSource } from "../../../src/outbound/held-source.ts";

function createSource() {
  const calls: string[] = [];
  let sink: ByteSink | undefined;
  return {
    calls,
    sink: () => sink!,
    source: {
      start: (given: ByteSink) => {
        sink = given;
      },
      pause: () => void calls.push("pause"),
      resume: () => void calls.push("resume"),
      cancel: () => void calls.push("cancel"),
    },
  };
}

const bytes = (text: string) => new TextEncoder().encode(text);

function collect(held: HeldSource) {
  const seen: string[] = [];
  held.start({
    chunk: (chunk) => void seen.push(new TextDecoder().decode(chunk)),
    end: () => void seen.push("end"),
    fail: (error) => void seen.push(String(error)),
  });
  return seen;
}

test("HeldSource holds until there is enough, then lets everything through in order", async () => {
  const { source, sink, calls } = createSource();
  const beginning = HeldSource.begin(source, 4);
  sink().chunk(bytes("ab"));
  sink().chunk(bytes("cd"));
  // One that was under way when the source was paused.
  sink().chunk(bytes("e"));
  const held = await beginning;
  expect(new TextDecoder().decode(held.bytes)).toBe("abcde");
  expect([held.isWhole, calls.at(-1)]).toEqual([false, "pause"]);

  const seen = collect(held);
  await Promise.resolve();
  sink().chunk(bytes("f"));
  sink().end();
  expect(seen).toEqual(["ab", "cd", "e", "f", "end"]);
  expect(calls.at(-1)).toBe("resume");
});

test("HeldSource knows a body that is whole already", async () => {
  const { source, sink } = createSource();
  const beginning = HeldSource.begin(source, 100);
  sink().chunk(bytes("ab"));
  sink().end();
  const held = await beginning;

  expect(held.isWhole).toBe(true);
  const seen = collect(held);
  await Promise.resolve();
  expect(seen).toEqual(["ab", "end"]);
});

test("HeldSource throws what fails before there is enough, and passes on what fails later", async () => {
  const early = createSource();
  const beginning = HeldSource.begin(early.source, 100);
  early.sink().fail(new Error("reset"));
  await expect(beginning).rejects.toThrow("reset");

  const late = createSource();
  const begun = HeldSource.begin(late.source, 1);
  late.sink().chunk(bytes("a"));
  const held = await begun;
  late.sink().fail(new Error("reset"));
  const seen = collect(held);
  await Promise.resolve();
  expect(seen).toEqual(["a", "Error: reset"]);
});

test("HeldSource stops where its reader pauses it, and says nothing once it is given up", async () => {
  const { source, sink, calls } = createSource();
  const begun = HeldSource.begin(source, 1);
  sink().chunk(bytes("a"));
  const held = await begun;
  held.pause();
  const seen = collect(held);
  await Promise.resolve();
  sink().chunk(bytes("b"));
  expect(seen).toEqual([]);

  held.resume();
  expect(seen).toEqual(["a", "b"]);
  held.cancel();
  expect(calls.at(-1)).toBe("cancel");
});
