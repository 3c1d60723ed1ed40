// What is recorded, how long and how much, and what a person is told when it cannot be.

import { describe, expect, test } from "bun:test";
import { type Media, startRecording } from "../../../../src/page/speech/recorder.ts";

/** A browser's recorder that hears what a test says. */
class FakeRecorder {
  static made: FakeRecorder[] = [];
  state = "inactive";
  ondataavailable: ((event: { data: Blob }) => void) | undefined;
  onstop: (() => void) | undefined;
  constructor() {
    FakeRecorder.made.push(this);
  }
  start(): void {
    this.state = "recording";
  }
  stop(): void {
    this.state = "inactive";
    // As browsers do: the rest, and then the end, behind the call.
    queueMicrotask(() => {
      this.hear("rest");
      this.onstop?.();
    });
  }
  hear(text: string): void {
    this.ondataavailable?.({ data: new Blob([text], { type: "audio/ogg; codecs=opus" }) });
  }
}

function createMedia(getUserMedia?: () => Promise<never>) {
  const track = {
    isStopped: false,
    stop() {
      track.isStopped = true;
    },
  };
  const stream = { getTracks: () => [track] };
  // Casts: of the browser's classes only what is used.
  const media = {
    devices: { getUserMedia: getUserMedia ?? (async () => stream) },
    Recorder: FakeRecorder,
  } as unknown as Media;
  return { media, track, recorder: () => FakeRecorder.made.at(-1)! };
}

const ignored = () => {};

describe("startRecording", () => {
  test("gives all that was said until it is stopped, and lets the microphone go", async () => {
    const { media, track, recorder } = createMedia();
    let isFull = false;
    const seconds: number[] = [];
    const onFull = () => {
      isFull = true;
    };
    const recording = await startRecording({ media, onFull, onSecond: () => seconds.push(1) });
    recorder().hear("one ");

    const said = await recording.stop();

    expect(await said.text()).toBe("one rest");
    expect([said.type, track.isStopped, isFull]).toEqual(["audio/ogg; codecs=opus", true, false]);
    expect(seconds).toEqual([1]);
  });

  test("lets the microphone go when it is discarded", async () => {
    const { media, track } = createMedia();
    const recording = await startRecording({ media, onFull: ignored, onSecond: ignored });

    recording.discard();

    expect(track.isStopped).toBe(true);
  });

  test("ends by itself at its size, and keeps what was said", async () => {
    const { media, track, recorder } = createMedia();
    const full = Promise.withResolvers<void>();
    const recording = await startRecording({ media, maxBytes: 10, onFull: full.resolve, onSecond: ignored });
    recorder().hear("0123456789");
    expect(track.isStopped).toBe(false);

    recorder().hear("x");
    await full.promise;

    expect(track.isStopped).toBe(true);
    expect(await (await recording.stop()).text()).toBe("0123456789xrest");
  });

  test("ends by itself at its time", async () => {
    const { media, track } = createMedia();
    const full = Promise.withResolvers<void>();
    await startRecording({ media, maxMs: 1, onFull: full.resolve, onSecond: ignored });

    await full.promise;

    expect(track.isStopped).toBe(true);
  });

  test.each([
    ["NotAllowedError", "does not let this page use the microphone"],
    ["NotFoundError", "There is no microphone"],
    ["NotReadableError", "another program may have it"],
    ["AbortError", "The microphone cannot be used."],
  ])("tells of %s in words", async (name, words) => {
    const { media } = createMedia(() => Promise.reject(Object.assign(new Error("x"), { name })));

    await expect(startRecording({ media, onFull: ignored, onSecond: ignored })).rejects.toThrow(words);
  });

  test("says what to do where the browser has no microphones for a page that is not encrypted", async () => {
    const media: Media = { devices: undefined, Recorder: undefined };

    await expect(startRecording({ media, onFull: ignored, onSecond: ignored })).rejects.toThrow("Open it by https");
  });
});
