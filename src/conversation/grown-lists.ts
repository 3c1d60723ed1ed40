// Lists that begin as an earlier one did. Agents send their whole history with each request: what was made of its beginning
// need not be made again, nor looked at.

/** Of shorter lists nothing is remembered: all of it is made as fast, and nothing of them stays until it is collected. */
export const minGrownItems = 8;

export interface Growth<Item> {
  readonly earlier: readonly Item[];
  /** So many items at the beginning are the very same objects. */
  readonly count: number;
}

/** Gone with the lists. */
const growths = new WeakMap<readonly unknown[], Growth<unknown>>();

/** Both lists stay as they are from here on. */
export function noteGrowth<Item>(list: readonly Item[], earlier: readonly Item[], count: number): void {
  // What the earlier one has grown from itself is not held by it any longer: else all of them would stay, as a chain.
  growths.delete(earlier);
  growths.set(list, { earlier, count });
}

export function growthOf<Item>(list: readonly Item[]): Growth<Item> | undefined {
  // Noted above with a list of the same items.
  return growths.get(list) as Growth<Item> | undefined;
}

/** What is made of a list item by item: of each item none, one or several things. */
export interface MadeList<Made> {
  readonly made: readonly Made[];
  /**
   * How many things were made of the items until this one, and it; -1 where what follows may still change the last of them.
   * A thing that stands before such a number is never changed.
   */
  readonly counts: readonly number[];
}

/** Where the making goes on. The arrays are the caller's own. */
export interface Making<Made> {
  /** Index of the first item of which nothing is made yet. */
  readonly from: number;
  readonly made: Made[];
  readonly counts: number[];
}

/** Remembers what one kind of maker made of lists, as long as these live. */
export class GrownLists<Made> {
  readonly #known = new WeakMap<readonly unknown[], MadeList<Made> & { readonly of: unknown }>();

  /** @param of What else it is made of: of another object, nothing is known. */
  begin(list: readonly unknown[], of?: object): Making<Made> {
    const growth = growthOf(list);
    const before = growth && this.#known.get(growth.earlier);
    if (growth === undefined || before === undefined || before.of !== of) return { from: 0, made: [], counts: [] };
    let from = growth.count;
    while (from > 0 && before.counts[from - 1] === -1) from--;
    return { from, made: before.made.slice(0, before.counts[from - 1] ?? 0), counts: before.counts.slice(0, from) };
  }

  /** What was begun is done. Nobody may change it from here on. */
  end(list: readonly unknown[], { from, made, counts }: Making<Made>, of?: object): void {
    if (list.length < minGrownItems) return;
    const growth = growthOf(list);
    const before = growth && this.#known.get(growth.earlier);
    if (before !== undefined && from > 0) noteGrowth(made, before.made, counts[from - 1] ?? 0);
    this.#known.set(list, { made, counts, of });
  }
}

/** A value for each item, made of it and of the value before: a sum of what the list holds until there. */
export class GrownSums<Item> {
  readonly #known = new WeakMap<readonly Item[], readonly number[]>();
  readonly #measure: (items: readonly Item[]) => readonly number[];

  /** @param measure of items of which nothing is known yet: what each adds to the sum */
  constructor(measure: (items: readonly Item[]) => readonly number[]) {
    this.#measure = measure;
  }

  /** @returns what the items before `end` come to */
  until(list: readonly Item[], end: number): number {
    return end === 0 ? 0 : (this.#sums(list)[end - 1] ?? 0);
  }

  #sums(list: readonly Item[]): readonly number[] {
    const known = this.#known.get(list);
    if (known !== undefined) return known;
    const growth = growthOf(list);
    const before = growth && this.#known.get(growth.earlier);
    const sums = before?.slice(0, growth?.count) ?? [];
    let sum = sums.at(-1) ?? 0;
    const rest = sums.length === 0 ? list : list.slice(sums.length);
    for (const value of this.#measure(rest)) {
      sum += value;
      sums.push(sum);
    }
    if (list.length >= minGrownItems) this.#known.set(list, sums);
    return sums;
  }
}
