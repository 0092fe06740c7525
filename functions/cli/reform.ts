import { setTimeout as sleep } from "node:timers/promises";
import { failureOf, isDone } from "../../lib/cluster/answers.ts";
import { podPath } from "../../lib/cluster/read-pods.ts";
import { REFORM_ANNOTATION } from "../../lib/pod/condition.ts";
import { type Pod, joinedInThisLife } from "../../lib/pod/pod.ts";
import { podKey } from "../status/trouble.ts";
import { readPodEvents } from "./events.ts";
import { CommandFailed, EXIT } from "./answer.ts";
import type { Kube } from "./kube.ts";
import { readOnePod, readPods } from "./pods.ts";

/** How a request to re-form a network ended. */
export interface ReformAnswer {
  readonly network: string;
  /** The pod that bore the request, `NAMESPACE/NAME`. */
  readonly pod: string;
  /** The annotation's value. */
  readonly request: string;
  readonly done: boolean;
  readonly reason: string;
  readonly message: string;
}

/** A function at zero takes some seconds to come up, a re-form some more. */
const POLL_MS = 500;

/**
 * Asks for a re-form by the annotation klight.dev/reform on a pod of the network, and waits for klight's answer in that
 * pod's condition. Throws CommandFailed: nobody is in the network, it may not be asked for, or no answer came in time.
 */
export async function reformNetwork(
  kube: Kube,
  { namespace, id }: { readonly namespace: string; readonly id: string },
  waitMs: number,
): Promise<ReformAnswer> {
  const inNamespace = await readPods(kube, namespace);
  // With KLIGHT_SCOPE=cluster the key is the id alone, and its pods may be anywhere.
  const network = inNamespace.some((pod) => pod.network === id) ? id : `${namespace}/${id}`;
  const pods = inNamespace.filter((pod) => pod.network === network);
  const pod = pods.findLast((each) => joinedInThisLife(each) && !each.deleting);
  if (pod === undefined) {
    const there = pods.length === 0 ? "no pod is labelled for it" : `none of its ${pods.length} pods is in`;
    throw new CommandFailed(EXIT.notWell, `there is no network ${network} with a member: ${there}`);
  }
  const request = new Date().toISOString();
  await annotate(kube, pod, request);
  const until = Date.now() + waitMs;
  while (Date.now() < until) {
    await sleep(POLL_MS);
    const now = await readOnePod(kube, pod);
    if (now?.uid !== pod.uid) {
      throw new CommandFailed(EXIT.notWell, `${podKey(pod)} went away before klight answered: ask again`);
    }
    if (now.joined?.reform === request) return reformAnswer(kube, pod, { network, request });
  }
  const hint = "klight check tells what keeps pod events from it";
  throw new CommandFailed(EXIT.unknown, `klight has not answered within ${waitMs / 1_000} s: ${hint}`);
}

async function annotate({ send }: Kube, pod: Pod, value: string): Promise<void> {
  const answer = await send({
    method: "PATCH",
    path: podPath(pod),
    query: { fieldManager: "kubectl-klight", fieldValidation: "Strict" },
    body: {
      contentType: "application/merge-patch+json",
      json: { metadata: { uid: pod.uid, annotations: { [REFORM_ANNOTATION]: value } } },
    },
  });
  if (isDone(answer)) return;
  const { kind, message } = failureOf(`patch pods in namespace ${pod.namespace}`, answer);
  throw new CommandFailed(kind === "forbidden" ? EXIT.denied : EXIT.unknown, message);
}

/** The condition says that it is answered, the Event that came with it says how. */
async function reformAnswer(
  kube: Kube,
  pod: Pod,
  { network, request }: { readonly network: string; readonly request: string },
): Promise<ReformAnswer> {
  const answers = new Set(["ReformDone", "ReformRefused"]);
  const told = (await readPodEvents(kube, pod)).find(({ reason }) => answers.has(reason));
  const { reason = "Answered", message = "klight has answered; its Event cannot be read" } = told ?? {};
  return { network, pod: podKey(pod), request, done: reason !== "ReformRefused", reason, message };
}
