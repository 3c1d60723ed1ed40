// A tool server wants that somebody signs in: one sentence, with the command that does it.

import { GatewayError } from "../../../contract/gateway-error.ts";

export class SignInError extends GatewayError {}

/** Words of a scope that may stand in a command as they are: they come from a stranger. */
const plainScope = /^[\w.:/-]{1,64}(?: [\w.:/-]{1,64}){0,19}$/;

export interface WantedSignIn {
  readonly server: string;
  /** Of a connection that is not shared: who must sign in. */
  readonly user: string | undefined;
}

/** @param why what follows "Cannot use tool server", up to the command */
export function signInWanted({ server, user }: WantedSignIn, why: string, scope?: string): SignInError {
  const words = [
    `qwen-gateway mcp login ${server}`,
    ...(user === undefined ? [] : [`--user ${user}`]),
    ...(scope !== undefined && plainScope.test(scope) ? [`--scope "${scope}"`] : []),
  ];
  const message = `Cannot use tool server "${server}": ${why}; run ${words.join(" ")}`;
  return new SignInError("upstream-auth", message, { upstream: server });
}
