// A person signs in at a tool server, by the SDK's OAuth (authorization code, PKCE, registration of the client): everything
// but the browser.

import type { OAuthClientProvider, OAuthDiscoveryState } from "@modelcontextprotocol/sdk/client/auth.js";
import type { OAuthClientInformationMixed, OAuthTokens } from "@modelcontextprotocol/sdk/shared/auth.js";
import type { ToolServerAddress, ToolServerSignIn } from "../../../config/mcp-servers.ts";
import type { Environment } from "../../../config/load-config.ts";
import type { Clock } from "../../../contract/clock.ts";
import { GatewayError } from "../../../contract/gateway-error.ts";
import type { JsonObject } from "../../../contract/json.ts";
import { isLoopback } from "../../../outbound/loopback-host.ts";
import { orAborted } from "../../../outbound/or-aborted.ts";
import { type CallbackListener, isSameIssuer, listenForCallback } from "./callback-listener.ts";
import { createGuardedFetch, wrongAddress } from "./guarded-fetch.ts";
import { readChallenge } from "./read-challenge.ts";
import { readTokens } from "./renew-tokens.ts";
import type { SignInRecord } from "./sign-in-vault.ts";

export interface SignInOptions {
  readonly server: string;
  readonly target: ToolServerAddress;
  /** In place of what server and settings say. */
  readonly scope: string | undefined;
  /** Of the answer; undefined: the one of last time, or a free one. */
  readonly port: number | undefined;
  /** Its client is used again where it fits. */
  readonly before: SignInRecord | undefined;
  /** Has a person open this address. It may hand over where their browser ended, if that cannot reach this machine. */
  show(address: URL, take: (address: string) => boolean): void;
  readonly environment: Environment;
  /** Ends everything, the wait for the person included. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
}

/** @throws {GatewayError} `upstream-auth` that says why, in words that are not the server's */
export async function signIn(options: SignInOptions): Promise<SignInRecord> {
  try {
    return await begin(options);
  } catch (error) {
    options.signal.throwIfAborted();
    const message = `Cannot sign in to tool server "${options.server}": ${describeRefusal(error)}`;
    throw new GatewayError("upstream-auth", message, { cause: error, upstream: options.server });
  }
}

async function begin(options: SignInOptions): Promise<SignInRecord> {
  const { target, before, signal, clock } = options;
  const url = new URL(target.url);
  if (url.protocol !== "https:" && !isLoopback(url.hostname)) throw refusal("its address must be https");
  const settings = target.signIn ?? noSettings;
  const challenge = await readChallenge(target, signal);
  const fetchFn = createGuardedFetch({ serverUrl: target.url, environment: options.environment, signal });
  const { auth } = await import("@modelcontextprotocol/sdk/client/auth.js");
  const state = crypto.getRandomValues(new Uint8Array(32)).toBase64({ alphabet: "base64url", omitPadding: true });
  let discovered: OAuthDiscoveryState | undefined;
  using listener = listen(options.port ?? settings.callbackPort, before, {
    state,
    issuer: () => ({
      url: discovered?.authorizationServerUrl ?? "",
      isTold: saysIssuer(discovered?.authorizationServerMetadata),
    }),
  });
  const session = createSession(settings, state, listener.redirectUrl, before, (found) => {
    checkDiscovered(found, target, settings, challenge.isWanted);
    discovered = found;
  });
  const scope = options.scope ?? challenge.scope ?? settings.scope;
  const asked = {
    serverUrl: target.url,
    fetchFn,
    ...(scope === undefined ? {} : { scope }),
    ...(challenge.resourceMetadataUrl && { resourceMetadataUrl: challenge.resourceMetadataUrl }),
  };
  await auth(session.provider, asked);
  const address = session.address();
  if (discovered === undefined || address === undefined) throw refusal("its authorization server shows no page");
  options.show(address, listener.take);
  const authorizationCode = await orAborted(listener.code, signal);
  await auth(session.provider, { ...asked, authorizationCode });
  const { tokens, client } = session.result();
  const resource = discovered.resourceMetadata?.resource;
  return {
    serverUrl: target.url,
    issuer: discovered.authorizationServerUrl,
    client,
    redirectUrl: listener.redirectUrl,
    ...readTokens(tokens, clock),
    resource,
    // A cast: it was read out of JSON.
    metadata: discovered.authorizationServerMetadata as JsonObject | undefined,
  };
}

const noSettings: ToolServerSignIn = {
  clientId: undefined,
  clientSecret: undefined,
  issuer: undefined,
  scope: undefined,
  callbackPort: undefined,
};

/** A client is registered with the address of its answers, so that of last time is tried first. */
function listen(
  port: number | undefined,
  before: SignInRecord | undefined,
  options: { readonly state: string; readonly issuer: () => { readonly url: string; readonly isTold: boolean } },
): CallbackListener {
  if (port !== undefined) {
    try {
      return listenForCallback({ ...options, port });
    } catch (cause) {
      throw new GatewayError("upstream-auth", `port ${port} of this machine is taken`, { cause });
    }
  }
  try {
    const last = Number(before?.redirectUrl && new URL(before.redirectUrl).port) || 0;
    return listenForCallback({ ...options, port: last });
  } catch {
    return listenForCallback({ ...options, port: 0 });
  }
}

/** One sign-in as the SDK wants to see it. */
function createSession(
  settings: ToolServerSignIn,
  state: string,
  redirectUrl: string,
  before: SignInRecord | undefined,
  onDiscovered: (found: OAuthDiscoveryState) => void,
) {
  let client = configuredClient(settings) ?? (before?.redirectUrl === redirectUrl ? before.client : undefined);
  let discovered: OAuthDiscoveryState | undefined;
  let tokens: OAuthTokens | undefined;
  let address: URL | undefined;
  let verifier = "";
  const provider: OAuthClientProvider = {
    redirectUrl,
    clientMetadata: {
      client_name: "qwen-gateway",
      redirect_uris: [redirectUrl],
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
      token_endpoint_auth_method: "none",
      ...(settings.scope === undefined ? {} : { scope: settings.scope }),
    },
    state: () => state,
    clientInformation: () => client,
    saveClientInformation(saved) {
      client = saved;
    },
    // It begins anew: what was signed in before is of no account.
    tokens: () => undefined,
    saveTokens(saved) {
      tokens = saved;
    },
    redirectToAuthorization(shown) {
      address = shown;
    },
    saveCodeVerifier(saved) {
      verifier = saved;
    },
    codeVerifier: () => verifier,
    // Looked up once: both halves of a sign-in are the same server's.
    discoveryState: () => discovered,
    saveDiscoveryState(found) {
      onDiscovered(found);
      discovered = found;
    },
    invalidateCredentials(what) {
      // A registration that its server has forgotten; one of the settings stays.
      if (what === "all" || what === "client") client = configuredClient(settings);
    },
  };
  return {
    provider,
    address: () => address,
    result() {
      if (tokens === undefined || client === undefined) throw refusal("its authorization server gave no token");
      return { tokens, client };
    },
  };
}

function configuredClient({
  clientId,
  clientSecret,
  issuer,
}: ToolServerSignIn): OAuthClientInformationMixed | undefined {
  if (clientId === undefined) return undefined;
  return {
    client_id: clientId,
    ...(clientSecret === undefined ? {} : { client_secret: clientSecret }),
    ...(issuer === undefined ? {} : { issuer }),
  };
}

/** Before anything is sent to it. The SDK binds what it keeps to the address, and does not check what stands there. */
function checkDiscovered(
  { authorizationServerUrl, authorizationServerMetadata: metadata, resourceMetadata }: OAuthDiscoveryState,
  target: ToolServerAddress,
  settings: ToolServerSignIn,
  isWanted: boolean,
): void {
  if (!isWanted && metadata === undefined && resourceMetadata === undefined) throw refusal("it does not ask for one");
  if (settings.issuer !== undefined && !isSameIssuer(settings.issuer, authorizationServerUrl))
    throw refusal("it names another authorization server than the settings do");
  if (metadata === undefined) return;
  // RFC 8414, 3.3: else one server could pass for another.
  if (!isSameIssuer(metadata.issuer, authorizationServerUrl))
    throw refusal("its authorization server claims to be another");
  if (metadata.code_challenge_methods_supported?.includes("S256") !== true)
    throw refusal("its authorization server does not protect the answer (PKCE with S256)");
  const { authorization_endpoint, token_endpoint, registration_endpoint } = metadata;
  for (const endpoint of [authorization_endpoint, token_endpoint, registration_endpoint]) {
    const wrong = endpoint === undefined ? undefined : wrongAddress(new URL(endpoint), target.url);
    if (wrong !== undefined) throw refusal(`of its authorization server, ${wrong}`);
  }
}

/** RFC 9207; the SDK has no name for it. */
function saysIssuer(metadata: object | undefined): boolean {
  const name = "authorization_response_iss_parameter_supported";
  return metadata !== undefined && name in metadata && (metadata as Record<typeof name, unknown>)[name] === true;
}

function refusal(reason: string): GatewayError {
  return new GatewayError("upstream-auth", reason);
}

function describeRefusal(error: unknown): string {
  if (error instanceof GatewayError) return error.message.charAt(0).toLowerCase() + error.message.slice(1);
  if (!(error instanceof Error)) return "its authorization server does not answer as it should";
  // By the marks and words of the SDK's errors.
  if ("errorCode" in error && /^[a-z_]{1,40}$/.test(String(error.errorCode)))
    return `its authorization server refused it (${String(error.errorCode)})`;
  if (/dynamic client registration/.test(error.message))
    return `its authorization server registers nobody by itself; give it "oauth": {"clientId": "..."} in the settings`;
  if (/bound to authorization server/.test(error.message))
    return "it names another authorization server than the settings do";
  if (/^Protected resource/.test(error.message)) return "it claims to be another server";
  return "its authorization server does not answer as it should";
}
