import type { ScriptName } from "./scripts.ts";

/** The keys that each script is given, in the order of its KEYS. */
export const keyNames = {
  begin: ["stack", "lease", "intent", "generation", "quiet", "newest", "hung", "deaths", "receipt"],
  mark: ["lease", "intent", "stack", "receipt"],
  commit: ["stack", "lease", "intent", "generation", "quiet", "newest", "hung", "deaths", "log", "receipt"],
  leave: ["stack", "lease", "intent", "generation", "quiet", "newest", "hung", "deaths", "receipt"],
  read: ["stack", "lease", "intent", "generation", "quiet", "newest", "hung", "deaths", "log"],
} as const satisfies Record<ScriptName, readonly string[]>;

/** All keys of a network share its hash tag, so that a Redis cluster keeps them together. */
const tagged = (prefix: string, network: string): string => `${prefix}{${network}}:`;

/** `receipt`: the call that a receipt is for; a receipt has a key of its own, so that no later call takes it away. */
export const keysFor = (
  script: ScriptName,
  where: { readonly prefix: string; readonly network: string; readonly receipt?: string },
): string[] =>
  keyNames[script].map((name) => {
    const key = tagged(where.prefix, where.network) + name;
    return name === "receipt" ? `${key}:${where.receipt ?? ""}` : key;
  });

/** A SCAN pattern for all keys of all networks. */
export const keyPattern = (prefix: string): string => `${prefix.replaceAll(/[\\*?[\]^-]/g, "\\$&")}{*}:*`;

/** The network that a key is about, if that key shows that there is such a network: it has members or an intent. */
export const networkOf = (prefix: string, key: string): string | undefined => {
  const end = key.lastIndexOf("}:");
  const name = key.slice(end + 2);
  if (!key.startsWith(`${prefix}{`) || (name !== "stack" && name !== "intent")) return undefined;
  return key.slice(prefix.length + 1, end);
};
