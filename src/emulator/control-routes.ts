// The emulator's own routes under /__emulator/, for tests that live in another process.

import type { QwenWebEmulator } from "./emulator-state.ts";
import { member, parseBody } from "./request-log.ts";
import { parseScript } from "./script.ts";

export async function answerControl(emulator: QwenWebEmulator, request: Request): Promise<Response> {
  const { pathname } = new URL(request.url);
  const body = parseBody(await request.text());
  switch (`${request.method} ${pathname.slice("/__emulator/".length)}`) {
    case "POST script": {
      const script = parseScript(body);
      if ("problem" in script) return Response.json({ error: script.problem }, { status: 400 });
      emulator.script(...script.entries);
      return Response.json({ pending: emulator.pendingScripts });
    }
    case "POST release": {
      const gate = member(body, "gate");
      const count = member(body, "count");
      if (typeof gate !== "string") return Response.json({ error: "gate must be a string" }, { status: 400 });
      emulator.release(gate, count === "all" || typeof count === "number" ? count : 1);
      return Response.json({ released: gate });
    }
    case "POST tokens": {
      const token = member(body, "token");
      const state = member(body, "state");
      if (typeof token !== "string" || (state !== "ready" && state !== "expired" && state !== "revoked")) {
        return Response.json({ error: "token and state (ready, expired, revoked) are needed" }, { status: 400 });
      }
      emulator.setTokenState(token, state);
      return Response.json({ token: state });
    }
    case "POST reset":
      emulator.reset();
      return Response.json({ reset: true });
    case "GET requests":
      return Response.json(emulator.requests);
    case "GET chats":
      return Response.json(emulator.chats());
    default:
      return Response.json({ error: "no such control route" }, { status: 404 });
  }
}
