import * as z from "zod";
import { factsOf } from "../../../lib/reasons.ts";
import { eventsAbout, type ToldEvent } from "../events.ts";
import { ago } from "../words.ts";
import { listOf, readObject } from "./cluster-objects.ts";
import { type CheckResult, type CheckPlace, unknown, well, wrong } from "./finding.ts";

const MS_A_MINUTE = 60_000;
/** For so long nobody worries about sweeps that come every five minutes; as in docs/alerts. */
const SWEEP_LATE_MS = 20 * MS_A_MINUTE;

/** The last sweep, as klight has told of it by an Event about its Knative Service. */
export async function checkSweeps({ kube, namespace }: CheckPlace): Promise<readonly CheckResult[]> {
  const [told, schedule] = await Promise.all([
    eventsAbout(kube, "Service", { namespace, name: "klight" }),
    scheduleOf({ kube, namespace }),
  ]);
  if (told.tag === "unread") return [unknown(what, told.message)];
  const last = told.events.find(({ reason }) => reason.startsWith("Sweep"));
  const cure = `kubectl -n ${namespace} describe pingsource; kubectl -n ${namespace} logs -l serving.knative.dev/service=klight -c user-container`;
  return [last ? lastSweep(last, schedule, cure) : noSweep(schedule, cure)];
}

const what = "Last sweep";

function lastSweep(
  { at, reason, message }: ToldEvent,
  schedule: string | undefined,
  cure: string,
): CheckResult {
  const now = Date.now();
  const told = `${ago(at, now)}: ${message}`;
  if (reason !== "SweepDone") return wrong(what, told, factsOf(reason)?.cure ?? cure);
  const every = minutesBetween(schedule);
  const lateMs = every === undefined ? Infinity : Math.max(SWEEP_LATE_MS, 4 * every * MS_A_MINUTE);
  return now - Date.parse(at) > lateMs ? wrong(what, told, cure) : well(what, told);
}

function noSweep(schedule: string | undefined, cure: string): CheckResult {
  const none = "no Event tells of one; the API server keeps them for an hour";
  const isRare = schedule !== undefined && minutesBetween(schedule) === undefined;
  if (isRare) return unknown(what, `${none}, and sweeps come by the schedule ${schedule}`);
  return wrong(what, none, `Wait for the first one where klight is new. Else: ${cure}`);
}

const pings = listOf(z.object({ spec: z.object({ schedule: z.string() }) }));

/** When sweeps begin, in the words of cron; undefined: nothing tells. */
async function scheduleOf({ kube, namespace }: CheckPlace): Promise<string | undefined> {
  const path = `/apis/sources.knative.dev/v1/namespaces/${namespace}/pingsources`;
  const read = await readObject(kube, path, pings);
  return read.tag === "found" ? read.value[0]?.spec.schedule : undefined;
}

/** Of a schedule of every so many minutes, as cron writes it; undefined: it is another one. */
function minutesBetween(schedule = ""): number | undefined {
  const found = /^\*(?:\/(\d+))? \* \* \* \*$/u.exec(schedule);
  return found ? Number(found[1] ?? 1) : undefined;
}
