// JWT_JWKS_URL: keys that change, addresses that are down, answers that are no key sets.

import { describe, expect, test } from "bun:test";
import { sign as signBytes } from "node:crypto";
import {
  bytesOf,
  createEc,
  createEd25519,
  createJwtWorld,
  createRsa,
  forge,
  type KeyPair,
  keySetOf,
  keySetUrl,
  notValid,
  nowSeconds,
  secret,
  sign,
} from "./jwt-world.ts";

const outOfReach = "Cannot check tokens: the key set of JWT_JWKS_URL is out of reach";
const first = createEc();
const second = createEc();
const named = (pair: KeyPair, kid: string) => ({ ...pair.jwk, kid, use: "sig", alg: "ES256" });
/** Lives for years: these tests let hours pass. */
const long = { exp: nowSeconds + 1_000_000_000 };
const tokenOf = (pair: KeyPair, kid?: string) => sign(pair.privateKey, "ES256", long, kid === undefined ? {} : { kid });
const createWorld = () => createJwtWorld({ jwtJwksUrl: keySetUrl });
const minuteMs = 60_000;

describe("a key set", () => {
  test("is read with the first token, and not again with the next [R4-036]", async () => {
    const world = createWorld();
    world.serve(keySetOf(named(first, "1")));
    expect(world.fetches()).toBe(0);

    const outcomes = await Promise.all([1, 2, 3].map(async () => world.outcome(await tokenOf(first, "1"))));

    expect(outcomes).toEqual(["user:ann", "user:ann", "user:ann"]);
    expect(world.fetches()).toBe(1);
  });

  test("takes keys of every kind, by id", async () => {
    const rsa = createRsa();
    const ed25519 = createEd25519();
    const world = createWorld();
    world.serve(keySetOf(named(first, "1"), { ...rsa.jwk, kid: "2" }, { ...ed25519.jwk, kid: "3" }));

    expect(await world.outcome(await tokenOf(first, "1"))).toBe("user:ann");
    for (const algorithm of ["RS256", "PS512"]) {
      expect(await world.outcome(await sign(rsa.privateKey, algorithm, {}, { kid: "2" }))).toBe("user:ann");
    }
    expect(await world.outcome(await sign(ed25519.privateKey, "EdDSA", {}, { kid: "3" }))).toBe("user:ann");
    expect(await world.outcome(await sign(rsa.privateKey, "RS256", {}, { kid: "1" }))).toBe(notValid);
  });

  test("tries each key that fits a token without an id", async () => {
    const world = createWorld();
    world.serve(keySetOf(named(first, "1"), named(second, "2")));

    expect(await world.outcome(await tokenOf(second))).toBe("user:ann");
    expect(await world.outcome(await tokenOf(createEc()))).toBe(notValid);
  });

  test("takes no secret that it publishes, and no algorithm of secrets [R4-053]", async () => {
    const world = createWorld();
    const k = Buffer.from(secret).toString("base64url");
    world.serve(keySetOf({ kty: "oct", k, kid: "s", alg: "HS256" }, named(first, "1")));

    expect(await world.outcome(await sign(bytesOf(secret), "HS256", {}, { kid: "s" }))).toBe(notValid);
    expect(world.fetches()).toBe(0);
  });

  test("takes no key that is too short", async () => {
    const short = createRsa(1024);
    const world = createWorld();
    world.serve(keySetOf({ ...short.jwk, kid: "1" }));
    const text = forge({ alg: "RS256", kid: "1" }, { sub: "ann", exp: 2_000_000_000 }).slice(0, -1);
    const signature = signBytes("sha256", bytesOf(text), short.privateKey).toString("base64url");

    expect(await world.outcome(`${text}.${signature}`)).toBe(notValid);
  });
});

describe("a key set that changes", () => {
  test("is read at once for a key id that is new, twice in a row [R4-036]", async () => {
    const world = createWorld();
    world.serve(keySetOf(named(first, "1")));
    await world.outcome(await tokenOf(first, "1"));

    world.serve(keySetOf(named(second, "2")));
    expect(await world.outcome(await tokenOf(second, "2"))).toBe("user:ann");
    expect(await world.outcome(await tokenOf(first, "1"))).toBe(notValid);
    world.pass(minuteMs);
    world.serve(keySetOf(named(first, "3"), named(second, "2")));
    expect(await world.outcome(await tokenOf(first, "3"))).toBe("user:ann");
  });

  test("is read for tokens without an id, too", async () => {
    const world = createWorld();
    world.serve(keySetOf(first.jwk));
    expect(await world.outcome(await tokenOf(first))).toBe("user:ann");

    world.serve(keySetOf(second.jwk));
    expect(await world.outcome(await tokenOf(second))).toBe("user:ann");
  });

  test("is not asked again and again for invented ids [R4-053]", async () => {
    const world = createWorld();
    world.serve(keySetOf(named(first, "1")));

    for (let count = 0; count < 20; count++) {
      expect(await world.outcome(await tokenOf(second, `invented-${count}`))).toBe(notValid);
    }
    expect(world.fetches()).toBe(2);
    world.pass(30_000);
    await world.outcome(await tokenOf(second, "invented"));
    expect(world.fetches()).toBe(3);
  });

  test("forgets a key that is gone once it is ten minutes old", async () => {
    const world = createWorld();
    world.serve(keySetOf(named(first, "1"), named(second, "2")));
    await world.outcome(await tokenOf(first, "1"));
    world.serve(keySetOf(named(second, "2")));

    world.pass(10 * minuteMs - 1);
    expect(await world.outcome(await tokenOf(first, "1"))).toBe("user:ann");
    world.pass(1);
    expect(await world.outcome(await tokenOf(first, "1"))).toBe(notValid);
  });
});

describe("a key set whose address is down", () => {
  const failures: readonly [string, () => Response | Promise<Response>][] = [
    ["refuses connections", () => Promise.reject(Object.assign(new Error("no"), { code: "ECONNREFUSED" }))],
    ["answers 500", () => new Response("no", { status: 500 })],
    ["answers with a redirect", () => Response.redirect("https://evil.example/keys")],
    ["answers with a page", () => new Response("<html>")],
    ["answers with another document", () => Response.json({ keys: "none" })],
    ["answers null", () => Response.json(null)],
    ["answers with an empty set", () => Response.json({ keys: [] })],
    ["answers with private keys", () => Response.json({ keys: [{ ...first.privateKey.export({ format: "jwk" }) }] })],
    ["answers without an end", () => new Response(`{"keys":[${" ".repeat(300_000)}]}`)],
  ];

  test.each(failures)("because it %s keeps the keys that it had [R4-036]", async (_, fail) => {
    const world = createWorld();
    world.serve(keySetOf(named(first, "1")));
    await world.outcome(await tokenOf(first, "1"));
    world.serve(fail);

    for (const hours of [1, 24, 24 * 30]) {
      world.pass(hours * 60 * minuteMs);
      expect(await world.outcome(await tokenOf(first, "1"))).toBe("user:ann");
      expect(await world.outcome(await tokenOf(second, "1"))).toBe(notValid);
    }
    expect(world.logLines[0]).toStartWith('Cannot read the key set of JWT_JWKS_URL {"kept":1');
    world.serve(keySetOf(named(second, "1")));
    world.pass(60 * minuteMs);
    expect(await world.outcome(await tokenOf(second, "1"))).toBe("user:ann");
  });

  test.each(failures)("because it %s lets nobody in while there are no keys", async (_, fail) => {
    const world = createWorld();
    world.serve(fail);

    const error = await world.failure(await tokenOf(first, "1"));
    expect(error).toMatchObject({ kind: "overloaded", message: outOfReach, retryAfterMs: 2000 });
    world.serve(keySetOf(named(first, "1")));
    world.pass(2000);
    expect(await world.outcome(await tokenOf(first, "1"))).toBe("user:ann");
  });

  test("is asked once in a while, not with each token", async () => {
    const world = createWorld();
    for (let count = 0; count < 10; count++) await world.outcome(await tokenOf(first, "1"));
    expect(world.fetches()).toBe(1);

    world.pass(2000);
    world.serve(keySetOf(named(first, "1")));
    await world.outcome(await tokenOf(first, "1"));
    world.serve(() => new Response(null, { status: 500 }));
    world.pass(10 * minuteMs);
    for (let count = 0; count < 10; count++) await world.outcome(await tokenOf(first, "1"));
    expect(world.fetches()).toBe(3);
  });

  test("does not keep a secret beside it from working", async () => {
    const world = createJwtWorld({ jwtJwksUrl: keySetUrl, jwtSecret: secret });

    expect(await world.outcome(await sign(bytesOf(secret), "HS256"))).toBe("user:ann");
    expect(await world.outcome(await tokenOf(first, "1"))).toBe(outOfReach);
  });
});
