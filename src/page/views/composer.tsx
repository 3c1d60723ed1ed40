// Where the next message is written: words, files, sending, stopping.

import type { Ref } from "preact";
import { useEffect, useImperativeHandle, useRef, useState } from "preact/hooks";
import { attachFiles } from "../attach-files.ts";
import type { Draft } from "../conversation/conversation.ts";
import type { Memory } from "../memory.ts";
import { IconButton } from "./icons.tsx";
import { isComposing } from "./is-composing.ts";
import { Microphone } from "./microphone.tsx";
import { Attachments } from "./question.tsx";

const mostRows = 10;

export interface ComposerHandle {
  focus(): void;
}

export interface ComposerProps {
  readonly handle: Ref<ComposerHandle>;
  readonly memory: Memory;
  /** That writes down what is said; undefined: there is no microphone. */
  readonly speechModel: string | undefined;
  readonly isAnswering: boolean;
  readonly onSend: (draft: Draft) => void;
  readonly onStop: () => void;
}

export function Composer({ handle, memory, speechModel, isAnswering, onSend, onStop }: ComposerProps) {
  const [text, setText] = useState(memory.readDraft);
  const [attachments, setAttachments] = useState(memory.readAttachments);
  const [refusals, setRefusals] = useState<readonly string[]>([]);
  const [trouble, setTrouble] = useState<string>();
  const field = useRef<HTMLTextAreaElement>(null);
  const picker = useRef<HTMLInputElement>(null);
  useImperativeHandle(handle, () => ({ focus: () => field.current?.focus() }), []);
  useEffect(() => memory.saveAttachments(attachments), [attachments]);
  useDroppedFiles((files) => void attach(files));

  function write(value: string): void {
    setText(value);
    memory.saveDraft(value);
  }

  async function attach(files: readonly File[]): Promise<void> {
    const attached = await attachFiles(files, attachments);
    setAttachments((before) => [...before, ...attached.attachments]);
    setRefusals(attached.refusals);
    field.current?.focus();
  }

  const canSend = text.trim() !== "" && !isAnswering;
  function send(): void {
    if (!canSend) return;
    onSend({ text: text.trim(), attachments });
    write("");
    setAttachments([]);
    setRefusals([]);
    field.current?.focus();
  }

  return (
    <form
      class="composer"
      aria-label="New message"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      {attachments.length > 0 && (
        <Attachments
          attachments={attachments}
          onRemove={(removed) => setAttachments(attachments.filter((attachment) => attachment !== removed))}
        />
      )}
      {refusals.length > 0 && (
        <p class="notice" role="alert">
          {refusals.join(". ")}
        </p>
      )}
      {trouble !== undefined && (
        <p class="notice" role="alert">
          {trouble}
        </p>
      )}
      <div class="composer-box">
        <IconButton icon="clip" label="Attach files" onClick={() => picker.current?.click()} />
        <input
          ref={picker}
          type="file"
          multiple
          hidden
          onChange={(event) => {
            void attach([...(event.currentTarget.files ?? [])]);
            // The same file can be chosen again.
            event.currentTarget.value = "";
          }}
        />
        <textarea
          ref={field}
          // Browsers that fit a field to its text pass this over.
          rows={Math.min(text.split("\n").length, mostRows)}
          dir="auto"
          enterkeyhint="send"
          class="words"
          aria-label="Message"
          placeholder="Ask something"
          value={text}
          onInput={(event) => write(event.currentTarget.value)}
          onPaste={(event) => {
            const files = [...(event.clipboardData?.files ?? [])];
            if (files.length === 0) return;
            event.preventDefault();
            void attach(files);
          }}
          onKeyDown={(event) => {
            if (event.key !== "Enter" || event.shiftKey || isComposing(event)) return;
            event.preventDefault();
            send();
          }}
        />
        {speechModel !== undefined && (
          <Microphone model={speechModel} memory={memory} field={field} write={write} onTrouble={setTrouble} />
        )}
        {isAnswering ? (
          <IconButton icon="stop" label="Stop the answer (Escape)" class="primary" onClick={onStop} />
        ) : (
          <IconButton icon="send" label="Send (Enter)" class="primary" disabled={!canSend} onClick={send} />
        )}
      </div>
    </form>
  );
}

/** Files may be dropped anywhere on the page. */
function useDroppedFiles(take: (files: readonly File[]) => void): void {
  const latest = useRef(take);
  latest.current = take;
  useEffect(() => {
    const allow = (event: DragEvent) => {
      if (event.dataTransfer?.types.includes("Files")) event.preventDefault();
    };
    const drop = (event: DragEvent) => {
      const files = [...(event.dataTransfer?.files ?? [])];
      if (files.length === 0) return;
      event.preventDefault();
      latest.current(files);
    };
    document.addEventListener("dragover", allow);
    document.addEventListener("drop", drop);
    return () => {
      document.removeEventListener("dragover", allow);
      document.removeEventListener("drop", drop);
    };
  }, []);
}
