// What is counted between two scrapes: plain numbers, by the values of their labels. The library makes objects and joins a
// text for each number that it is told, 7 % of the time of a short reply: it is told sums, when somebody asks for them.

/** All that is counted under one name. Its rows are few, since every value of a label comes from a list of ours. */
export class Gathered<Row> {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[];
  readonly #create: () => Row;
  readonly #keys: (readonly [string, string, string, string])[] = [];
  readonly #rows: Row[] = [];

  constructor(name: string, help: string, labelNames: readonly string[], create: () => Row) {
    this.name = name;
    this.help = help;
    this.labelNames = labelNames;
    this.#create = create;
  }

  /** The row of these values, in the order of the names. One that was never asked for is not told. */
  at(first: string, second = "", third = "", fourth = ""): Row {
    for (let index = 0; index < this.#keys.length; index++) {
      const key = this.#keys[index]!;
      if (key[0] === first && key[1] === second && key[2] === third && key[3] === fourth) return this.#rows[index]!;
    }
    const row = this.#create();
    this.#keys.push([first, second, third, fourth]);
    this.#rows.push(row);
    return row;
  }

  /** All rows with their labels, the first that was asked for first. */
  *rows(): Iterable<{ readonly labels: Readonly<Record<string, string>>; readonly row: Row }> {
    for (const [index, row] of this.#rows.entries()) {
      const key = this.#keys[index]!;
      const labels = Object.fromEntries(this.labelNames.map((name, place) => [name, key[place] ?? ""]));
      yield { labels, row };
    }
  }
}

export class Count {
  value = 0;
}

/** How many values lie within which bounds. */
export class Distribution {
  /** Upper ones, rising. */
  readonly bounds: readonly number[];
  /** Of each bound, the values above the one before. What lies above the last is in `count` alone. */
  readonly counts: number[];
  sum = 0;
  count = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = bounds.map(() => 0);
  }

  observe(value: number): void {
    this.sum += value;
    this.count++;
    for (let index = 0; index < this.bounds.length; index++) {
      if (value > this.bounds[index]!) continue;
      this.counts[index]!++;
      return;
    }
  }
}
