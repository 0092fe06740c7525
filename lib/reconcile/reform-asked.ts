import { cause } from "./cause.ts";
import type { Deps } from "../deps.ts";
import { reconcile } from "./reconcile.ts";
import { held, type Outcome } from "../outcome.ts";

/** Somebody asks for a network to be re-formed. Safe to ask again: one re-form runs at a time. */
export async function reformAsked(deps: Deps, network: string): Promise<Outcome> {
  if (deps.settings.reform === "off") {
    return { name: "refused", reason: "ReformOff", message: "KLIGHT_REFORM is off", network };
  }
  const read = await deps.contacts.read([network]);
  if (read.tag === "failed") return held("StoreUnavailable", read.message, { network });
  if (read.views.every(({ stack }) => stack.length === 0)) {
    return {
      name: "refused",
      reason: "NoNetwork",
      message: `there is no network ${network} with a member`,
      network,
    };
  }
  return reconcile(deps, { network, cause: cause("asked-for", "somebody asked for it") });
}
