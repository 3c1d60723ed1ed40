// One line of `qwen-gateway doctor`: what was looked at, how it is, and what to do where it is not as it should be.

export interface DoctorLine {
  /** "fail": nothing can be served like this. "warn": something will go wrong, or already costs something. */
  readonly verdict: "ok" | "warn" | "fail";
  /** Two words or so, such as "data directory". */
  readonly subject: string;
  /** How it is. One line, no secret. */
  readonly finding: string;
  /** What to do; absent where nothing is wrong. */
  readonly advice?: string;
}
