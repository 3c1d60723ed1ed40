// Names of tools that may be offered: what is seen is what is called, and no name passes for another one.

/** Of the protocol: 128 characters at most. */
const maxNameChars = 128;

const lettersOfOtherScripts =
  /[\p{Script=Cyrillic}\p{Script=Greek}\p{Script=Armenian}\p{Script=Cherokee}\p{Script=Coptic}]/u;

/** Letters that look like Latin ones; a name of nothing else passes for a Latin name. */
const twins = /^[аеорсухіјѕԁһӏԛԝвкмнтгАВЕКМНОРСТХУІЈЅοαεικνρτυχωγΑΒΕΖΗΙΚΜΝΟΡΤΥΧ\x21-\x7e]+$/u;

/**
 * Nothing unseen, no space, no form that is written alike and compared as different, no mixture of scripts whose letters
 * look alike.
 */
export function isSoundName(name: string): boolean {
  if (name === "" || name.length > maxNameChars) return false;
  if (!/^[\p{L}\p{M}\p{N}_./:@+~-]+$/u.test(name)) return false;
  if (name.normalize("NFKC") !== name) return false;
  if (!lettersOfOtherScripts.test(name)) return true;
  return !/\p{Script=Latin}/u.test(name) && !twins.test(name);
}
