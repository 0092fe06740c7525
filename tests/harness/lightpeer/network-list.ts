const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The payload of a NETWORK block. */
export const writeList = (network: readonly string[]): Uint8Array =>
  encoder.encode(JSON.stringify(network.map((address) => ({ Address: address }))));

/** An entry without an address has the empty one, as in Go. */
export const readList = (
  payload: Uint8Array,
):
  | { readonly tag: "list"; readonly network: readonly string[] }
  | { readonly tag: "failed"; readonly message: string } => {
  let list: unknown;
  try {
    list = JSON.parse(decoder.decode(payload));
  } catch (error) {
    return { tag: "failed", message: error instanceof Error ? error.message : String(error) };
  }
  if (!Array.isArray(list)) return { tag: "failed", message: "not a list of peers" };
  return { tag: "list", network: list.map(addressOf) };
};

const addressOf = (peer: unknown): string =>
  typeof peer === "object" && peer !== null && "Address" in peer && typeof peer.Address === "string"
    ? peer.Address
    : "";
