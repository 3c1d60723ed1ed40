// Whether a header such as Accept or Accept-Encoding names something, and does not rule it out.

/**
 * @param header as it came; null: there is none
 * @param names any of them, in lower case
 */
export function accepts(header: string | null, ...names: readonly string[]): boolean {
  return (header ?? "").split(",").some((entry) => {
    const [name = "", ...parameters] = entry.split(";").map((part) => part.trim().toLowerCase());
    return names.includes(name) && !parameters.some((parameter) => /^q\s*=\s*0(?:\.0*)?$/.test(parameter));
  });
}
