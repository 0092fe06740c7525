import * as z from "zod";
import { failureOf, isDone } from "../../lib/cluster/answers.ts";
import type { PodName } from "../../lib/outcome.ts";
import type { Kube } from "./kube.ts";

/** A Kubernetes Event that klight has recorded. */
export interface ToldEvent {
  /** RFC 3339. */
  readonly at: string;
  readonly type: string;
  readonly reason: string;
  readonly message: string;
}

const eventList = z.object({
  items: z
    .array(
      z.object({
        lastTimestamp: z.string().nullish(),
        metadata: z.object({ creationTimestamp: z.string().nullish() }),
        type: z.string().nullish(),
        reason: z.string().nullish(),
        message: z.string().nullish(),
        source: z.object({ component: z.string().nullish() }).nullish(),
      }),
    )
    .nullish(),
});

/** How many are asked for, and how many are shown. */
const ASKED = "500";
const SHOWN = 10;

/**
 * What klight has told of the pod, newest first: 10 at most, of the last hour, which is how long the API server keeps
 * them by default. Empty where they cannot be read: the pod itself tells what counts.
 */
export async function readPodEvents(kube: Kube, pod: PodName): Promise<readonly ToldEvent[]> {
  const read = await eventsAbout(kube, "Pod", pod);
  return read.tag === "events" ? read.events.slice(0, SHOWN) : [];
}

/** What klight has told of an object of this kind, newest first. */
export async function eventsAbout(
  { send }: Kube,
  kind: "Pod" | "Service",
  { namespace, name }: PodName,
): Promise<
  | { readonly tag: "events"; readonly events: readonly ToldEvent[] }
  | { readonly tag: "unread"; readonly message: string }
> {
  const answer = await send({
    method: "GET",
    path: `/api/v1/namespaces/${encodeURIComponent(namespace)}/events`,
    query: { fieldSelector: `involvedObject.kind=${kind},involvedObject.name=${name}`, limit: ASKED },
  });
  const list = answer.tag === "answer" && isDone(answer) ? eventList.safeParse(answer.body) : undefined;
  if (list?.data === undefined) {
    return { tag: "unread", message: failureOf(`list events in namespace ${namespace}`, answer).message };
  }
  const events = (list.data.items ?? [])
    .filter(({ source }) => source?.component === "klight")
    .map(({ lastTimestamp, metadata, type, reason, message }) => ({
      at: lastTimestamp ?? metadata.creationTimestamp ?? "",
      type: type ?? "",
      reason: reason ?? "",
      message: message ?? "",
    }))
    .sort((a, b) => (a.at < b.at ? 1 : -1));
  return { tag: "events", events };
}
