// qwen-gateway keys jwt: a token for one user, signed with the secret of the gateway's own settings.

import { ConfigError } from "../../config/config-error.ts";
import { callerOfSubject } from "../../server/auth/caller-of-subject.ts";
import { mintJwt } from "../../server/auth/mint-jwt.ts";
import { type Command, type CommandContext, type ExitCode, type FlagValues, UsageError } from "../command.ts";
import { configFlags, loadCommandConfig, sourceFlagNames } from "../config-flags.ts";
import { parseLifetime } from "./parse-lifetime.ts";

/** The settings that decide which tokens the gateway takes. */
const settings = new Set([...sourceFlagNames, "jwt-secret", "jwt-issuer", "jwt-audience"]);
const longestSubject = 255;

export function jwtCommand(): Command {
  return {
    name: "keys jwt",
    summary: "Mints a token (JWT) for one user, signed with JWT_SECRET",
    example: "qwen-gateway keys jwt --sub ann --expires-in 1h",
    flags: [
      { name: "sub", value: "NAME", description: "Whom the token is for: sessions and documents are kept apart by it" },
      { name: "expires-in", value: "TIME", description: "How long it lives, such as 30m, 1h or 7d (default 1h)" },
      {
        name: "scope",
        value: "WORDS",
        description: "What it may: words of admin, model:NAME, surface:NAME, upstream:NAME (default: all but admin)",
      },
      { name: "json", description: "Print the token with its user and its end as one JSON document" },
      ...configFlags().filter(({ name }) => settings.has(name)),
    ],
    operand: "sub",
    notes:
      "Give it the settings of your gateway: the same file and environment. It also writes JWT_ISSUER and JWT_AUDIENCE into\n" +
      "the token. A token cannot be taken back: whoever has it is that user until it ends, or until JWT_SECRET changes.",
    run: mint,
  };
}

async function mint(flags: FlagValues, context: CommandContext): Promise<ExitCode> {
  const subject = checkSubject(flags["sub"]);
  const lifetimeMs = parseLifetime(flags["expires-in"] ?? "1h");
  const { config } = loadCommandConfig(
    Object.fromEntries(Object.entries(flags).filter(([name]) => settings.has(name))),
    context,
  );
  if (config.jwtSecret === undefined) {
    throw new ConfigError([
      "Cannot mint a token: JWT_SECRET is not set; give the gateway and this command the same secret of at least 32 bytes, " +
        "such as from: openssl rand -base64 48",
    ]);
  }
  const { token, expiresAtMs } = await mintJwt({
    secret: config.jwtSecret,
    subject,
    issuedAtMs: Date.now(),
    lifetimeMs,
    scope: flags["scope"],
    issuer: config.jwtIssuer,
    audience: config.jwtAudience,
  });
  const details = { token, sub: subject, expires_at: new Date(expiresAtMs).toISOString() };
  // Nothing but the token otherwise: it goes straight into a variable.
  context.print(flags["json"] === "true" ? JSON.stringify(details) : token);
  return 0;
}

function checkSubject(subject: string | undefined): string {
  if (subject === undefined) throw new UsageError("Cannot mint a token: say whom it is for with --sub NAME");
  if (subject.length <= longestSubject && callerOfSubject(subject) !== undefined) return subject;
  throw new UsageError(`Cannot use --sub: it must be a text of 1 to ${longestSubject} characters`);
}
