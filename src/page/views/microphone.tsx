// The button to speak in place of typing: what was said comes into the field at its caret.

import type { RefObject } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Memory } from "../memory.ts";
import { insertWords } from "../speech/insert-words.ts";
import type { Recording } from "../speech/recorder.ts";
import { IconButton } from "./icons.tsx";
import { isComposing } from "./is-composing.ts";

export interface MicrophoneProps {
  /** That writes it down. */
  readonly model: string;
  readonly memory: Pick<Memory, "readKey">;
  readonly field: RefObject<HTMLTextAreaElement | null>;
  readonly write: (value: string) => void;
  /** What did not work, for a person; undefined: it works again. */
  readonly onTrouble: (trouble: string | undefined) => void;
}

type Step = "idle" | "asking" | "recording" | "writing";

const labels: Readonly<Record<Step, string>> = {
  idle: "Speak",
  asking: "Waiting for the microphone (Escape)",
  recording: "Write down what you said",
  writing: "Stop writing it down (Escape)",
};
const said: Readonly<Record<Step, string>> = {
  idle: "",
  asking: "The browser asks whether this page may use the microphone",
  recording: "Recording. Press the button once more to have it written down, Escape to discard it",
  writing: "Writing down what you said",
};

export function Microphone({ model, memory, field, write, onTrouble }: MicrophoneProps) {
  const [step, setStep] = useState<Step>("idle");
  const [news, setNews] = useState("");
  const [seconds, setSeconds] = useState(0);
  /** Of what runs; aborted: nothing comes of it any more. */
  const running = useRef<AbortController | undefined>(undefined);
  const recording = useRef<Recording | undefined>(undefined);
  const finishing = useRef<(() => void) | undefined>(undefined);

  function go(next: Step): void {
    setStep(next);
    setNews(said[next]);
  }

  function discard(): void {
    running.current?.abort();
    recording.current?.discard();
    recording.current = undefined;
    go("idle");
  }
  useEffect(
    () => () => {
      running.current?.abort();
      recording.current?.discard();
    },
    [],
  );
  useDiscardKey(step !== "idle", () => {
    discard();
    setNews("Discarded");
  });

  function fail(error: unknown, { signal }: AbortController): void {
    if (signal.aborted) return;
    go("idle");
    onTrouble(error instanceof Error ? error.message : "This did not work.");
  }

  async function begin(): Promise<void> {
    const own = new AbortController();
    running.current = own;
    onTrouble(undefined);
    setSeconds(0);
    go("asking");
    try {
      const { startRecording, longestMs } = await import("../speech/recorder.ts");
      const media = {
        // Where a page is neither local nor encrypted there is none, whatever the types say.
        devices: navigator.mediaDevices as MediaDevices | undefined,
        Recorder: globalThis.MediaRecorder as typeof MediaRecorder | undefined,
      };
      const started = await startRecording({
        media,
        onSecond: () => setSeconds((before) => before + 1),
        onFull() {
          if (own.signal.aborted) return;
          onTrouble(`The recording has ended: it may last ${longestMs / 60_000} minutes.`);
          finishing.current?.();
        },
      });
      if (own.signal.aborted) return started.discard();
      recording.current = started;
      go("recording");
    } catch (error) {
      fail(error, own);
    }
  }

  async function finish(): Promise<void> {
    const own = running.current;
    const spoken = recording.current;
    if (own === undefined || spoken === undefined) return;
    recording.current = undefined;
    go("writing");
    try {
      const { transcribe } = await import("../gateway/transcribe.ts");
      const sound = await spoken.stop();
      const words = sound.size === 0 ? "" : await transcribe(sound, model, memory.readKey(), own.signal);
      if (own.signal.aborted) return;
      go("idle");
      if (words === "") onTrouble("Nothing was heard. Try again, a little closer to the microphone.");
      else put(words);
    } catch (error) {
      fail(error, own);
    }
  }
  finishing.current = () => void finish();

  function put(words: string): void {
    const element = field.current;
    if (element === null) return;
    const written = insertWords(element.value, element.selectionStart, element.selectionEnd, words);
    // By hand first: what is drawn anew with the value that stands there already leaves the caret where it is.
    element.value = written.value;
    element.focus();
    element.setSelectionRange(written.caret, written.caret);
    write(written.value);
    setNews(`Written: ${words}`);
  }

  function press(): void {
    if (step === "idle") void begin();
    else if (step === "recording") void finish();
    else discard();
  }

  return (
    <>
      <IconButton
        icon={step === "idle" || step === "asking" ? "microphone" : step === "recording" ? "check" : "close"}
        label={labels[step]}
        class={step === "recording" ? "quiet is-recording" : "quiet"}
        onClick={press}
      />
      {step === "recording" && (
        // Told to eyes alone: a voice each second would be recorded, too.
        <span class="spoken-time faint" aria-hidden="true">
          {Math.floor(seconds / 60)}:{String(seconds % 60).padStart(2, "0")}
        </span>
      )}
      <span class="unseen" role="status">
        {news}
      </span>
    </>
  );
}

/** Escape, before anybody else who listens for it. */
function useDiscardKey(isActive: boolean, act: () => void): void {
  const latest = useRef(act);
  latest.current = act;
  useEffect(() => {
    if (!isActive) return;
    const listen = (event: KeyboardEvent) => {
      if (event.key !== "Escape" || isComposing(event)) return;
      event.preventDefault();
      latest.current();
    };
    document.addEventListener("keydown", listen, true);
    return () => document.removeEventListener("keydown", listen, true);
  }, [isActive]);
}
