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
const list = <Item extends z.ZodType>(item: Item): z.ZodType<readonly z.output<Item>[]> =>
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

const text = z.string().nullish();
const time = z.iso.datetime({ offset: true, error: "expected a time as RFC 3339 has it" }).nullish();
const port = z.int().min(1).max(65535);

const namespace = z.string().refine(isNamespace, "expected a namespace's name");
const podName = z.string().refine(isPodName, "expected a pod's name");
const labelValue = z
  .string()
  .refine(
    (value) => value === "" || isNetworkId(value),
    "expected a label value: at most 63 letters, digits, '-', '_' or '.', a letter or digit at both ends",
  );
/** One check for both kinds: a union would report two problems for one value. */
const ip = z
  .string()
  .refine(
    (value) => value === "" || z.ipv4().safeParse(value).success || z.ipv6().safeParse(value).success,
    "expected an IP address",
  );

const container = z.object({
  name: z.string().min(1),
  restartPolicy: text,
  ports: list(z.object({ name: text, containerPort: port })),
});

const terminated = z.object({ containerID: text });

const containerStatus = z.object({
  name: z.string(),
  containerID: text,
  ready: z.boolean().nullish(),
  state: z
    .object({ running: z.object({ startedAt: time }).nullish(), terminated: terminated.nullish() })
    .nullish(),
  lastState: z.object({ terminated: terminated.nullish() }).nullish(),
});

const condition = z.object({
  type: z.string(),
  status: z.string(),
  reason: text,
  message: text,
  lastTransitionTime: time,
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
        "klight.dev/port": text,
        "klight.dev/container": text,
        "kubectl.kubernetes.io/default-container": text,
        "klight.dev/reform": text,
      })
      .nullish(),
    creationTimestamp: time,
    deletionTimestamp: time,
  }),
  spec: z.object({ containers: list(container), initContainers: list(container) }),
  status: z
    .object({
      phase: text,
      reason: text,
      podIP: ip.nullish(),
      podIPs: list(z.object({ ip })),
      conditions: list(condition),
      containerStatuses: list(containerStatus),
      initContainerStatuses: list(containerStatus),
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
