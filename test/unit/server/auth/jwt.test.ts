// User tokens: which signatures count, what they must say, who their user is.

import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  bytesOf,
  createEc,
  createEd25519,
  createJwtWorld,
  createRsa,
  expired,
  forge,
  type KeyPair,
  notValid,
  nowSeconds,
  secret,
  sign,
  signed,
} from "./jwt-world.ts";

const rsa = createRsa();
const p256 = createEc("P-256");
const p384 = createEc("P-384");
const p521 = createEc("P-521");
const ed25519 = createEd25519();

const keys: Readonly<Record<string, { pair: KeyPair; algorithms: readonly string[] }>> = {
  RSA: { pair: rsa, algorithms: ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"] },
  "P-256": { pair: p256, algorithms: ["ES256"] },
  "P-384": { pair: p384, algorithms: ["ES384"] },
  "P-521": { pair: p521, algorithms: ["ES512"] },
  Ed25519: { pair: ed25519, algorithms: ["EdDSA", "Ed25519"] },
};

describe("createJwtVerifier takes by algorithm and key", () => {
  test.each(["HS256", "HS384", "HS512"])("a secret with %s [R4-036]", async (algorithm) => {
    const { outcome } = createJwtWorld({ jwtSecret: secret });

    expect(await outcome(await sign(bytesOf(secret), algorithm))).toBe("user:ann");
    expect(await outcome(await sign(bytesOf(`${secret}!`), algorithm))).toBe(notValid);
  });

  test.each(Object.entries(keys))("a public key of kind %s, in PEM and as a JWK [R4-036]", async (_, kind) => {
    const { pair, algorithms } = kind;
    const oneLine = pair.pem.trim().replaceAll("\n", "\\n");
    for (const jwtPublicKey of [pair.pem, oneLine, JSON.stringify(pair.jwk)]) {
      const { outcome } = createJwtWorld({ jwtPublicKey });
      for (const algorithm of algorithms) {
        expect([algorithm, await outcome(await sign(pair.privateKey, algorithm))]).toEqual([algorithm, "user:ann"]);
      }
    }
  });

  test.each(Object.entries(keys))("no key of another kind than %s [R4-053]", async (name, { pair }) => {
    const { outcome } = createJwtWorld({ jwtPublicKey: pair.pem });

    for (const [otherName, other] of Object.entries(keys)) {
      if (otherName === name) continue;
      for (const algorithm of other.algorithms) {
        expect(await outcome(await sign(other.pair.privateKey, algorithm))).toBe(notValid);
      }
    }
    expect(await outcome(await signed())).toBe(notValid);
  });

  test("no other key of the same kind [R4-053]", async () => {
    const { outcome } = createJwtWorld({ jwtPublicKey: p256.pem });

    expect(await outcome(await sign(createEc().privateKey, "ES256"))).toBe(notValid);
  });

  test("only the algorithm that a JWK names", async () => {
    const { outcome } = createJwtWorld({ jwtPublicKey: JSON.stringify({ ...rsa.jwk, alg: "PS256" }) });

    expect(await outcome(await sign(rsa.privateKey, "PS256"))).toBe("user:ann");
    expect(await outcome(await sign(rsa.privateKey, "RS256"))).toBe(notValid);
  });

  test("a secret and a public key side by side, each with its own algorithms", async () => {
    const { outcome } = createJwtWorld({ jwtSecret: secret, jwtPublicKey: p256.pem });

    expect(await outcome(await signed())).toBe("user:ann");
    expect(await outcome(await sign(p256.privateKey, "ES256", { sub: "bob" }))).toBe("user:bob");
  });

  test("the key in a file", async () => {
    const folder = mkdtempSync(join(tmpdir(), "qwen-gateway-key-"));
    const jwtPublicKey = join(folder, "key.pem");
    writeFileSync(jwtPublicKey, `${p256.pem}\n`);

    expect(await createJwtWorld({ jwtPublicKey }).outcome(await sign(p256.privateKey, "ES256"))).toBe("user:ann");
    rmSync(folder, { recursive: true });
  });
});

describe("createJwtVerifier is not fooled by the algorithm [R4-053]", () => {
  const claims = { sub: "ann", iat: nowSeconds, exp: nowSeconds + 3600 };

  test.each(["none", "None", "NONE", "", "hs256", "HS1", "RS1", "A128KW", 5, null, undefined, [["HS256"]]])(
    "%p is none that counts",
    async (alg) => {
      const genuine = (await signed()).split(".")[2];
      for (const settings of [{ jwtSecret: secret }, { jwtPublicKey: rsa.pem }]) {
        const { outcome } = createJwtWorld(settings);
        for (const signature of ["", genuine]) expect(await outcome(forge({ alg }, claims, signature))).toBe(notValid);
      }
    },
  );

  test("a public key is no secret", async () => {
    const { outcome } = createJwtWorld({ jwtPublicKey: rsa.pem, jwtSecret: secret });

    for (const text of [rsa.pem, rsa.pem.trim(), JSON.stringify(rsa.jwk)]) {
      for (const algorithm of ["HS256", "HS384", "HS512"]) {
        expect(await outcome(await sign(bytesOf(text), algorithm))).toBe(notValid);
      }
    }
  });

  test("a key that the token brings along does not count", async () => {
    const own = createRsa();
    const { outcome } = createJwtWorld({ jwtPublicKey: rsa.pem });

    for (const header of [{ jwk: own.jwk }, { jku: "https://evil.example/keys" }, { x5u: "https://evil.example/c" }]) {
      expect(await outcome(await sign(own.privateKey, "RS256", {}, header))).toBe(notValid);
    }
  });

  test("an extension that must be understood is not passed over", async () => {
    const header = forge({ alg: "HS256", crit: ["x"], x: 1 }, claims)
      .split(".")
      .slice(0, 2)
      .join(".");
    const signature = new Bun.CryptoHasher("sha256", secret).update(header).digest("base64url");

    expect(await createJwtWorld({ jwtSecret: secret }).outcome(`${header}.${signature}`)).toBe(notValid);
  });

  test("a claim that was changed behind the signature does not count", async () => {
    const [header, , signature] = (await signed()).split(".");
    const payload = Buffer.from(JSON.stringify({ ...claims, sub: "bob" })).toString("base64url");

    expect(await createJwtWorld({ jwtSecret: secret }).outcome(`${header}.${payload}.${signature}`)).toBe(notValid);
  });
});

describe("createJwtVerifier looks at the claims", () => {
  const { outcome } = createJwtWorld({ jwtSecret: secret });

  test.each([
    ["lives one second more", { exp: nowSeconds + 1 }, "user:ann"],
    ["ends now", { exp: nowSeconds }, expired],
    ["ended a second ago", { exp: nowSeconds - 1 }, expired],
    ["ended long ago", { exp: nowSeconds - 1_000_000 }, expired],
    ["never ends", { exp: undefined }, notValid],
    ["has an end in words", { exp: "tomorrow" }, notValid],
    ["begins within the leeway", { nbf: nowSeconds + 60 }, "user:ann"],
    ["begins later", { nbf: nowSeconds + 61 }, notValid],
    ["was made by a clock that is ahead", { iat: nowSeconds + 60 }, "user:ann"],
    ["was made in the future", { iat: nowSeconds + 61 }, notValid],
    ["does not say when it was made", { iat: undefined }, "user:ann"],
    ["was made in words", { iat: "now" }, notValid],
  ])("a token that %s [R4-036]", async (_, claims, expected) => {
    expect(await outcome(await signed(claims))).toBe(expected);
  });

  test("only who can sign learns that a token has expired", async () => {
    const token = await sign(bytesOf("another secret, which is as long as the first"), "HS256", { exp: 1 });

    expect(await outcome(token)).toBe(notValid);
  });

  test("the issuer and the audience that were asked for [R4-053]", async () => {
    const strict = createJwtWorld({ jwtSecret: secret, jwtIssuer: "https://issuer.example", jwtAudience: "gateway" });
    const good = { iss: "https://issuer.example", aud: "gateway" };

    expect(await strict.outcome(await signed(good))).toBe("user:ann");
    expect(await strict.outcome(await signed({ ...good, aud: ["other", "gateway"] }))).toBe("user:ann");
    const bad = [
      { iss: "https://issuer.example/" },
      { iss: undefined },
      { aud: "other" },
      { aud: [] },
      { aud: undefined },
    ];
    for (const change of bad) expect(await strict.outcome(await signed({ ...good, ...change }))).toBe(notValid);
    expect(await outcome(await signed({ iss: "anybody", aud: "anything" }))).toBe("user:ann");
  });

  test.each(["ann", "ann@example.com", "a-b_c.d+e", "x".repeat(64)])(
    "the user %p goes by this name [R4-025]",
    async (sub) => {
      expect(await outcome(await signed({ sub }))).toBe(`user:${sub}`);
    },
  );

  test.each([
    "auth0|123",
    "ann bob",
    " ann",
    "ann\n",
    "安娜",
    "👩‍👧",
    "x".repeat(65),
    "x".repeat(9000),
    "#0123456789abcdef0123456789abcdef",
    "../../etc",
    "key:0123456789abcdef",
    "\u0000",
  ])("an odd user %# goes by a digest that is theirs alone [R4-025]", async (sub) => {
    const caller = await outcome(await signed({ sub }));

    expect(caller).toMatch(/^user:#[0-9a-f]{32}$/);
    expect(caller).not.toBe(await outcome(await signed({ sub: `${sub}x` })));
    expect(await outcome(await signed({ sub }))).toBe(caller);
  });

  test.each([undefined, "", " ", "\t\n", null, 5, true, [["ann"]], { name: "ann" }, "\ud800"])(
    "%p is nobody",
    async (sub) => {
      expect(await outcome(await signed({ sub }))).toBe(notValid);
    },
  );
});

describe("createJwtVerifier refuses", () => {
  const { outcome, failure, logLines } = createJwtWorld({ jwtSecret: secret });

  test.each([
    "",
    ".",
    "..",
    "a.b.c",
    "a.b.c.d.e",
    "....",
    "eyJhbGciOiJIUzI1NiJ9..",
    "eyJhbGciOiJIUzI1NiJ9.bm8ganNvbg.c2ln",
    "no token",
    "bnVsbA.bnVsbA.bnVsbA",
  ])("%p", async (token) => {
    expect(await outcome(token)).toBe(notValid);
  });

  test("a giant token before it looks into it [R4-053]", async () => {
    expect(await outcome(await signed({ note: "x".repeat(10_000) }))).toBe("user:ann");
    expect(await outcome(await signed({ note: "x".repeat(16_384) }))).toBe(notValid);
    expect(await outcome("x".repeat(50_000_000))).toBe(notValid);
  });

  test("with a 401 that has no cause, and logs nothing", async () => {
    const error = await failure(await signed({ exp: 1 }));

    expect([error.kind, error.cause]).toEqual(["unauthenticated", undefined]);
    expect(logLines).toEqual([]);
  });
});
