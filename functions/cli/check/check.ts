import type { Kube } from "../kube.ts";
import { lines } from "../words.ts";
import type { CheckResult, CheckPlace } from "./finding.ts";
import { checkFunction, checkRights, checkSecrets } from "./function.ts";
import { checkBroker, checkKinds, checkSources } from "./knative.ts";
import { checkPolicies } from "./policies.ts";

/** Looks for what keeps klight from its work in this cluster. Changes nothing. Throws CommandFailed where no pod can be read. */
export async function checkCluster(kube: Kube, namespace: string): Promise<readonly CheckResult[]> {
  const place: CheckPlace = { kube, namespace };
  const [kinds, { results: ofFunction, settings }, broker, sources, policies] = await Promise.all([
    checkKinds(place),
    checkFunction(place),
    checkBroker(place),
    checkSources(place),
    checkPolicies(place),
  ]);
  const more = settings
    ? await Promise.all([checkSecrets(place, settings), checkRights(place, settings)])
    : [];
  return [...kinds, ...ofFunction, ...more.flat(), ...broker, ...sources, ...policies];
}

const marks = { well: "ok     ", wrong: "WRONG  ", unknown: "unknown" } as const;

export const checkInWords = (results: readonly CheckResult[]): string =>
  lines(
    ...results.flatMap(({ state, what, message, cure }) => [
      `${marks[state]}  ${what}: ${message}`,
      ...(cure === undefined ? [] : [`         What helps: ${cure}`]),
    ]),
  );
