// What is made when somebody first asks for it, kept from then on, and made anew only after that has failed.

export interface MadeOnce<Value> {
  /** @throws what making it throws; whoever asks next has it made again */
  get(): Promise<Value>;
  /** Somebody has asked, and it has not failed. */
  readonly isAsked: boolean;
  /** The same as `get` where it is asked for. Undefined: it is not, or has failed. Never rejects. */
  ifAsked(): Promise<Value | undefined>;
}

export function madeOnce<Value>(make: () => Promise<Value>): MadeOnce<Value> {
  let made: Promise<Value> | undefined;
  return {
    get() {
      made ??= make().catch((error: unknown) => {
        made = undefined;
        throw error;
      });
      return made;
    },
    get isAsked() {
      return made !== undefined;
    },
    async ifAsked() {
      return made?.catch(() => undefined);
    },
  };
}
