// What the store counts of callers: amounts within stretches of time, and replies that run, over all processes.

/** One amount within one stretch of time. */
export interface AmountKey {
  /** Whose it is. */
  readonly subject: string;
  /** What is counted, such as `requests/minute`. */
  readonly kind: string;
  /** Epoch milliseconds at which the stretch begins. */
  readonly startMs: number;
}

/** What is added to an amount, also less than nothing. */
export interface AddedAmount extends AmountKey {
  readonly amount: number;
  /** Epoch milliseconds at which the last of it came: what stands there is never set back. */
  readonly lastMs: number;
}

/** An amount as it stands there. */
export interface AmountPart {
  readonly startMs: number;
  readonly amount: number;
  readonly lastMs: number;
}

/** The stretches that begin at this moment or later, also those that lie ahead: another machine's clock may be. */
export interface AmountSpan extends Omit<AmountKey, "startMs"> {
  readonly sinceMs: number;
}

export interface Reservation extends AmountKey {
  /** How much is asked for. */
  readonly wanted: number;
  /** Most within all that counts. */
  readonly limit: number;
  /** Epoch milliseconds: it is taken now, and counts as of then. */
  readonly atMs: number;
  /** Of which stretches there may be something that counts. */
  readonly sinceMs: number;
  /** What has come until this moment, epoch milliseconds, counts no more. */
  readonly afterMs: number;
}

/** What of a reservation could be had, and what stands there now. */
export interface Reserved {
  /** 0 to `wanted`; it counts as used from now on. */
  readonly granted: number;
  /** In no order. */
  readonly parts: readonly AmountPart[];
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
  addAmounts(amounts: readonly AddedAmount[]): Promise<readonly number[]>;
  /** @returns one list for each, in no order; empty where nothing was counted */
  readAmounts(spans: readonly AmountSpan[]): Promise<readonly (readonly AmountPart[])[]>;
  /** Of whom something is counted, or replies are noted; in the order of their names. */
  listSubjects(question: SubjectsQuestion): Promise<readonly string[]>;
  /** Forgets all amounts of one. @returns false when there was none */
  forgetAmounts(subject: string): Promise<boolean>;
  /** Forgets stretches of these kinds that began before, and replies whose time is over. */
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

/**
 * The one rule of reservations, for every driver. What lies further ahead than the window is long was counted by a clock that
 * has been set back since: it counts no more, or it would until that time comes again.
 * @param parts before it
 */
export function grantOf({ wanted, limit, atMs, afterMs }: Reservation, parts: readonly AmountPart[]): number {
  const aheadMs = 2 * atMs - afterMs;
  const used = parts.reduce(
    (sum, { amount, lastMs }) => (lastMs > afterMs && lastMs <= aheadMs ? sum + amount : sum),
    0,
  );
  return Math.max(0, Math.min(wanted, limit - used));
}
