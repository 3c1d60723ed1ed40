// Where a request goes, taken apart once: upstreams have few addresses, and are asked there again and again.

export interface RequestTarget {
  readonly url: URL;
  readonly origin: string;
  readonly host: string;
  /** With the query. */
  readonly path: string;
}

/** Some addresses are users' own. */
const mostKnown = 64;
/** A query that stays as it is when it is parsed. */
const plainQuery = /^\?[\w.~=&-]*$/;

export class RequestTargets {
  readonly #known = new Map<string, RequestTarget>();

  /** @throws {TypeError} when it is no address */
  of(address: string): RequestTarget {
    const mark = address.indexOf("?");
    const query = mark < 0 ? "" : address.slice(mark);
    if (query === "") return this.#without(address);
    if (!plainQuery.test(query)) return parse(address);
    const { url, origin, host, path } = this.#without(address.slice(0, mark));
    return { url, origin, host, path: path + query };
  }

  #without(address: string): RequestTarget {
    let target = this.#known.get(address);
    if (target === undefined) {
      target = parse(address);
      if (this.#known.size >= mostKnown) this.#known.clear();
      this.#known.set(address, target);
    }
    return target;
  }
}

function parse(address: string): RequestTarget {
  const url = new URL(address);
  return { url, origin: url.origin, host: url.host, path: url.pathname + url.search };
}
