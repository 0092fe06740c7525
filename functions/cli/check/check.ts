import { failureOf } from "../../../lib/cluster/answers.ts";
import { variables } from "../../../lib/config.ts";
import { CommandFailed, EXIT } from "../answer.ts";
import type { Kube } from "../kube.ts";
import { TRY_KUBECTL } from "../pods.ts";
import { lines } from "../words.ts";
import type { CheckResult, CheckPlace } from "./finding.ts";
import { checkFunction, checkRights, checkSecrets, type FunctionSettings, namespacesOf } from "./function.ts";
import { checkBroker, checkKinds, checkSources } from "./knative.ts";
import { checkPolicies, type Ways } from "./policies.ts";
import { checkSweeps } from "./sweeps.ts";

/**
 * Looks for what keeps klight from its work in this cluster. Changes nothing. Throws CommandFailed where the cluster does not
 * answer, or not to whoever asks.
 */
export async function checkCluster(kube: Kube, namespace: string): Promise<readonly CheckResult[]> {
  const answer = await kube.send({ method: "GET", path: "/version" });
  if (answer.tag === "unreachable" || answer.status === 401) {
    const { message } = failureOf("get /version", answer);
    throw new CommandFailed(EXIT.unknown, `${message}\n${TRY_KUBECTL}`);
  }
  const place: CheckPlace = { kube, namespace };
  const [kinds, { results: ofFunction, settings }, broker, sources, sweeps] = await Promise.all([
    checkKinds(place),
    checkFunction(place),
    checkBroker(place),
    checkSources(place),
    checkSweeps(place),
  ]);
  const more = settings
    ? await Promise.all([checkSecrets(place, settings), checkRights(place, settings)])
    : [];
  const policies = await checkPolicies(place, waysOf(settings));
  return [...kinds, ...ofFunction, ...more.flat(), ...broker, ...sources, ...sweeps, ...policies];
}

function waysOf(settings: FunctionSettings | undefined): Ways {
  const set = variables.KLIGHT_SEED_PORT.schema.safeParse(settings?.values.get("KLIGHT_SEED_PORT"));
  return {
    seedPort: set.data ?? variables.KLIGHT_SEED_PORT.schema.parse(undefined),
    namespaces: settings && namespacesOf(settings),
  };
}

const marks = { well: "ok     ", wrong: "WRONG  ", unknown: "unknown" } as const;

export const checkInWords = (results: readonly CheckResult[]): string =>
  lines(
    ...results.flatMap(({ state, what, message, cure }) => [
      `${marks[state]}  ${what}: ${message}`,
      ...(cure === undefined ? [] : [`         What helps: ${cure}`]),
    ]),
  );
