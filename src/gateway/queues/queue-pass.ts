// What a request holds while it runs at an upstream: its leave to be there, given back once.

import type { ToldLimits } from "../../contract/limits.ts";

/** Leave to send one request, until its reply is over. */
export interface Pass {
  readonly waitedMs: number;
  /** What the upstream told of its limits. */
  told(limits: ToldLimits): void;
  /** The attempt is over. Only the first call counts. @param tokens that it really took; undefined where nobody knows */
  leave(tokens: number | undefined): void;
}

/** Where passes are given back. */
export interface Desk {
  answered(pass: GrantedPass): void;
  note(pass: GrantedPass, told: ToldLimits): void;
  left(pass: GrantedPass, really: number | undefined): void;
}

/** A class, so that a reply that runs holds no closures for it. */
export class GrantedPass implements Pass {
  readonly model: string;
  readonly tokens: number;
  readonly takenAtMs: number;
  readonly waitedMs: number;
  readonly #desk: Desk;
  #isAnswered = false;
  #isOver = false;

  constructor(desk: Desk, model: string, tokens: number, takenAtMs: number, waitedMs: number) {
    this.#desk = desk;
    this.model = model;
    this.tokens = tokens;
    this.takenAtMs = takenAtMs;
    this.waitedMs = waitedMs;
  }

  told(limits: ToldLimits): void {
    this.#answer();
    this.#desk.note(this, limits);
  }

  leave(tokens: number | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#answer();
    this.#desk.left(this, tokens);
  }

  #answer(): void {
    if (this.#isAnswered) return;
    this.#isAnswered = true;
    this.#desk.answered(this);
  }
}
