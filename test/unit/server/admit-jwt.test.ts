// Tokens of users beside keys, on routes of every kind, and what they mean for the guards of a gateway without keys.

import { describe, expect, test } from "bun:test";
import { checkBind } from "../../../src/server/access/check-bind.ts";
import { createJwtWorld, keySetUrl, secret, signed } from "./auth/jwt-world.ts";
import { readError, speakRaw, startTestServer } from "./test-server.ts";

const { verify } = createJwtWorld({ jwtSecret: secret });
const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

describe("admit with tokens", () => {
  test("takes one wherever it takes a key [R4-036]", async () => {
    const { get, post, exchanges } = startTestServer({ apiKeys: ["k1"], verifyJwt: verify });
    const token = await signed();
    const adminToken = await signed({ scope: "openid admin" });

    for (const path of ["/metrics", "/health/detailed"]) {
      expect([path, (await get(path, bearer(adminToken))).status]).toEqual([path, 200]);
      expect([path, (await get(path, bearer(token))).status]).toEqual([path, 403]);
      expect([path, (await get(path, bearer("k1"))).status]).toEqual([path, 200]);
    }
    for (const path of ["/v1/models", "/v1/sessions"]) {
      expect([path, (await get(path, bearer(token))).status]).toEqual([path, 200]);
      expect([path, (await get(path, bearer("k1"))).status]).toEqual([path, 200]);
      expect([path, (await get(path)).status]).toEqual([path, 401]);
    }
    await post("/v1/chat/completions", "{}", bearer(token));
    await post("/v1/messages", "{}", { "x-api-key": token });
    expect(exchanges.map(({ incoming }) => incoming.caller)).toEqual(["user:ann", "user:ann"]);
  });

  test("takes the one that counts of two headers", async () => {
    const { post, exchanges } = startTestServer({ apiKeys: ["k1"], verifyJwt: verify });
    const token = await signed();
    const old = await signed({ exp: 1 });

    const send = (authorization: string, apiKey: string) =>
      post("/v1/chat/completions", "{}", { ...bearer(authorization), "x-api-key": apiKey });
    for (const [authorization, apiKey] of [
      [token, "unknown"],
      ["unknown", token],
      [old, token],
      [token, old],
      [token, "k1"],
      ["k1", token],
    ] as const) {
      expect((await send(authorization, apiKey)).status).toBe(200);
    }
    const callers = exchanges.map(({ incoming }) => incoming.caller.replace(/:.*/, ""));
    expect(callers).toEqual(["user", "user", "user", "user", "key", "key"]);
    expect((await readError(await send(old, "unknown"))).message).toContain("the token has expired");
  });

  test("answers 401 in the shape of the surface that was asked [R4-037]", async () => {
    const { get, post, exchanges } = startTestServer({ verifyJwt: verify });
    const old = await signed({ exp: 1 });

    const refused = await get("/v1/models", bearer(old));
    expect(refused.headers.get("www-authenticate")).toBe("Bearer");
    expect(await readError(refused)).toEqual({
      message: "Cannot serve this request: the token has expired",
      type: "authentication_error",
      param: null,
      code: "invalid_api_key",
    });
    const other = await post("/v1/messages", "{}", bearer(old));
    expect([other.status, await other.json()]).toMatchObject([401, { type: "error", kind: "unauthenticated" }]);
    expect((await readError(await get("/v1/models"))).message).toContain("without an API key or a token");
    expect(exchanges).toEqual([]);
  });

  test("answers 503 while the keys are out of reach", async () => {
    const world = createJwtWorld({ jwtJwksUrl: keySetUrl });
    const { get } = startTestServer({ verifyJwt: world.verify });
    const token = (await signed()).replace(/^[^.]*/, Buffer.from('{"alg":"ES256","kid":"1"}').toString("base64url"));

    const response = await get("/v1/models", bearer(token));

    expect([response.status, response.headers.get("retry-after")]).toEqual([503, "2"]);
  });

  test("is no longer without keys: it may be reached, and checks neither Host nor Origin", async () => {
    expect(() => checkBind({ hostname: "0.0.0.0", apiKeys: [], insecure: false, verifyJwt: verify })).not.toThrow();
    const { port } = startTestServer({ verifyJwt: verify });
    const statusFor = async (headers: string) => {
      const head = `GET /v1/models HTTP/1.1\r\nHost: any.example\r\nOrigin: null\r\n${headers}Connection: close\r\n\r\n`;
      return Number((await speakRaw(port, head)).split(" ")[1]);
    };

    expect(await statusFor("")).toBe(401);
    expect(await statusFor(`Authorization: Bearer ${await signed()}\r\n`)).toBe(200);
  });

  test("without tokens nobody looks into one", async () => {
    const { get } = startTestServer({ apiKeys: ["k1"] });

    const refused = await get("/v1/models", bearer(await signed()));

    expect((await readError(refused)).message).toBe("Cannot serve this request: the API key is not known here");
  });
});
