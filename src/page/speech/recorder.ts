// Records what is said, as long and as much as is sensible. Loaded when somebody first wants to speak.

export interface Recording {
  /** Resolves with what was said until then. */
  stop(): Promise<Blob>;
  /** Keeps nothing. */
  discard(): void;
}

/** What of the browser is needed: its types by what is used of them. */
export interface Media {
  readonly devices: { getUserMedia(wanted: { readonly audio: true }): Promise<Sound> } | undefined;
  readonly Recorder: (new (sound: never) => Recorder) | undefined;
}

interface Sound {
  getTracks(): readonly { stop(): void }[];
}

interface Recorder {
  readonly state: string;
  ondataavailable: ((event: never) => void) | null;
  onstop: ((event: never) => void) | null;
  start(pieceMs: number): void;
  stop(): void;
}

export interface RecordingOptions {
  readonly media: Media;
  /** @defaultValue 5 minutes */
  readonly maxMs?: number;
  /** @defaultValue 20 MiB */
  readonly maxBytes?: number;
  /** Another second of it is there. */
  onSecond(): void;
  /** It is as long as it may be, or the microphone is gone: it records no more. */
  onFull(): void;
}

/** For the person who wants to speak. */
export class SpeechError extends Error {
  override readonly name = "SpeechError";
}

export const longestMs = 5 * 60_000;
const mostBytes = 20 * 1024 * 1024;
const pieceMs = 1000;

const reasons: Readonly<Record<string, string>> = {
  NotAllowedError:
    "The browser does not let this page use the microphone. Allow it beside the address of the page, then try again.",
  NotFoundError: "There is no microphone. Connect one, then try again.",
  NotReadableError: "The microphone cannot be used now: another program may have it.",
};

/** @throws {SpeechError} by rejecting */
export async function startRecording(options: RecordingOptions): Promise<Recording> {
  const { devices, Recorder } = options.media;
  if (devices === undefined || Recorder === undefined)
    throw new SpeechError(
      "This browser lets no page record here. Open it by https, or on the gateway's own machine by its address 127.0.0.1.",
    );
  const stream = await devices.getUserMedia({ audio: true }).catch((error: unknown) => {
    const name = error instanceof Error ? error.name : "";
    throw new SpeechError(reasons[name] ?? "The microphone cannot be used.", { cause: error });
  });
  // A cast: it takes what the same browser's devices give.
  const recorder = new Recorder(stream as never);
  const pieces: Blob[] = [];
  let size = 0;
  const ended = Promise.withResolvers<void>();
  const timer = setTimeout(() => end(), options.maxMs ?? longestMs);
  let isWanted = true;

  function end(): void {
    clearTimeout(timer);
    if (recorder.state !== "inactive") recorder.stop();
    // The browser shows that the microphone is used for as long as one of them lives.
    for (const track of stream.getTracks()) track.stop();
  }

  recorder.ondataavailable = ({ data }: { readonly data: Blob }) => {
    pieces.push(data);
    size += data.size;
    if (isWanted && data.size > 0) options.onSecond();
    if (size > (options.maxBytes ?? mostBytes)) end();
  };
  recorder.onstop = () => {
    end();
    ended.resolve();
    if (isWanted) options.onFull();
  };
  recorder.start(pieceMs);

  return {
    async stop() {
      isWanted = false;
      end();
      await ended.promise;
      // Of the pieces: Firefox's recorder has none any more when it has ended.
      return new Blob(pieces, { type: pieces[0]?.type ?? "" });
    },
    discard() {
      isWanted = false;
      end();
      pieces.length = 0;
    },
  };
}
