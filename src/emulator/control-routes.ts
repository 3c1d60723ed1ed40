// The emulators' own routes under /__emulator/, for tests that live in another process.

import { member, parseBody } from "./request-log.ts";

/** What every emulator can be told. */
export interface Controlled {
  readonly requests: readonly unknown[];
  readonly pendingScripts: number;
  release(gate: string, count?: number | "all"): void;
  reset(): void;
}

/** What each understands by itself. */
export interface OwnControls {
  /** Adds orders that came as JSON. Returned is what is wrong with them. */
  order(body: unknown): string | undefined;
  /** By method and name. */
  readonly routes: Readonly<Record<string, (body: unknown) => Response>>;
}

export async function answerControl(emulator: Controlled, own: OwnControls, request: Request): Promise<Response> {
  const { pathname } = new URL(request.url);
  const body = parseBody(await request.text());
  const route = `${request.method} ${pathname.slice("/__emulator/".length)}`;
  switch (route) {
    case "POST script": {
      const problem = own.order(body);
      if (problem !== undefined) return Response.json({ error: problem }, { status: 400 });
      return Response.json({ pending: emulator.pendingScripts });
    }
    case "POST release": {
      const gate = member(body, "gate");
      const count = member(body, "count");
      if (typeof gate !== "string") return Response.json({ error: "gate must be a string" }, { status: 400 });
      emulator.release(gate, count === "all" || typeof count === "number" ? count : 1);
      return Response.json({ released: gate });
    }
    case "POST reset":
      emulator.reset();
      return Response.json({ reset: true });
    case "GET requests":
      return Response.json(emulator.requests);
    default: {
      const answer = Object.hasOwn(own.routes, route) ? own.routes[route] : undefined;
      return answer?.(body) ?? Response.json({ error: "no such control route" }, { status: 404 });
    }
  }
}
