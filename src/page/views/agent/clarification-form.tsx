// The agent wants to know something first: it is answered where it is asked.

import { useRef } from "preact/hooks";

export interface ClarificationFormProps {
  readonly question: string;
  /** Nothing has been said since. */
  readonly canAnswer: boolean;
  readonly isBusy: boolean;
  readonly onAnswer: (answer: string) => void;
}

export function ClarificationForm({ question, canAnswer, isBusy, onAnswer }: ClarificationFormProps) {
  const field = useRef<HTMLInputElement>(null);
  return (
    <form
      class="asked"
      aria-label="The agent asks"
      onSubmit={(event) => {
        event.preventDefault();
        const answer = field.current?.value.trim() ?? "";
        if (answer !== "" && !isBusy) onAnswer(answer);
      }}
    >
      <p class="asked-words" dir="auto">
        {question}
      </p>
      {canAnswer && (
        <div class="row">
          <input ref={field} class="field" aria-label="Your answer" dir="auto" enterkeyhint="send" />
          <button type="submit" class="primary" disabled={isBusy}>
            Answer
          </button>
        </div>
      )}
    </form>
  );
}
