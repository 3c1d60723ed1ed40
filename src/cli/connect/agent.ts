// What is known of an agent: where its settings lie and what must stand in them. Each is one record in agents/.

import type { Json } from "../../contract/json.ts";

export type FormatName = "json" | "toml" | "yaml";

/** A key of an object, or the entry of a list that has this name. */
export type PathStep = string | { readonly name: string };

export interface Entry {
  readonly path: readonly PathStep[];
  readonly value: Json;
  /** What its owner has there stays. */
  readonly isOnlyDefault?: true;
  /** It is named after the gateway: what somebody else has there is neither replaced nor mixed with it. */
  readonly isOwnBlock?: true;
  /** The agent writes it anew by itself, so another value there is no edit of the user's. */
  readonly isRewritten?: true;
}

/** The gateway as an agent is to see it. */
export interface Target {
  /** Without `/v1` and without a slash at its end. */
  readonly url: string;
  readonly key: string;
  /** The key is one; otherwise it stands for none, since agents refuse to start without. */
  readonly isKeyReal: boolean;
  readonly model: string;
  /** For titles, summaries and other small work. */
  readonly smallModel: string;
  /** For what somebody waits for: suggestions, edits in place. */
  readonly fastModel: string;
  /** The window that agents shorten by; they do not know that of Qwen's models. */
  readonly contextTokens: number;
}

export interface SettingsPlace {
  /** A variable that names the folder in place of `usual`. */
  readonly variable?: string;
  /** Added to what the variable says. */
  readonly below?: string;
  /** In the home of the user. */
  readonly usual: string;
  /** The first that is there is taken; none: the first is made. */
  readonly files: readonly string[];
}

export interface Agent {
  /** As the user writes it. */
  readonly name: string;
  readonly title: string;
  /** Its programs: it is here when one of them is in PATH, or its folder exists. */
  readonly programs: readonly string[];
  readonly place: SettingsPlace;
  readonly format: FormatName;
  entries(target: Target): readonly Entry[];
  /** The same for one shell. Empty: it has no variables for that. */
  environment(target: Target): Readonly<Record<string, string>>;
  /** Variables of a shell that win over its settings file. @defaultValue none */
  readonly rivals?: readonly string[];
  /** What is left to do by hand, a sentence each. */
  advice?(target: Target): readonly string[];
}
