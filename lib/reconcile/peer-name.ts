import type { Deps } from "../deps.ts";
import { held, type Held } from "../outcome.ts";
import type { Joiner } from "./observation.ts";

/**
 * What a peer calls itself. Its others would know it by that name alone, so one that differs from its pod's address would
 * stand alone in every network. `unreached`: the question did not get back to klight, so a re-form will not get to the peer
 * either. `unasked`: there is no seed, or a peer of another make that tells no name.
 */
export type NameCheck =
  | { readonly tag: "same" | "unasked" }
  | { readonly tag: "unreached"; readonly message: string }
  | { readonly tag: "differs"; readonly outcome: Held };

/** Asks "who are you?" at klight's seed, which changes nothing at the peer. */
export async function checkName(deps: Deps, { pod, peer }: Pick<Joiner, "pod" | "peer">): Promise<NameCheck> {
  const opened = await deps.seeds.open("question");
  if (opened.tag === "failed") return { tag: "unasked" };
  const { seed } = opened;
  const told = await deps.lightpeer.askName(peer.address, seed.address, deps.settings.probeTimeoutMs);
  seed.close();
  switch (told.tag) {
    case "name": {
      if (told.name === peer.address) return { tag: "same" };
      const message = `the peer of ${peer.namespace}/${peer.name} calls itself ${told.name}, and its pod is at ${peer.address}`;
      return {
        tag: "differs",
        outcome: held("PeerNameDiffers", message, { pod, network: peer.network }, 30),
      };
    }
    case "unreachable":
    case "silent":
      return {
        tag: "unreached",
        message: `${peer.address} does not get through to klight's seed: ${told.message}`,
      };
    case "failed":
      return { tag: "unasked" };
  }
}
