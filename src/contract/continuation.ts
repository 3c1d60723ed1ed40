// Where a conversation stands at its upstream. Written by the upstream's decoder, stored, and handed back unread.

/** Stateless upstreams have none. */
export interface Continuation {
  /** The upstream's chat. One generation runs in it at a time. */
  readonly chatId: string;
  /** The node that the next turn continues. `null` before the first answer. */
  readonly nodeId: string | null;
  /** All ids as the upstream told them, for display and for the wing's own use. */
  readonly responseId: string | null;
  readonly parentId: string | null;
}
