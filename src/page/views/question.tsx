// A message of the user: its words and files, and editing it, which begins a branch.

import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Draft } from "../conversation/conversation.ts";
import type { Attachment, Message } from "../conversation/message.ts";
import { CopyButton } from "./copy-button.tsx";
import { Icon, IconButton } from "./icons.tsx";
import { isComposing } from "./is-composing.ts";
import { Siblings } from "./siblings.tsx";
import { whenDrawn } from "./when-drawn.ts";

export interface QuestionProps {
  readonly message: Message;
  readonly index: number;
  readonly count: number;
  /** An answer is underway: nothing can be asked. */
  readonly isBusy: boolean;
  readonly onWalk: (messageId: string, step: -1 | 1) => void;
  readonly onEdit: (messageId: string, draft: Draft) => void;
}

export function Question({ message, index, count, isBusy, onWalk, onEdit }: QuestionProps) {
  const [isEditing, setEditing] = useState(false);
  const actions = useRef<HTMLDivElement>(null);
  const wasEditing = useRef(false);
  useLayoutEffect(() => {
    // Back to the button that began it.
    if (wasEditing.current && !isEditing) actions.current?.querySelector<HTMLElement>("button:last-of-type")?.focus();
    wasEditing.current = isEditing;
  }, [isEditing]);

  if (isEditing) {
    return (
      <Editor
        message={message}
        onCancel={() => setEditing(false)}
        onDone={(draft) => {
          setEditing(false);
          onEdit(message.id, draft);
        }}
      />
    );
  }
  return (
    <article id={`message-${message.id}`} class="message question" aria-label="You">
      {message.attachments.length > 0 && <Attachments attachments={message.attachments} />}
      <div class="bubble" dir="auto">
        {message.content}
      </div>
      <div ref={actions} class="actions">
        <Siblings noun="Wording" index={index} count={count} onStep={(step) => onWalk(message.id, step)} />
        <CopyButton label="Copy the message" text={message.content} />
        <IconButton
          icon="pencil"
          label="Edit the message, as a new branch"
          disabled={isBusy}
          onClick={() => setEditing(true)}
        />
      </div>
    </article>
  );
}

export function Attachments({
  attachments,
  onRemove,
}: {
  readonly attachments: readonly Attachment[];
  readonly onRemove?: (attachment: Attachment) => void;
}) {
  return (
    <ul class="attachments" aria-label="Files">
      {attachments.map((attachment, index) => (
        // Two files may bear one name.
        <li key={`${index}-${attachment.name}`} class="attachment">
          {attachment.url?.startsWith("data:image/") ? <img src={attachment.url} alt="" /> : <Icon name="clip" />}
          <span class="ellipsis">{attachment.name}</span>
          {onRemove !== undefined && (
            <IconButton icon="close" label={`Remove ${attachment.name}`} onClick={() => onRemove(attachment)} />
          )}
        </li>
      ))}
    </ul>
  );
}

interface EditorProps {
  readonly message: Message;
  readonly onCancel: () => void;
  readonly onDone: (draft: Draft) => void;
}

function Editor({ message, onCancel, onDone }: EditorProps) {
  const field = useRef<HTMLTextAreaElement>(null);
  useLayoutEffect(() => {
    field.current?.focus();
    field.current?.setSelectionRange(message.content.length, message.content.length);
    // It is larger than what it replaces: whoever stood at the end would be moved away from it.
    whenDrawn(() => field.current?.scrollIntoView({ block: "nearest" }));
  }, []);
  function done(): void {
    const text = field.current?.value.trim() ?? "";
    if (text !== "") onDone({ text, attachments: message.attachments });
  }

  return (
    <form
      class="message editor"
      aria-label="Edit the message"
      onSubmit={(event) => {
        event.preventDefault();
        done();
      }}
    >
      <textarea
        ref={field}
        class="field"
        aria-label="New wording"
        defaultValue={message.content}
        onKeyDown={(event) => {
          if (isComposing(event)) return;
          if (event.key === "Escape") {
            event.preventDefault();
            onCancel();
          }
          if (event.key === "Enter" && !event.shiftKey) {
            event.preventDefault();
            done();
          }
        }}
      />
      {message.attachments.length > 0 && <p class="faint">Its files come along.</p>}
      <div class="row end">
        <button type="button" class="secondary" onClick={onCancel}>
          Cancel
        </button>
        <button type="submit" class="primary">
          Send as a new branch
        </button>
      </div>
    </form>
  );
}
