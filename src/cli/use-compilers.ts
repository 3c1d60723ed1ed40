// The executable starts with compilers that wait a hundred times as long as usual (scripts/build.ts): what runs once, at the
// start, is not worth their work nor the 2.5 MB that they leave behind.

/** From here on code runs often. */
export function useCompilersAsUsual(): void {
  Bun.unsafe.setJITPolicy(1);
}
