// What the page shows, as one value.

import type { AccountFacts, Health, SampleFacts, Status, StreamFacts, UpstreamFacts } from "./facts.ts";

export interface StatusState {
  /** When the gateway answered last, by this browser's clock. Undefined: it has not yet. */
  readonly answeredAtMs: number | undefined;
  /** Why there is no answer any more, in words. Undefined: there is one. */
  readonly trouble: string | undefined;
  readonly door: Door;
  /** Known while the door is not open. */
  readonly health: Health | undefined;
  readonly facts: ShownFacts | undefined;
  /** Of the last hour, oldest first, and when it ended by the gateway's clock. */
  readonly samples: readonly SampleFacts[];
  readonly samplesToMs: number;
  readonly clients: Clients;
  /** Streams that were told to end. */
  readonly ending: ReadonlySet<string>;
  /** What became of them. */
  readonly endingNotice: string;
}

/** Whether the gateway tells us more than everybody. */
export type Door =
  | { readonly state: "unknown" | "open" }
  /** `isRefused`: a key was tried. `sentence` is what the gateway said of one that it knows; "" of one that it does not. */
  | { readonly state: "wants-key"; readonly isRefused: boolean; readonly sentence: string }
  /** No key would help. */
  | { readonly state: "shut"; readonly sentence: string };

export interface ShownFacts {
  readonly status: Status;
  readonly upstreams: readonly UpstreamFacts[];
  readonly accounts: readonly AccountFacts[];
  readonly streams: readonly StreamFacts[];
}

export interface Clients {
  /** Undefined: not known yet. */
  readonly wantsKey: boolean | undefined;
  /** One that the gateway serves, as far as we know. */
  readonly model: string;
}

/** What the gateway has for one by itself. */
const defaultModel = "qwen3-max";

export const initialState: StatusState = {
  answeredAtMs: undefined,
  trouble: undefined,
  door: { state: "unknown" },
  health: undefined,
  facts: undefined,
  samples: [],
  samplesToMs: 0,
  clients: { wantsKey: undefined, model: defaultModel },
  ending: new Set(),
  endingNotice: "",
};
