// Where a streamed reply goes: the body of an answer or, within the gateway, whoever asked for it.

/** What a `ReadableStreamDefaultController` is: bytes in, and how much more is wanted. */
export interface ReplyOutlet {
  enqueue(bytes: Uint8Array): void;
  close(): void;
  /** Bytes it wants beyond those that nobody has taken yet; 0 or less: none now. */
  readonly desiredSize: number | null;
}

/** What an outlet says to the reply that it is given. */
export interface OutletSource {
  /** It wants more than it did: once at the beginning, then each time that it has room again. */
  pull(): unknown;
  /** Nobody reads it any more. */
  cancel(): void;
}

/** An outlet that takes a reply without a stream between them. */
export interface OpenOutlet extends ReplyOutlet {
  /** Called once, before anything comes. */
  open(source: OutletSource): void;
}
