/**
 * The keys of one network, in the order in which every script is given them. The scripts have them as `keys.NAME`.
 *
 * What each holds:
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
const keyOf = (prefix: string, network: string, name: string): string => `${prefix}{${network}}:${name}`;

/**
 * `receipt`: the call that a receipt is for; a receipt has a key of its own, so that no later call takes it away. With it
 * comes the key for all networks that tells of each pod's peer, by uid, in which of them it is (peers.lua). `isCluster`:
 * keys of several networks cannot be used together, so each network has such a key, and none knows of the others.
 */
export const keysFor = (where: {
  readonly prefix: string;
  readonly network: string;
  readonly receipt?: string;
  readonly isCluster?: boolean;
}): string[] => {
  const { prefix, network, receipt, isCluster = false } = where;
  const keys = keyNames.map((name) => keyOf(prefix, network, name));
  if (receipt === undefined) return keys;
  const peers = isCluster ? keyOf(prefix, network, "peers") : `${prefix}peers`;
  return [...keys, keyOf(prefix, network, `receipt:${receipt}`), peers];
};

/** Where the last sweep stopped. */
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
