// What waits for a word of the person: the frame of it, with the two words, and until when they count.

import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Pending, Run } from "../../agent/run.ts";
import { nextLook, timeLeft } from "../../agent/times.ts";
import { Icon } from "../icons.tsx";

export interface AskedProps {
  readonly run: Run;
  readonly pending: Pending;
  readonly isBusy: boolean;
  readonly onDecide: (
    runId: string,
    decision: "approve" | "reject",
    changed?: Readonly<Record<string, unknown>>,
  ) => void;
  readonly onRetry: (runId: string) => void;
}

export interface AskedFormProps extends AskedProps {
  readonly label: string;
  readonly class: string;
  readonly yes: string;
  readonly no: string;
  readonly canApprove: boolean;
  readonly onApprove: (form: HTMLFormElement) => void;
  /** Beside the two words. */
  readonly aside?: ComponentChildren;
  readonly children: ComponentChildren;
}

export function AskedForm({ run, pending, isBusy, onDecide, onRetry, ...form }: AskedFormProps) {
  const { expiresAtMs } = pending;
  const left = useTimeLeft(expiresAtMs);
  // While the gateway looks at the word that it got, it stays out of sight: what was typed may be wanted once more.
  const isHidden = run.status !== "pending";
  if (left === undefined) {
    if (isHidden) return null;
    return (
      <div class="asked">
        <p>Nobody has answered in time, so that nothing was done.</p>
        <div class="row">
          <button type="button" class="secondary" disabled={isBusy} onClick={() => onRetry(run.id)}>
            <Icon name="retry" /> Ask once more
          </button>
        </div>
      </div>
    );
  }

  const canApprove = form.canApprove && !isBusy;
  return (
    <form
      hidden={isHidden}
      class={form.class}
      aria-label={form.label}
      onSubmit={(event) => {
        event.preventDefault();
        if (canApprove) form.onApprove(event.currentTarget);
      }}
    >
      {form.children}
      {run.problem !== undefined && (
        <p class="call-error" role="alert">
          {run.problem}
        </p>
      )}
      <div class="row asked-foot">
        <button type="submit" class="primary" disabled={!canApprove}>
          {form.yes}
        </button>
        <button type="button" class="secondary" disabled={isBusy} onClick={() => onDecide(run.id, "reject")}>
          {form.no}
        </button>
        {form.aside}
        <time
          class="faint"
          dateTime={new Date(expiresAtMs).toISOString()}
          title={new Date(expiresAtMs).toLocaleString()}
        >
          Expires {left}
        </time>
      </div>
    </form>
  );
}

/** In words, which change as time goes by; undefined: it has expired. */
function useTimeLeft(expiresAtMs: number): string | undefined {
  const [nowMs, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setTimeout(() => setNow(Date.now()), nextLook(expiresAtMs, nowMs));
    return () => clearTimeout(timer);
  }, [expiresAtMs, nowMs]);
  return timeLeft(expiresAtMs, nowMs);
}
