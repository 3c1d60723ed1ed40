// Requests to the admin routes of a harness, and their answers as JSON.

import type { Harness } from "./harness.ts";

export const adminKey = "key-of-the-admin-0001";
export const apiKey = "key-of-a-client-0001";
/** Both kinds of keys, as a server for a team has them. */
export const guarded = { ADMIN_KEY: adminKey, API_KEY: apiKey } as const;

export interface AdminAnswer<Body> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Body;
}

export interface AskOptions {
  readonly body?: unknown;
  /** @defaultValue the admin's; null sends none */
  readonly key?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** What is wrong, in the one shape of all admin routes. */
export interface AdminError {
  readonly error: {
    readonly message: string;
    readonly type: string;
    readonly param: string | null;
    readonly code: string;
  };
}

export function send(harness: Harness, method: string, path: string, options: AskOptions = {}): Promise<Response> {
  const { body, key = adminKey, signal } = options;
  return fetch(`${harness.url}/admin/api/${path}`, {
    method,
    headers: {
      ...(method === "POST" ? { "content-type": "application/json" } : {}),
      ...(key === null ? {} : { authorization: `Bearer ${key}` }),
      ...options.headers,
    },
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    ...(signal === undefined ? {} : { signal }),
  });
}

/** @typeParam Body what its reader looks at */
export async function ask<Body = AdminError>(
  harness: Harness,
  method: string,
  path: string,
  options?: AskOptions,
): Promise<AdminAnswer<Body>> {
  const response = await send(harness, method, path, options);
  return { status: response.status, headers: response.headers, body: (await response.json()) as Body };
}

/** Lines of the log that tell a change, as objects. */
export function changesOf(harness: Harness): readonly Record<string, unknown>[] {
  return harness.logLines
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter(({ msg, message }) => String(msg ?? message).startsWith("admin: "));
}

/**
 * What each route of administrators answers to whom may not, and to what a page of another site can send.
 * @returns one line for each that comes in all the same
 */
export async function findOpenDoors(
  harness: Harness,
  routes: readonly (readonly [method: string, path: string])[],
): Promise<readonly string[]> {
  const open: string[] = [];
  for (const [method, path] of routes) {
    const expectStatus = async (what: string, status: number, options: AskOptions): Promise<void> => {
      const answer = await send(harness, method, path, options);
      await answer.body?.cancel();
      if (answer.status !== status) open.push(`${method} ${path}, ${what}: ${answer.status}`);
    };
    await expectStatus("without a key", 401, { key: null });
    await expectStatus("with a wrong key", 401, { key: "nobody-knows-this-one" });
    await expectStatus("with a client's key", 403, { key: apiKey });
    if (method !== "POST") continue;
    for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]) {
      await expectStatus(`as ${type}`, 400, { body: "{}", headers: { "content-type": type } });
    }
  }
  return open;
}

/** The same of a gateway without keys on loopback: of pages of other sites, and of what a proxy says to be of others. */
export async function findOpenLoopback(
  harness: Harness,
  routes: readonly (readonly [method: string, path: string])[],
): Promise<readonly string[]> {
  const open: string[] = [];
  for (const [method, path] of routes) {
    for (const headers of [
      { origin: "https://evil.example" },
      { "sec-fetch-site": "cross-site" },
      { host: "rebound.example" },
      { "x-forwarded-for": "203.0.113.7" },
    ]) {
      const answer = await send(harness, method, path, {
        key: null,
        body: method === "POST" ? {} : undefined,
        headers,
      });
      await answer.body?.cancel();
      if (answer.status !== 403) open.push(`${method} ${path}, ${Object.keys(headers)[0]}: ${answer.status}`);
    }
  }
  return open;
}
