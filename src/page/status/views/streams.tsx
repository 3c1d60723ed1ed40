// The streams that run now, of all callers, and ending one of them: asked once more before, because its reader loses it.

import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { StreamFacts } from "../facts.ts";
import { durationWords, waitWords } from "../words.ts";
import { ScrollBox } from "./scroll-box.tsx";

export interface StreamsProps {
  readonly streams: readonly StreamFacts[];
  readonly ending: ReadonlySet<string>;
  readonly notice: string;
  readonly onEnd: (id: string) => void;
}

export function Streams({ streams, ending, notice, onEnd }: StreamsProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  const body = useRef<HTMLTableSectionElement>(null);
  const [asked, setAsked] = useState<string>();
  const hadFocus = useRef(false);
  // A row that goes takes the focus with it.
  useLayoutEffect(() => {
    if (hadFocus.current && document.activeElement === document.body) heading.current?.focus();
  }, [streams]);

  function noteFocus(): void {
    hadFocus.current = body.current?.contains(document.activeElement) === true;
  }

  return (
    <section class="card" aria-labelledby="streams-title">
      <h2 id="streams-title" ref={heading} tabIndex={-1}>
        Live streams
      </h2>
      <p class="faint" role="status">
        {notice}
      </p>
      {streams.length === 0 ? (
        <p class="faint">Nothing runs at the moment.</p>
      ) : (
        <ScrollBox class="table-box" label="Table of streams">
          <table>
            <thead>
              <tr>
                <th scope="col">Model</th>
                <th scope="col" class="wide-only">
                  Upstream
                </th>
                <th scope="col" class="wide-only">
                  Surface
                </th>
                <th scope="col" class="wide-only">
                  Caller
                </th>
                <th scope="col" class="number">
                  Runs for
                </th>
                <th scope="col" class="number wide-only">
                  First token
                </th>
                <th scope="col">
                  <span class="unseen">End it</span>
                </th>
              </tr>
            </thead>
            <tbody
              ref={body}
              onFocusCapture={noteFocus}
              onBlurCapture={(event) => {
                // Undefined when the row itself goes.
                if (event.relatedTarget !== null) hadFocus.current = false;
              }}
            >
              {streams.map((stream) => (
                <tr key={stream.id}>
                  <th scope="row">{nameOf(stream)}</th>
                  <td class="wide-only">{stream.upstream}</td>
                  <td class="wide-only">{stream.surface}</td>
                  <td class="wide-only">{stream.caller}</td>
                  <td class="number">{durationWords(stream.runningMs)}</td>
                  <td class="number wide-only">
                    {stream.firstTokenMs === undefined ? "waits" : waitWords(stream.firstTokenMs)}
                  </td>
                  <td class="actions">
                    <EndButtons
                      stream={stream}
                      isEnding={ending.has(stream.id)}
                      isAsked={asked === stream.id}
                      onAsk={() => setAsked(stream.id)}
                      onKeep={() => setAsked(undefined)}
                      onEnd={() => {
                        setAsked(undefined);
                        onEnd(stream.id);
                      }}
                    />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </ScrollBox>
      )}
    </section>
  );
}

interface EndButtonsProps {
  readonly stream: StreamFacts;
  readonly isEnding: boolean;
  readonly isAsked: boolean;
  readonly onAsk: () => void;
  readonly onKeep: () => void;
  readonly onEnd: () => void;
}

function EndButtons({ stream, isEnding, isAsked, onAsk, onKeep, onEnd }: EndButtonsProps) {
  const first = useRef<HTMLButtonElement>(null);
  const wasAsked = useRef(false);
  // The focus follows: to the question, and back from it.
  useLayoutEffect(() => {
    if (isAsked !== wasAsked.current) first.current?.focus();
    wasAsked.current = isAsked;
  }, [isAsked]);

  if (!isAsked) {
    return (
      <button
        ref={first}
        type="button"
        class="secondary small"
        // Not disabled, which would take its focus.
        aria-disabled={isEnding}
        aria-label={isEnding ? `Ending the stream of ${nameOf(stream)}` : `End the stream of ${nameOf(stream)}`}
        onClick={() => !isEnding && onAsk()}
      >
        {isEnding ? "Ending…" : "End"}
      </button>
    );
  }
  return (
    <fieldset
      class="row end asked"
      aria-label={`End the stream of ${nameOf(stream)}?`}
      onKeyDown={(event) => event.key === "Escape" && onKeep()}
    >
      <button ref={first} type="button" class="danger" onClick={onEnd}>
        End it
      </button>
      <button type="button" class="quiet small" onClick={onKeep}>
        Keep
      </button>
    </fieldset>
  );
}

function nameOf({ model }: StreamFacts): string {
  return model ?? "the default model";
}
