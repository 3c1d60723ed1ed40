// What the store counts of callers: amounts within windows of time, and replies that run, over all processes.

/** One amount within one window. */
export interface AmountKey {
  /** Whose it is. */
  readonly subject: string;
  /** What is counted, such as `requests/minute`. */
  readonly kind: string;
  /** Epoch milliseconds at which the window begins. */
  readonly startMs: number;
}

export interface Reservation extends AmountKey {
  readonly windowMs: number;
  /** How much is asked for. */
  readonly wanted: number;
  /** Most within the window. */
  readonly limit: number;
  /** The part of the window before that still counts, from 0 to 1. */
  readonly carried: number;
}

/** What of a reservation could be had, and what stands there now. */
export interface Reserved {
  /** 0 to `wanted`; it counts as used from now on. */
  readonly granted: number;
  readonly amount: number;
  /** Of the window before. */
  readonly previous: number;
}

/** Subjects behind one another by their names. */
export interface SubjectsQuestion {
  /** Behind this one. @defaultValue from the first on */
  readonly after?: string | undefined;
  /** Before this one. @defaultValue to the last */
  readonly before?: string | undefined;
  readonly limit: number;
  /** What counts still, by kind. */
  readonly kinds: readonly { readonly kind: string; readonly sinceMs: number }[];
}

/** Every method is one short transaction, which those of the same moment share. */
export interface AmountStore {
  /** Takes as much as the limit leaves, at most what is wanted. */
  reserveAmount(reservation: Reservation): Promise<Reserved>;
  /** Adds to several, also what is less than nothing. @returns what stands there now, in the same order */
  addAmounts(amounts: readonly (AmountKey & { readonly amount: number })[]): Promise<readonly number[]>;
  /** @returns one for each, 0 where nothing was counted */
  readAmounts(keys: readonly AmountKey[]): Promise<readonly number[]>;
  /** Of whom something is counted, or replies are noted; in the order of their names. */
  listSubjects(question: SubjectsQuestion): Promise<readonly string[]>;
  /** Forgets all amounts of one. @returns false when there was none */
  forgetAmounts(subject: string): Promise<boolean>;
  /** Forgets windows of these kinds that began before, and replies whose time is over. */
  dropAmounts(kinds: readonly { readonly kind: string; readonly beforeMs: number }[]): Promise<void>;

  /**
   * Notes how many replies of a subject may run over this store, until `untilMs` unless it is said again. What a dead
   * process of this machine holds does not count.
   * @param wanted more than it held: refused above the limit over all processes; fewer is always noted
   * @returns how many it holds now
   */
  holdReplies(subject: string, wanted: number, limit: number, untilMs: number): Promise<number>;
  /** Over all processes that live. @returns one for each */
  countReplies(subjects: readonly string[]): Promise<readonly number[]>;
  /** Says all of this store again. */
  renewReplies(untilMs: number): Promise<void>;
}

/** What several questions have found, as one answer. */
export function firstSubjects(found: readonly { readonly subject: string }[], limit: number): string[] {
  return [...new Set(found.map(({ subject }) => subject))].toSorted(bySubject).slice(0, limit);
}

/** As SQLite orders texts: not by the habits of a language. */
function bySubject(one: string, other: string): number {
  return one < other ? -1 : Number(one > other);
}

/** The one rule of reservations, for every driver. */
export function grantOf({ wanted, limit, carried }: Reservation, amount: number, previous: number): number {
  return Math.max(0, Math.min(wanted, limit - carriedOver(previous, carried) - amount));
}

/** What of the window before counts still: by whole ones, and the last of them leaves when its time has come. */
export function carriedOver(previous: number, carried: number): number {
  return Math.max(0, Math.ceil(previous * carried) - 1);
}
