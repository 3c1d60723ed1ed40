// Sign-ins at tool servers in the store: sealed on the way in, opened on the way out. What is read here holds secrets.

import type { OAuthClientInformationMixed } from "@modelcontextprotocol/sdk/shared/auth.js";
import type { JsonObject } from "../../../contract/json.ts";
import { isJsonObject } from "../../../contract/json.ts";
import type { SecretBox } from "../../../credentials/secret-box.ts";
import type { AccountStore } from "../../../store/store.ts";

/** What a sign-in gave, and to whom alone it may be shown. */
export interface SignInRecord {
  /** The tool server's address: a token goes to no other. */
  readonly serverUrl: string;
  /** The authorization server: a refresh token goes to no other. */
  readonly issuer: string;
  /** Whose tokens these are. */
  readonly client: OAuthClientInformationMixed;
  readonly redirectUrl: string;
  readonly accessToken: string;
  readonly refreshToken: string | undefined;
  /** Epoch milliseconds; undefined where the authorization server did not say. */
  readonly expiresAtMs: number | undefined;
  /** As the server names itself to its authorization server (RFC 8707). */
  readonly resource: string | undefined;
  /** Of the authorization server (RFC 8414); undefined where it publishes none. */
  readonly metadata: JsonObject | undefined;
}

export interface KeptSignIn {
  readonly revision: number;
  /** "locked": sealed with another key. */
  readonly record: SignInRecord | "locked" | undefined;
  /** The server was heard to want a sign-in since. */
  readonly isWanted: boolean;
}

export interface SignInVault {
  find(id: string): Promise<KeptSignIn>;
  /**
   * @param expectedRevision when given, nothing is written over another revision
   * @returns the new revision; undefined when somebody else was faster
   */
  put(id: string, record: SignInRecord, expectedRevision?: number): Promise<number | undefined>;
  /** How many users have signed in at a server that is not shared. */
  countUsers(server: string): Promise<number>;
  /** For whoever lists servers without asking them. */
  noteWanted(id: string): Promise<void>;
  /** @returns false when there was none */
  remove(id: string): Promise<boolean>;
  /** Lets one process at a time renew tokens. @returns false while another one does */
  lease(id: string, holder: string, leaseMs: number): Promise<boolean>;
  release(id: string, holder: string): Promise<void>;
}

/** No upstream can be called so. */
const room = "tool servers";
const wanted = JSON.stringify({ wanted: true });

/** @param user undefined: of a connection that all users share */
export function signInId(server: string, user: string | undefined): string {
  return user === undefined ? server : `${server}\n${user}`;
}

export function createSignInVault(store: AccountStore, box: SecretBox): SignInVault {
  const contextOf = (id: string): string => `${room}\n${id}`;
  /** Opened once a revision. */
  const opened = new Map<string, { readonly revision: number; readonly record: SignInRecord | "locked" }>();

  return {
    async find(id) {
      const row = (await store.listAccounts(room)).find((candidate) => candidate.id === id);
      if (row?.sealed === undefined) return { revision: 0, record: undefined, isWanted: row?.state === wanted };
      const known = opened.get(id);
      if (known?.revision === row.revision) return { ...known, isWanted: row.state === wanted };
      const record = parseRecord(box.open(row.sealed, contextOf(id))) ?? "locked";
      opened.set(id, { revision: row.revision, record });
      return { revision: row.revision, record, isWanted: row.state === wanted };
    },
    put(id, record, expectedRevision) {
      const sealed = box.seal(JSON.stringify(record), contextOf(id));
      return store.putAccount(room, { id, alias: id.split("\n")[0] ?? id, sealed, state: "" }, expectedRevision);
    },
    async countUsers(server) {
      const rows = await store.listAccounts(room);
      return rows.filter(({ id, sealed }) => sealed !== undefined && id.startsWith(`${server}\n`)).length;
    },
    noteWanted: (id) => store.saveAccountState(room, id, wanted),
    remove(id) {
      opened.delete(id);
      return store.removeAccount(room, id);
    },
    lease: (id, holder, leaseMs) => store.leaseAccount(room, id, holder, leaseMs),
    release: (id, holder) => store.releaseAccount(room, id, holder),
  };
}

/** Written by this program, so its form is as expected, unless a later version wrote it. */
function parseRecord(text: string | undefined): SignInRecord | undefined {
  if (text === undefined) return undefined;
  const value: unknown = JSON.parse(text);
  if (!isJsonObject(value)) return undefined;
  const { serverUrl, issuer, client, redirectUrl, accessToken, refreshToken, expiresAtMs, resource, metadata } = value;
  if (!isJsonObject(client) || typeof client["client_id"] !== "string") return undefined;
  if (typeof serverUrl !== "string" || typeof issuer !== "string" || typeof accessToken !== "string") return undefined;
  return {
    serverUrl,
    issuer,
    // A cast: it was checked by the SDK before it was sealed.
    client: client as unknown as OAuthClientInformationMixed,
    redirectUrl: typeof redirectUrl === "string" ? redirectUrl : "",
    accessToken,
    refreshToken: typeof refreshToken === "string" ? refreshToken : undefined,
    expiresAtMs: typeof expiresAtMs === "number" ? expiresAtMs : undefined,
    resource: typeof resource === "string" ? resource : undefined,
    metadata: isJsonObject(metadata) ? metadata : undefined,
  };
}
