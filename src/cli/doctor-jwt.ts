// What `qwen-gateway doctor` says about tokens of users: which keys count, and whose tokens that lets in.

import { ConfigError } from "../config/config-error.ts";
import type { Config } from "../config/config-schema.ts";
import type { DoctorLine } from "../contract/doctor-line.ts";
import { createJwtVerifier } from "../server/auth/jwt.ts";
import { silentLog } from "../telemetry/log.ts";
import { problemLines } from "./doctor-machine.ts";

/** Asks nobody: the key set is not read. */
export function jwtLines(config: Config): DoctorLine[] {
  const subject = "user tokens";
  try {
    createJwtVerifier(config, { fetch: globalThis.fetch, clock: Date.now, log: silentLog });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return problemLines(error);
  }
  const keys = [
    ...(config.jwtSecret === undefined ? [] : ["JWT_SECRET"]),
    ...(config.jwtPublicKey === undefined ? [] : ["JWT_PUBLIC_KEY"]),
    ...(config.jwtJwksUrl === undefined ? [] : ["JWT_JWKS_URL"]),
  ];
  const finding = `checked with ${keys.join(" and ")}`;
  if (config.jwtJwksUrl === undefined || config.jwtAudience !== undefined) return [{ verdict: "ok", subject, finding }];
  return [
    {
      verdict: "warn",
      subject,
      finding: `${finding}; tokens that were issued for other programs count too`,
      advice: "set JWT_AUDIENCE to the name that the issuer has for this gateway",
    },
  ];
}
