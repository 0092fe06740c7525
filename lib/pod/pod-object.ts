import { isIP } from "node:net";
import * as z from "zod";
import { toDotPath } from "zod/v4/core";
import { firstOf, shown } from "../shown.ts";
import { isNamespace, isNetworkId, isPodName } from "./names.ts";

/** Of a list with many bad items so many are told, and what comes after them is not looked at. */
const MOST_BAD = 10;

/**
 * The fields of a pod object that klight reads: strict on these, silent on all others. Go writes an absent list or
 * map as `null` now and then, so absent and `null` are the same here.
 */
const listOrNone = <Item extends z.ZodType>(item: Item): z.ZodType<readonly z.output<Item>[]> =>
  z
    .unknown()
    .optional()
    .transform((given, { issues }) => {
      const items: z.output<Item>[] = [];
      const all: unknown = given ?? [];
      if (!Array.isArray(all)) {
        issues.push({ code: "custom", message: "expected array", input: given });
        return items;
      }
      let bad = 0;
      for (const [at, each] of all.entries()) {
        const read = item.safeParse(each, { reportInput: true });
        if (read.success) {
          items.push(read.data);
          continue;
        }
        for (const { path, message, input } of read.error.issues) {
          issues.push({ code: "custom", path: [at, ...path], message, input });
        }
        bad += 1;
        if (bad < MOST_BAD) continue;
        const message = `expected good items, and ${all.length - at - 1} more are not looked at`;
        issues.push({ code: "custom", message, input: given });
        break;
      }
      return items;
    });

const textOrNone = z.string().nullish();
const timeOrNone = z.iso.datetime({ offset: true, error: "expected a time as RFC 3339 has it" }).nullish();
const portNumber = z.int().min(1).max(65535);

const namespace = z.string().refine(isNamespace, "expected a namespace's name");
const podName = z.string().refine(isPodName, "expected a pod's name");
const labelValue = z
  .string()
  .refine(
    (value) => value === "" || isNetworkId(value),
    "expected a label value: at most 63 letters, digits, '-', '_' or '.', a letter or digit at both ends",
  );
/** One check for both kinds: a union would report two problems for one value. */
const ip = z.string().refine((value) => value === "" || isIP(value) !== 0, "expected an IP address");

const container = z.object({
  name: z.string().min(1),
  restartPolicy: textOrNone,
  ports: listOrNone(z.object({ name: textOrNone, containerPort: portNumber })),
});

const terminated = z.object({ containerID: textOrNone });

const containerStatus = z.object({
  name: z.string(),
  containerID: textOrNone,
  ready: z.boolean().nullish(),
  state: z
    .object({ running: z.object({ startedAt: timeOrNone }).nullish(), terminated: terminated.nullish() })
    .nullish(),
  lastState: z.object({ terminated: terminated.nullish() }).nullish(),
});

const podCondition = z.object({
  type: z.string(),
  status: z.string(),
  reason: textOrNone,
  message: textOrNone,
  lastTransitionTime: timeOrNone,
});

export const podObject = z.object({
  // The items of a list carry neither of these.
  apiVersion: z.literal("v1").optional(),
  kind: z.literal("Pod").optional(),
  metadata: z.object({
    uid: z.string().min(1),
    namespace,
    name: podName,
    labels: z.object({ "klight.networkId": labelValue.nullish() }).nullish(),
    annotations: z
      .object({
        "klight.dev/port": textOrNone,
        "klight.dev/container": textOrNone,
        "kubectl.kubernetes.io/default-container": textOrNone,
        "klight.dev/reform": textOrNone,
      })
      .nullish(),
    creationTimestamp: timeOrNone,
    deletionTimestamp: timeOrNone,
    // Who wrote when, in whole seconds. What cannot be read of it tells nothing, and is no reason to refuse a pod.
    managedFields: z
      .array(z.object({ manager: textOrNone, time: timeOrNone }))
      .nullish()
      .catch(undefined),
  }),
  spec: z.object({ containers: listOrNone(container), initContainers: listOrNone(container) }),
  status: z
    .object({
      phase: textOrNone,
      reason: textOrNone,
      podIP: ip.nullish(),
      podIPs: listOrNone(z.object({ ip })),
      conditions: listOrNone(podCondition),
      containerStatuses: listOrNone(containerStatus),
      initContainerStatuses: listOrNone(containerStatus),
    })
    .nullish(),
});

/** The part of a pod object that klight reads, checked. */
export type PodObject = z.output<typeof podObject>;

/** Each problem, of many the first, in one line: the path, what was expected there, and what was received. */
export const problemsOf = (error: z.ZodError): readonly string[] =>
  firstOf(error.issues, ({ path, message, input }) => {
    const where = path.length === 0 ? "pod" : toDotPath(path);
    // zod names the type received, which the value tells better.
    const expected = message.replace(/^Invalid input: |, received \w+$/gu, "");
    return `${where}: ${expected}, received ${shown(input)}`;
  });
