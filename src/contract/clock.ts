// The time, passed in so that tests may choose it.

/** Epoch milliseconds. */
export type Clock = () => number;
