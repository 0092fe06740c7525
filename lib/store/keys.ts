/**
 * The keys of one network, in the order in which every script is given them. The scripts have them as `keys.NAME`.
 *
 * All of a network share its hash tag. What each holds:
 *
 * - `stack`: list of JSON contacts, newest first
 * - `lease`: hash of token and until (ms since 1970)
 * - `intent`: JSON
 * - `generation`: decimal
 * - `quiet`: there while a death must be waited out
 * - `newest`: digest
 * - `hung`: hash of incarnations, and since when each does not answer, ms since 1970. Version 0.1.0 wrote what is in
 *   `waitedFor` here, with a `@` before the address; that is read on
 * - `waitedFor`: hash of addresses, and since when the network has gone on without each, ms since 1970
 * - `deaths`: there when a member died
 * - `log`: list of JSON entries, newest first
 */
export const keyNames = [
  "stack",
  "lease",
  "intent",
  "generation",
  "quiet",
  "newest",
  "hung",
  "waitedFor",
  "deaths",
  "log",
] as const;

/** All keys of a network share its hash tag, so that a Redis cluster keeps them together. */
const hashTagged = (prefix: string, network: string): string => `${prefix}{${network}}:`;

/** `receipt`: the call that a receipt is for; a receipt has a key of its own, so that no later call takes it away. */
export const keysFor = (where: {
  readonly prefix: string;
  readonly network: string;
  readonly receipt?: string;
}): string[] => {
  const tag = hashTagged(where.prefix, where.network);
  const keys = keyNames.map((name) => tag + name);
  return where.receipt === undefined ? keys : [...keys, `${tag}receipt:${where.receipt}`];
};

/** Where the last sweep stopped: of no network, so without a hash tag. */
export const placeKey = (prefix: string): string => `${prefix}sweep`;

/** A SCAN pattern for all keys of all networks. */
export const keyPattern = (prefix: string): string => `${prefix.replaceAll(/[\\*?[\]^-]/g, "\\$&")}{*}:*`;

/** The network that a key is about, if that key shows that there is such a network: it has members or an intent. */
export const networkOfKey = (prefix: string, key: string): string | undefined => {
  const end = key.lastIndexOf("}:");
  const name = key.slice(end + 2);
  if (!key.startsWith(`${prefix}{`) || (name !== "stack" && name !== "intent")) return undefined;
  return key.slice(prefix.length + 1, end);
};
