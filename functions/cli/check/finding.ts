import type { Kube } from "../kube.ts";

/** What one look at the cluster has shown. `unknown`: it could not be looked at. */
export interface CheckResult {
  readonly state: "well" | "wrong" | "unknown";
  /** What was looked at. */
  readonly what: string;
  readonly message: string;
  /** What helps; absent where nothing is wrong. */
  readonly cure?: string;
}

/** Where klight is, for every check. */
export interface CheckPlace {
  readonly kube: Kube;
  /** Namespace of klight's function, Broker and sources. */
  readonly namespace: string;
}

export const well = (what: string, message: string): CheckResult => ({ state: "well", what, message });

export const wrong = (what: string, message: string, cure: string): CheckResult => ({
  state: "wrong",
  what,
  message,
  cure,
});

/** Of what is installed with klight's manifests. */
export const APPLY = "kubectl apply -k with your kustomization (docs/deploy.md)";

/** `message` says why; mostly that who asks may not. */
export const unknown = (what: string, message: string): CheckResult => ({
  state: "unknown",
  what,
  message,
  cure: "Ask with an account that may read it.",
});
