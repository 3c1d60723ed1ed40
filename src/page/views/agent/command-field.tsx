// Where a command is written.

import type { Ref } from "preact";
import { useImperativeHandle, useRef, useState } from "preact/hooks";
import { roomLeft } from "../../agent/query.ts";
import type { Memory } from "../../memory.ts";
import { IconButton } from "../icons.tsx";
import { isComposing } from "../is-composing.ts";
import { Microphone } from "../microphone.tsx";

const mostRows = 6;

export interface CommandFieldHandle {
  focus(): void;
  /** Puts words into it that a person may change. */
  write(text: string): void;
}

export interface CommandFieldProps {
  readonly handle: Ref<CommandFieldHandle>;
  readonly memory: Pick<Memory, "readCommand" | "saveCommand" | "readKey">;
  /** That writes down what is said; undefined: there is no microphone. */
  readonly speechModel: string | undefined;
  readonly isWorking: boolean;
  readonly isStopping: boolean;
  readonly onRun: (query: string) => void;
  readonly onStop: () => void;
}

export function CommandField({ handle, memory, speechModel, isWorking, isStopping, onRun, onStop }: CommandFieldProps) {
  const [text, setText] = useState(memory.readCommand);
  const [trouble, setTrouble] = useState<string>();
  const field = useRef<HTMLTextAreaElement>(null);
  const room = roomLeft(text);
  const isTooLong = room !== undefined && room < 0;
  const canRun = text.trim() !== "" && !isTooLong && !isWorking;

  function write(value: string): void {
    setText(value);
    memory.saveCommand(value);
  }
  useImperativeHandle(handle, () => ({ focus: () => field.current?.focus(), write }), []);

  function run(): void {
    if (!canRun) return;
    onRun(text);
    write("");
    field.current?.focus();
  }

  return (
    <form
      class="composer"
      aria-label="New command"
      onSubmit={(event) => {
        event.preventDefault();
        run();
      }}
    >
      {trouble !== undefined && (
        <p class="notice" role="alert">
          {trouble}
        </p>
      )}
      <div class="composer-box">
        <textarea
          ref={field}
          // Browsers that fit a field to its text pass this over.
          rows={Math.min(text.split("\n").length, mostRows)}
          dir="auto"
          enterkeyhint="go"
          class="words"
          aria-label="Command"
          aria-invalid={isTooLong}
          aria-describedby={room === undefined ? undefined : "command-room"}
          placeholder="What should be done?"
          value={text}
          onInput={(event) => write(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key !== "Enter" || event.shiftKey || isComposing(event)) return;
            event.preventDefault();
            run();
          }}
        />
        {speechModel !== undefined && (
          <Microphone model={speechModel} memory={memory} field={field} write={write} onTrouble={setTrouble} />
        )}
        {isWorking ? (
          <IconButton icon="stop" label="Stop (Escape)" class="primary" disabled={isStopping} onClick={onStop} />
        ) : (
          <IconButton icon="send" label="Run (Enter)" class="primary" disabled={!canRun} onClick={run} />
        )}
      </div>
      {room !== undefined && (
        <p id="command-room" class={isTooLong ? "room is-over" : "room faint"} role={isTooLong ? "alert" : undefined}>
          {isTooLong ? `${-room} characters too many: a command may have 500` : `${room} characters left`}
        </p>
      )}
    </form>
  );
}
