// One value that changes, and who wants to hear of it: once a frame, however often it changes in between.

export interface Store<State> {
  get(): State;
  update(change: (state: State) => State): void;
  /** Calls back in the frame after a change. */
  subscribe(listener: (state: State) => void): void;
}

export function createStore<State>(initial: State, schedule: Schedule): Store<State> {
  let state = initial;
  let isScheduled = false;
  const listeners: ((state: State) => void)[] = [];

  return {
    get: () => state,
    update(change) {
      const changed = change(state);
      if (changed === state) return;
      state = changed;
      if (isScheduled) return;
      isScheduled = true;
      schedule(() => {
        isScheduled = false;
        for (const listener of listeners) listener(state);
      });
    },
    subscribe: (listener) => void listeners.push(listener),
  };
}

/** Runs a task soon, once. */
export type Schedule = (task: () => void) => void;
