// Who may go on first where only one of all workers may: lines in the order in which they were joined. Known to the supervisor
// alone, and over with it.

export interface Lines<Member> {
  /** Resolves when it is this member's turn, or when it has left. A member stands in a line once at a time. */
  enter(key: string, member: Member): Promise<null>;
  /** Lets the next one in, or gives up the place. Nothing happens when it stands in no such line. */
  leave(key: string, member: Member): void;
  /** It is gone from all lines. */
  drop(member: Member): void;
}

interface Place<Member> {
  readonly member: Member;
  letIn(): void;
}

export function createLines<Member>(): Lines<Member> {
  /** The first of each has its turn. */
  const lines = new Map<string, Place<Member>[]>();

  function leave(key: string, member: Member): void {
    const line = lines.get(key);
    const index = line?.findIndex((place) => place.member === member) ?? -1;
    if (line === undefined || index < 0) return;
    const [left] = line.splice(index, 1);
    // Whoever still waits for it need not.
    left?.letIn();
    if (line.length === 0) lines.delete(key);
    else if (index === 0) line[0]?.letIn();
  }

  return {
    enter(key, member) {
      const line = lines.get(key) ?? [];
      lines.set(key, line);
      const { promise, resolve } = Promise.withResolvers<null>();
      const place = { member, letIn: () => resolve(null) };
      if (line.push(place) === 1) place.letIn();
      return promise;
    },
    leave,
    drop(member) {
      for (const key of [...lines.keys()]) leave(key, member);
    },
  };
}
