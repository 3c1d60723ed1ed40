// Figures and states as words. Pure.

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

/** Two units at most: "3 d 4 h", "12 min 5 s", "0.4 s". */
export function durationWords(ms: number): string {
  if (ms < 10 * second) return `${(ms / second).toFixed(1)} s`;
  if (ms < minute) return `${Math.floor(ms / second)} s`;
  if (ms < hour) return `${Math.floor(ms / minute)} min ${Math.floor((ms % minute) / second)} s`;
  if (ms < day) return `${Math.floor(ms / hour)} h ${Math.floor((ms % hour) / minute)} min`;
  return `${Math.floor(ms / day)} d ${Math.floor((ms % day) / hour)} h`;
}

/** "412 ms", "1.3 s". */
export function waitWords(ms: number): string {
  return ms < second ? `${Math.round(ms)} ms` : `${(ms / second).toFixed(1)} s`;
}

export function clockWords(atMs: number): string {
  return timeWords(atMs, { second: "2-digit" });
}

export function minuteWords(atMs: number): string {
  return timeWords(atMs, {});
}

function timeWords(atMs: number, more: Intl.DateTimeFormatOptions): string {
  return new Date(atMs).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hourCycle: "h23", ...more });
}

export function sizeWords(bytes: number): string {
  return `${Math.round(bytes / 1024 / 1024)} MB`;
}

export function countWords(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}

/** How a state looks: well, to be watched, bad, or nothing to say. */
export type Tone = "good" | "fair" | "poor" | "quiet";

export interface StateWords {
  readonly tone: Tone;
  readonly text: string;
}

const upstreamStates: Readonly<Record<string, StateWords>> = {
  unknown: { tone: "quiet", text: "not asked yet" },
  answering: { tone: "good", text: "answering" },
  failing: { tone: "poor", text: "failing" },
};

export function upstreamWords(state: string, isPaused: boolean): StateWords {
  if (isPaused) return { tone: "fair", text: "paused" };
  return upstreamStates[state] ?? { tone: "quiet", text: state };
}

const circuits: Readonly<Record<string, StateWords>> = {
  closed: { tone: "good", text: "closed" },
  "half-open": { tone: "fair", text: "half-open, trying one" },
  open: { tone: "poor", text: "open, passed over" },
};

export function circuitWords(circuit: string): StateWords {
  return circuits[circuit] ?? { tone: "quiet", text: circuit };
}

const accountStates: Readonly<Record<string, StateWords>> = {
  ready: { tone: "good", text: "ready" },
  "cooling-down": { tone: "fair", text: "cooling down" },
  "needs-sign-in": { tone: "poor", text: "needs a sign-in" },
  challenged: { tone: "poor", text: "needs a human check" },
  paused: { tone: "fair", text: "paused" },
};

export function accountWords(state: string, untilMs: number | undefined): StateWords {
  const words = accountStates[state] ?? { tone: "quiet", text: state };
  return untilMs === undefined ? words : { ...words, text: `${words.text} until ${clockWords(untilMs)}` };
}
