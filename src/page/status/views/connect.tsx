// How to point a client at this gateway: addresses as this browser sees them, and lines to copy.

import { CopyButton } from "../../views/copy-button.tsx";
import { baseOf, keyPlaceholder, type Snippet, snippetsFor } from "../snippets.ts";
import type { Clients } from "../state.ts";
import { ScrollBox } from "./scroll-box.tsx";

export function Connect({ clients: { wantsKey, model } }: { readonly clients: Clients }) {
  const snippets = snippetsFor({ base: baseOf(location.href), wantsKey: wantsKey === true, model });
  return (
    <section class="card" aria-labelledby="connect-title">
      <h2 id="connect-title">Point a client at it</h2>
      <p class="faint">{keyWords(wantsKey)}</p>
      <ul class="snippets">
        {snippets.map((snippet) => (
          <SnippetItem key={snippet.name} snippet={snippet} />
        ))}
      </ul>
      <p class="faint">
        Coding agents on this machine: <code>qwen-gateway connect</code> writes their settings, and{" "}
        <code>disconnect</code> puts them back.
      </p>
    </section>
  );
}

function keyWords(wantsKey: boolean | undefined): string {
  if (wantsKey === undefined) return "Whether a key is needed is not known yet.";
  return wantsKey
    ? `An API key is needed: put it in the place of ${keyPlaceholder}. The admin key is none.`
    : "No key is needed from here. Clients that insist on one may send any word.";
}

function SnippetItem({ snippet: { name, baseUrl, code } }: { readonly snippet: Snippet }) {
  return (
    <li class="snippet">
      <h3>{name}</h3>
      <div class="row base">
        <code class="ellipsis" title={baseUrl}>
          {baseUrl}
        </code>
        <CopyButton label={`Copy the base URL for ${name}`} text={baseUrl} />
      </div>
      <div class="code">
        <ScrollBox class="lines" label={`${name}, lines to copy`}>
          <pre>
            <code>{code}</code>
          </pre>
        </ScrollBox>
        <CopyButton label={`Copy the lines for ${name}`} text={code} />
      </div>
    </li>
  );
}
