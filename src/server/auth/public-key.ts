// JWT_PUBLIC_KEY to a checked key: PEM, a JWK, or the path of a file that holds one of them. Says which algorithms fit it.

import { createPublicKey } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import type { JWK } from "jose";
import { ConfigError } from "../../config/config-error.ts";
import { isJsonObject, type JsonObject } from "../../contract/json.ts";

export interface PublicKey {
  readonly jwk: JWK;
  readonly algorithms: readonly string[];
}

const rsaAlgorithms = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"] as const;
const algorithmsByCurve: Readonly<Record<string, readonly string[]>> = {
  "P-256": ["ES256"],
  "P-384": ["ES384"],
  "P-521": ["ES512"],
  Ed25519: ["EdDSA", "Ed25519"],
};

/** Every algorithm of a public key. Secrets have others, so that neither can be taken for the other. */
export const publicAlgorithms: readonly string[] = [...rsaAlgorithms, ...Object.values(algorithmsByCurve).flat()];

/** Shorter ones can be broken, and the specification forbids them. */
const leastModulusBytes = 256;
const maxFileBytes = 65_536;

/** @throws {ConfigError} that says what is wrong with it */
export function loadPublicKey(setting: string): PublicKey {
  const isKey = setting.startsWith("-----BEGIN") || setting.startsWith("{");
  // In environments a line break is often written as two signs.
  const text = isKey ? setting.replaceAll("\\n", "\n") : readKeyFile(setting);
  return checkKey(text.startsWith("{") ? parseJwk(text) : parsePem(text));
}

function readKeyFile(path: string): string {
  try {
    const found = statSync(path);
    // A pipe would be waited for, and a device may have no end.
    if (!found.isFile()) throw wrongKey("it is neither PEM nor a JWK, nor is it the path of a file");
    if (found.size > maxFileBytes) throw wrongKey("the file is larger than any key");
    return readFileSync(path, "utf8").trim();
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    const reason =
      code === "ENOENT" || code === "ENAMETOOLONG"
        ? "nor is it the path of a file"
        : `reading the file failed (${code})`;
    throw wrongKey(`it is neither PEM nor a JWK, ${reason}`);
  }
}

function parsePem(text: string): JsonObject {
  // A public key can be computed from a private one; who put it here should hear that it is in the wrong place.
  if (/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text)) throw privateKey();
  try {
    return exported(createPublicKey(text));
  } catch {
    throw wrongKey("it is not a public key in PEM of a known kind");
  }
}

function parseJwk(text: string): JsonObject {
  let jwk: unknown;
  try {
    jwk = JSON.parse(text);
  } catch {
    throw wrongKey("it begins like a JWK, but is not JSON");
  }
  if (!isJsonObject(jwk)) throw wrongKey("it is not a JWK");
  if ("d" in jwk) throw privateKey();
  if (jwk["kty"] === "oct") throw wrongKey("it is a secret, which belongs into JWT_SECRET");
  try {
    const { alg } = jwk;
    const checked = exported(createPublicKey({ key: jwk, format: "jwk" }));
    return alg === undefined ? checked : { ...checked, alg };
  } catch {
    throw wrongKey("it is not a public key as a JWK of a known kind");
  }
}

/** Without whatever else a JWK may hold. */
function exported(key: ReturnType<typeof createPublicKey>): JsonObject {
  const jwk: unknown = key.export({ format: "jwk" });
  if (!isJsonObject(jwk)) throw new Error("A key is always an object as a JWK");
  return jwk;
}

function checkKey(jwk: JsonObject): PublicKey {
  const { kty, crv, n, alg } = jwk;
  if (kty === "RSA" && typeof n === "string" && Buffer.from(n, "base64url").length < leastModulusBytes) {
    throw wrongKey("an RSA key must have at least 2048 bits");
  }
  const fitting = kty === "RSA" ? rsaAlgorithms : typeof crv === "string" ? (algorithmsByCurve[crv] ?? []) : [];
  // A key that names its algorithm takes no other.
  const algorithms = alg === undefined ? fitting : fitting.filter((fits) => fits === alg);
  if (algorithms.length === 0) throw wrongKey("no algorithm of tokens that is known here fits this kind of key");
  // What was checked above is a key of a kind that has these algorithms.
  return { jwk: jwk as unknown as JWK, algorithms };
}

function privateKey(): ConfigError {
  return wrongKey("it holds a private key; only whoever signs the tokens should have it");
}

function wrongKey(reason: string): ConfigError {
  return new ConfigError([`Cannot use JWT_PUBLIC_KEY: ${reason}`]);
}
