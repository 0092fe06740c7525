/** As long as the longest name of a host, and a port. */
const LONGEST_NAME = 261;

const WORDS = "klight's seed serves only peers that it has sent for, not ";

/**
 * What the seed answers to a peer that it has not sent for. It tells the name that the peer has given itself, because a
 * peer passes on the words with which its contact refuses it: so the answer to "who are you?" comes back in the very call
 * that asked, however many questions are open at once and whichever seed was reached.
 */
export const denialOf = (name: string): string => `${WORDS}${JSON.stringify(name.slice(0, LONGEST_NAME))}`;

/** The name in the words of a refusal, wherever these stand; undefined: they are not the seed's. */
export function nameInDenial(text: string): string | undefined {
  const at = text.indexOf(WORDS);
  const [quoted] = /^"(?:[^"\\]|\\.)*"/.exec(at < 0 ? "" : text.slice(at + WORDS.length)) ?? [];
  return quoted === undefined ? undefined : String(JSON.parse(quoted));
}
