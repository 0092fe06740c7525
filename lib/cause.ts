/** Why a network is re-formed. */
export interface Cause {
  readonly kind:
    | "half-done"
    | "failed-join"
    | "failed-visit"
    | "entries-apart"
    | "lost-chain"
    | "given-up"
    | "moved-away"
    | "has-chain"
    | "was-elsewhere"
    | "entry-came"
    | "storing"
    | "configured"
    | "asked-for";
  /** Completes "the network was re-formed because ..."; names the member. */
  readonly text: string;
}

export const cause = (kind: Cause["kind"], text: string): Cause => ({ kind, text });

/** Was the network broken, or is the re-form just the safe way to bring a peer in or out? */
export function isBreakage({ kind }: Cause): boolean {
  switch (kind) {
    case "half-done":
    case "failed-join":
    case "failed-visit":
    case "entries-apart":
    case "lost-chain":
    case "given-up":
      return true;
    case "moved-away":
    case "has-chain":
    case "was-elsewhere":
    case "entry-came":
    case "storing":
    case "configured":
    case "asked-for":
      return false;
  }
}
