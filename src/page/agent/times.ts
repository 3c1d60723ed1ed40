// Times as the agent's runs show them.

/** `80 ms`, `1.2 s`, `75 s`. */
export function shortTime(ms: number): string {
  if (ms < 100) return `${Math.round(ms)} ms`;
  const seconds = ms / 1000;
  return seconds < 10 ? `${seconds.toFixed(1)} s` : `${Math.round(seconds)} s`;
}

const units = [
  [86_400_000, "day"],
  [3_600_000, "hour"],
  [60_000, "minute"],
] as const;

/** How long a question waits yet: `in 23 hours`, `in less than a minute`; undefined: no longer. */
export function timeLeft(expiresAtMs: number, nowMs: number): string | undefined {
  const leftMs = expiresAtMs - nowMs;
  if (leftMs <= 0) return undefined;
  for (const [unitMs, name] of units) {
    const count = Math.floor(leftMs / unitMs);
    if (count > 0) return `in ${count} ${name}${count === 1 ? "" : "s"}`;
  }
  return "in less than a minute";
}

/** When the words of `timeLeft` change next, in milliseconds; a minute at most. */
export function nextLook(expiresAtMs: number, nowMs: number): number {
  return Math.max(250, Math.min(expiresAtMs - nowMs, 60_000));
}
