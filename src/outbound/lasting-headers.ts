// Headers that many requests share, written out once for as long as their object lives.

import { encodeFields } from "./http1-request.ts";
import type { OutboundRequest } from "./http-client.ts";

type Headers = OutboundRequest["headers"];

export class LastingHeaders {
  readonly #written = new WeakMap<Headers, WrittenHeaders>();

  /** @throws {Http1Error} when one of them cannot be written */
  of(headers: Headers): WrittenHeaders {
    let written = this.#written.get(headers);
    if (written === undefined) {
      written = new WrittenHeaders(headers);
      this.#written.set(headers, written);
    }
    return written;
  }
}

export class WrittenHeaders {
  /** A line for each. */
  readonly fields: string;
  readonly #credentials: string;
  /** Where they were sent last, which is mostly where they are sent next. */
  #origin = "";
  #key = "";

  constructor(headers: Headers) {
    this.fields = encodeFields(headers);
    this.#credentials = credentialsOf(headers);
  }

  /** Of the connections that may carry a request with these headers and others of its own. */
  connectionKey(origin: string, own: Headers): string {
    if (own["authorization"] !== undefined || own["cookie"] !== undefined) {
      return `${origin}\n${this.#credentials}\n${credentialsOf(own)}`;
    }
    if (this.#origin !== origin) {
      this.#origin = origin;
      this.#key = `${origin}\n${this.#credentials}`;
    }
    return this.#key;
  }
}

function credentialsOf(headers: Headers): string {
  return `${headers["authorization"] ?? ""}\n${headers["cookie"] ?? ""}`;
}
