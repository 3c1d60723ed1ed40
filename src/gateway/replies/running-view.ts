// One reply that runs, as whoever looks after the gateway sees it. Nothing of what is said.

export interface RunningView {
  readonly requestId: string;
  readonly caller: string;
  /** Of a forwarded request its endpoint. */
  readonly surface: string;
  /** The one that was asked last. */
  readonly upstream: string;
  /** As the client named it; undefined: it named none. */
  readonly model: string | undefined;
  readonly sessionId: string | undefined;
  readonly isStream: boolean;
  readonly runningMs: number;
  /** Undefined: not yet. */
  readonly firstTokenMs: number | undefined;
}
