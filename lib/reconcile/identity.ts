import type { Deps } from "../deps.ts";
import type { Held } from "../outcome.ts";
import type { Joiner } from "./observation.ts";
import { checkName, type NameCheck } from "./peer-name.ts";
import { sharedBy } from "./whose-address.ts";

/** `peer`: nobody else answers for it, as far as can be told. `unsure`: what answers may be somebody else; it stays out. */
export type Identity =
  | { readonly tag: "peer"; readonly name: Exclude<NameCheck, { readonly tag: "differs" }> }
  | { readonly tag: "unsure"; readonly outcome: Held };

/** Asks the API server who else has its address, and the peer what it calls itself. Changes nothing anywhere. */
export async function identify(
  deps: Deps,
  network: string,
  arrival: Pick<Joiner, "pod" | "peer">,
): Promise<Identity> {
  const [shared, name] = await Promise.all([sharedBy(deps, network, arrival), checkName(deps, arrival)]);
  if (shared) return { tag: "unsure", outcome: shared };
  return name.tag === "differs" ? { tag: "unsure", outcome: name.outcome } : { tag: "peer", name };
}
