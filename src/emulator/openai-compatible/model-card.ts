// What a model can do and how large its window is.

export interface ModelCard {
  readonly id: string;
  readonly contextTokens: number;
  readonly maxOutputTokens: number;
  /** Whether it thinks when nothing is said, and whether it can be told otherwise. */
  readonly thinking: "never" | "off" | "on" | "always";
  readonly vision: boolean;
  readonly tools: boolean;
  readonly search: boolean;
  /** Older open weights refuse to think without a stream. */
  readonly thinksInStreamsOnly: boolean;
  readonly streamOnly: boolean;
  /** Served by the same host, made by somebody else. */
  readonly isForeign: boolean;
}
