// What an answer leans on, by name: pieces of documents, and pages on the web with the way to them.

import type { Source } from "../conversation/message.ts";
import { Icon } from "./icons.tsx";

export interface SourcesProps {
  readonly sources: readonly Source[];
  readonly onSource: (source: Source) => void;
}

export function Sources({ sources, onSource }: SourcesProps) {
  return (
    <ul class="sources" aria-label="Sources">
      {sources.map((source, index) => (
        <li key={source.id}>
          <button type="button" class="source" aria-haspopup="dialog" onClick={() => onSource(source)}>
            <span class="source-number">
              <span class="unseen">Source </span>
              {index + 1}
            </span>
            <span class="ellipsis">{source.documentName}</span>
            <span class="unseen">, {originOf(source)}</span>
          </button>
          {source.url !== undefined && (
            <a
              class="icon-button source-link"
              href={source.url}
              target="_blank"
              rel="noopener noreferrer"
              aria-label={`Open ${source.documentName} in a new tab`}
              title={source.url}
            >
              <Icon name="out" />
            </a>
          )}
        </li>
      ))}
    </ul>
  );
}

/** How well a piece of a document fits, or where a page stands. */
export function originOf({ url, score }: Source): string {
  return url === undefined ? `${Math.round(score * 100)} % match` : new URL(url).host;
}
