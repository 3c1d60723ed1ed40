// Settings of user tokens that cannot be used: told at the start, in a sentence.

import { describe, expect, test } from "bun:test";
import { tmpdir } from "node:os";
import { ConfigError } from "../../../../src/config/config-error.ts";
import { createJwtVerifier } from "../../../../src/server/auth/jwt.ts";
import { takesJwt } from "../../../../src/server/auth/jwt-settings.ts";
import { silentLog } from "../../../../src/telemetry/log.ts";
import { bytesOf, createEc, createJwtWorld, createRsa, sign } from "./jwt-world.ts";

const rsa = createRsa();
const p256 = createEc();

describe("createJwtVerifier refuses at the start", () => {
  const create = (settings: Parameters<typeof createJwtVerifier>[0]) => () =>
    createJwtVerifier(settings, { fetch: globalThis.fetch, clock: Date.now, log: silentLog });
  const privatePem = String(rsa.privateKey.export({ type: "pkcs8", format: "pem" }));
  const privateJwk = JSON.stringify(p256.privateKey.export({ format: "jwk" }));

  test.each([
    ["a secret of 31 bytes", { jwtSecret: "x".repeat(31) }, "Cannot use JWT_SECRET: it has 31 bytes, and must have 32"],
    ["an issuer without a key", { jwtIssuer: "i" }, "set JWT_SECRET, JWT_PUBLIC_KEY or JWT_JWKS_URL too"],
    ["an audience without a key", { jwtAudience: "a" }, "set JWT_SECRET, JWT_PUBLIC_KEY or JWT_JWKS_URL too"],
    ["a private key in PEM", { jwtPublicKey: privatePem }, "it holds a private key"],
    ["a private key as a JWK", { jwtPublicKey: privateJwk }, "it holds a private key"],
    ["a secret as a JWK", { jwtPublicKey: '{"kty":"oct","k":"c2VjcmV0"}' }, "belongs into JWT_SECRET"],
    ["a short RSA key", { jwtPublicKey: createRsa(1024).pem }, "at least 2048 bits"],
    ["a JWK of no kind", { jwtPublicKey: '{"kty":"XYZ"}' }, "it is not a public key as a JWK"],
    ["half a JWK", { jwtPublicKey: '{"kty":' }, "is not JSON"],
    ["half a PEM", { jwtPublicKey: "-----BEGIN PUBLIC KEY-----\nMIIB" }, "it is not a public key in PEM"],
    ["an algorithm that does not fit", { jwtPublicKey: JSON.stringify({ ...rsa.jwk, alg: "ES256" }) }, "no algorithm"],
    ["a path of nothing", { jwtPublicKey: "/nowhere/key.pem" }, "nor is it the path of a file"],
    ["a folder", { jwtPublicKey: tmpdir() }, "Cannot use JWT_PUBLIC_KEY"],
  ])("%s, in a sentence", (_, settings, sentence) => {
    expect(create(settings)).toThrow(ConfigError);
    expect(create(settings)).toThrow(sentence);
  });

  test("takes a secret of 32 bytes, counted as bytes", async () => {
    const jwtSecret = "ä".repeat(16);

    expect(await createJwtWorld({ jwtSecret }).outcome(await sign(bytesOf(jwtSecret), "HS256"))).toBe("user:ann");
  });

  test("any setting of tokens counts as one", () => {
    expect(takesJwt({})).toBe(false);
    for (const key of ["jwtSecret", "jwtPublicKey", "jwtJwksUrl", "jwtIssuer", "jwtAudience"]) {
      expect(takesJwt({ [key]: "x" })).toBe(true);
    }
  });
});
