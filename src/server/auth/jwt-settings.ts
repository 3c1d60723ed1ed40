// Which settings make the gateway take user tokens, and how they go by their names.

export interface JwtSettings {
  readonly jwtSecret?: string | undefined;
  readonly jwtPublicKey?: string | undefined;
  readonly jwtJwksUrl?: string | undefined;
  readonly jwtIssuer?: string | undefined;
  readonly jwtAudience?: string | undefined;
}

/** Any of them: one that lacks its key is a mistake, and must not leave the gateway open. */
export function takesJwt(settings: JwtSettings): boolean {
  const { jwtSecret, jwtPublicKey, jwtJwksUrl, jwtIssuer, jwtAudience } = settings;
  return [jwtSecret, jwtPublicKey, jwtJwksUrl, jwtIssuer, jwtAudience].some((setting) => setting !== undefined);
}
