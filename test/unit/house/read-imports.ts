// Import statements out of source text: static ones, `export from`, and `import()` of values and of types.

/** Begins at the start of a line, as the formatter leaves it; nothing quoted stands between the word and `from`. */
const statement = /^(?:import|export)\b[^;"'`]*?\bfrom\s*["']([^"']+)["']/gm;
const bareImport = /^import\s*["']([^"']+)["']/gm;
const callWithText = /\bimport\(\s*["'`]([^"'`]+)["'`]/g;
const computedCall = /\bimport\(\s*(?!["'`])/;

/** What a file imports, as it is written there. */
export function readSpecifiers(source: string): string[] {
  const code = withoutComments(source);
  return [statement, bareImport, callWithText].flatMap((pattern) =>
    [...code.matchAll(pattern)].map((match) => match[1] ?? ""),
  );
}

/** Whether a file imports something that only its run tells: no rule can see it. */
export function hasComputedImport(source: string): boolean {
  return computedCall.test(withoutComments(source));
}

/** Whole-line comments and doc blocks: where words about imports stand. */
function withoutComments(source: string): string {
  return source.replace(/^\s*\/\/.*$/gm, "").replace(/^\s*\/\*[\s\S]*?\*\//gm, "");
}
