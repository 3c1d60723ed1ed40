// Where the browser comes back to after a sign-in: one address of this machine, open until the answer has come.

import { GatewayError } from "../../../contract/gateway-error.ts";

export interface CallbackListener extends Disposable {
  readonly redirectUrl: string;
  /** The code of the answer that carries our state. @throws {GatewayError} when the sign-in was refused */
  readonly code: Promise<string>;
  /** The address that a browser elsewhere ended on, as somebody pasted it. @returns false when it is no answer to us */
  take(address: string): boolean;
}

export interface CallbackOptions {
  /** 0: a free one. */
  readonly port: number;
  /** What the answer must carry, so that nobody else's is taken for it. */
  readonly state: string;
  /** Whom the answer must come from, as it says itself (RFC 9207), and whether it must say so. */
  readonly issuer: () => { readonly url: string; readonly isTold: boolean };
}

const path = "/callback";

/** @throws a system error when the port is taken */
export function listenForCallback({ port, state, issuer }: CallbackOptions): CallbackListener {
  const answered = Promise.withResolvers<string>();
  // Nobody may be left to hear of it.
  answered.promise.catch(() => undefined);

  function take(parameters: URLSearchParams): boolean {
    if (parameters.get("state") !== state) return false;
    const from = parameters.get("iss");
    const { url, isTold } = issuer();
    if (from === null ? isTold : !isSameIssuer(from, url)) {
      answered.reject(refusal("the answer came from another authorization server"));
      return true;
    }
    const code = parameters.get("code");
    const reason = /^[a-z_]{1,40}$/.exec(parameters.get("error") ?? "")?.[0];
    if (code !== null && code !== "" && reason === undefined) answered.resolve(code);
    else answered.reject(refusal(reason === undefined ? "the answer has no code" : `it was refused (${reason})`));
    return true;
  }

  const server = Bun.serve({
    hostname: "127.0.0.1",
    port,
    // Nothing is kept open: the process is about to end.
    idleTimeout: 5,
    fetch(request) {
      const url = new URL(request.url);
      if (request.method !== "GET" || url.pathname !== path) return page("There is nothing here.", 404);
      return take(url.searchParams)
        ? page("The gateway has its answer. You can close this page and go back to the terminal.", 200)
        : page("This is not the sign-in that the gateway waits for.", 400);
    },
  });

  return {
    redirectUrl: `http://127.0.0.1:${server.port}${path}`,
    code: answered.promise,
    take: (address) => URL.canParse(address) && take(new URL(address).searchParams),
    [Symbol.dispose]: () => void server.stop(),
  };
}

/** A slash at the end is no difference. */
export function isSameIssuer(one: string, other: string): boolean {
  const plain = (url: string): string => (URL.canParse(url) ? new URL(url).href : url).replace(/\/$/, "");
  return plain(one) === plain(other);
}

function refusal(reason: string): GatewayError {
  return new GatewayError("upstream-auth", reason);
}

function page(text: string, status: number): Response {
  const body = `<!doctype html><meta charset="utf-8"><title>qwen-gateway</title><p>${text}</p>`;
  const headers = {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    connection: "close",
  };
  return new Response(body, { status, headers });
}
