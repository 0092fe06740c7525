/** Why networks are re-formed, and whether that means that the network was broken. */
const breakage = {
  "half-done": true,
  "failed-join": true,
  "failed-visit": true,
  "entries-apart": true,
  "lost-chain": true,
  "given-up": true,
  replaced: false,
  "new-address": false,
  "moved-away": false,
  "has-chain": false,
  "was-elsewhere": false,
  "was-waited-for": false,
  "entry-came": false,
  "store-lost": false,
  storing: false,
  configured: false,
  "asked-for": false,
} as const;

/** Why a network is re-formed. */
export interface Cause {
  readonly kind: keyof typeof breakage;
  /** Completes "the network was re-formed because ..."; names the member. */
  readonly text: string;
}

export const cause = (kind: Cause["kind"], text: string): Cause => ({ kind, text });

/** Newest entries that stay different are a fork, and not an entry on its way. */
export const entriesApart = cause("entries-apart", "its newest entries differed twice, a second apart");

/** Was the network broken, or is the re-form just the safe way to bring a peer in or out? */
export const isBreakage = ({ kind }: Cause): boolean => breakage[kind];

/** Is something left undone while it is not re-formed? Then the next step must find that out. */
export const isUnfinished = ({ kind }: Cause): boolean => breakage[kind] || kind === "entry-came";
