// Orders in the sequence in which they came, each used by the calls that it fits and then gone.

/** What every order says of the calls that it is for. */
export interface Order {
  /** Default: completions. */
  on?: string;
  match?: string;
  account?: string;
  /** Default: once. */
  times?: number | "always";
}

export interface ScriptedCall {
  readonly on: string;
  readonly content: string;
  readonly account: string;
  readonly bearer: string | undefined;
}

export interface ScriptQueue<Entry extends Order> {
  add(entries: readonly Entry[]): void;
  /** The first entry that fits the call, counted as used. */
  take(call: ScriptedCall): Entry | undefined;
  /** Undoes `take`: the call never came to its answer. */
  giveBack(entry: Entry): void;
  clear(): void;
  readonly length: number;
}

export function createScriptQueue<Entry extends Order>(): ScriptQueue<Entry> {
  let waiting: { readonly entry: Entry; left: number }[] = [];
  return {
    add(entries) {
      for (const entry of entries) {
        waiting.push({ entry, left: entry.times === "always" ? Number.POSITIVE_INFINITY : (entry.times ?? 1) });
      }
    },
    take(call) {
      const found = waiting.find(({ entry }) => fits(entry, call));
      if (found === undefined) return undefined;
      found.left--;
      if (found.left <= 0) waiting = waiting.filter((candidate) => candidate !== found);
      return found.entry;
    },
    giveBack(entry) {
      const held = waiting.find((candidate) => candidate.entry === entry);
      if (held === undefined) waiting.unshift({ entry, left: 1 });
      else held.left++;
    },
    clear() {
      waiting = [];
    },
    get length() {
      return waiting.length;
    },
  };
}

function fits(entry: Order, call: ScriptedCall): boolean {
  if ((entry.on ?? "completions") !== call.on) return false;
  if (entry.account !== undefined && entry.account !== call.account && entry.account !== call.bearer) return false;
  return entry.match === undefined || call.content.includes(entry.match);
}
