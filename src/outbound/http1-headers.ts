// The headers of one answer as they were read: looked through for the few that anybody asks for. The platform's own cost
// more to fill than an answer costs to read.

import type { ResponseHeaders } from "./http-client.ts";

export class Http1Headers implements ResponseHeaders {
  /** Name in lower case and value, in turns. */
  readonly #fields: string[] = [];

  /** @param name in lower case */
  append(name: string, value: string): void {
    this.#fields.push(name, value);
  }

  get(name: string): string | null {
    const fields = this.#fields;
    let found: string | null = null;
    for (let at = 0; at < fields.length; at += 2) {
      if (fields[at] === name) found = found === null ? fields[at + 1]! : `${found}, ${fields[at + 1]}`;
    }
    return found;
  }

  getSetCookie(): string[] {
    return [...this].filter(([name]) => name === "set-cookie").map(([, value]) => value);
  }

  /** A copy that lacks some. */
  without(names: readonly string[]): Http1Headers {
    const copy = new Http1Headers();
    for (const [name, value] of this) if (!names.includes(name)) copy.append(name, value);
    return copy;
  }

  *[Symbol.iterator](): Generator<[name: string, value: string]> {
    for (let at = 0; at < this.#fields.length; at += 2) yield [this.#fields[at]!, this.#fields[at + 1]!];
  }
}
