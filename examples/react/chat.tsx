// A chat over the gateway's typed stream, as a component: question, sources, words as they come, stop, another try. It wants
// React 18 or 19 and a page of the gateway's own origin, or CORS_ORIGIN.

import { type FormEvent, useState } from "react";
import { useChat } from "qwen-gateway/react";

export interface ChatProps {
  /** @defaultValue the page's own origin */
  readonly url?: string;
}

export function Chat({ url = "/api/chat/stream" }: ChatProps) {
  const { messages, status, error, send, stop, retry } = useChat({ url });
  const [text, setText] = useState("");
  const isBusy = status === "streaming" || status === "reconnecting";

  function submit(event: FormEvent): void {
    event.preventDefault();
    if (text.trim() === "" || isBusy) return;
    void send(text);
    setText("");
  }

  return (
    <main>
      {messages.map((message) => (
        <article key={message.id} data-role={message.role}>
          {message.sources.map((source) => (
            <cite key={source.chunk_id}>{source.document_name}</cite>
          ))}
          <p>{message.content}</p>
        </article>
      ))}
      {error !== undefined && (
        <p role="alert">
          {error.message}{" "}
          <button type="button" onClick={() => void retry()}>
            Try again
          </button>
        </p>
      )}
      <form onSubmit={submit}>
        <input aria-label="Message" value={text} onChange={(event) => setText(event.currentTarget.value)} />
        {isBusy ? (
          <button type="button" onClick={() => void stop()}>
            Stop
          </button>
        ) : (
          <button type="submit">Send</button>
        )}
      </form>
    </main>
  );
}
