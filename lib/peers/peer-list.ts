/** The list of a network as a NETWORK block holds it. */
export const writePeerList = (addresses: readonly string[]): Uint8Array =>
  Buffer.from(JSON.stringify(addresses.map((Address) => ({ Address }))));
