/** Deeper than any pod or event is. What walks a value that is nested without end runs out of stack. */
const DEEPEST = 100;

/** The value that these bytes stand for, or what is wrong with them. */
export function readJson(
  body: Uint8Array,
):
  | { readonly tag: "json"; readonly value: unknown }
  | { readonly tag: "invalid"; readonly problems: readonly string[] } {
  if (body.length === 0) return invalidJson("must be JSON, was empty");
  if (isDeep(body)) return invalidJson(`may be nested ${DEEPEST} deep, was deeper`);
  try {
    const written = new TextDecoder("utf-8", { fatal: true }).decode(body);
    return { tag: "json", value: JSON.parse(written) as unknown };
  } catch (error) {
    return invalidJson(`must be JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}

const invalidJson = (problem: string): Extract<ReturnType<typeof readJson>, { tag: "invalid" }> => ({
  tag: "invalid",
  problems: [`body: ${problem}`],
});

/** Byte by byte, as this is done for every event: what opens and closes is ASCII, and counts outside of texts. */
function isDeep(json: Uint8Array): boolean {
  let depth = 0;
  let counts = 1;
  for (let at = 0; at < json.length && depth <= DEEPEST; at += 1) {
    switch (json[at] ?? 0) {
      case 0x22: // "
        counts = 1 - counts;
        break;
      case 0x5c: // \
        at += 1;
        break;
      case 0x5b: // [
      case 0x7b: // {
        depth += counts;
        break;
      case 0x5d: // ]
      case 0x7d: // }
        depth -= counts;
        break;
    }
  }
  return depth > DEEPEST;
}
