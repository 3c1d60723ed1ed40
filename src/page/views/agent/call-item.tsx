// One call of a tool: its outcome in a line, and folded behind it what it was called with and what it gave.

import type { Call } from "../../agent/run.ts";
import { shortTime } from "../../agent/times.ts";
import { Icon } from "../icons.tsx";
import { JsonBox } from "./json-box.tsx";

export function CallItem({ call }: { readonly call: Call }) {
  const { service, command, isDone, error, durationMs } = call;
  return (
    <li class={isDone ? "call" : "call is-failed"}>
      <details>
        <summary>
          <Icon name={isDone ? "check" : "close"} />
          <span class="unseen">{isDone ? "Done:" : "Failed:"}</span>
          <span class="ellipsis">
            <span class="faint">{service}</span> {command}
          </span>
          <span class="faint call-time">{shortTime(durationMs)}</span>
        </summary>
        {call.arguments !== undefined && <Named name="Arguments" of={command} value={call.arguments} />}
        {call.result !== undefined && <Named name="Result" of={command} value={call.result} />}
        {error !== undefined && <p class="call-error">{error}</p>}
      </details>
    </li>
  );
}

interface NamedProps {
  readonly name: string;
  /** The command. */
  readonly of: string;
  readonly value: unknown;
}

function Named({ name, of, value }: NamedProps) {
  return (
    <>
      <p class="json-name faint">{name}</p>
      <JsonBox label={`${name} of ${of}`} value={value} />
    </>
  );
}
