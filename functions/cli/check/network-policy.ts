import { BlockList, isIPv6 } from "node:net";
import * as z from "zod";
import { metadata } from "./cluster-objects.ts";

const requirement = z.object({
  key: z.string(),
  operator: z.string(),
  values: z.array(z.string()).nullish(),
});
const selector = z.object({
  matchLabels: z.record(z.string(), z.string()).nullish(),
  matchExpressions: z.array(requirement).nullish(),
});
type Selector = z.infer<typeof selector>;

const side = z.object({
  podSelector: selector.nullish(),
  namespaceSelector: selector.nullish(),
  ipBlock: z.object({ cidr: z.string(), except: z.array(z.string()).nullish() }).nullish(),
});
const policyPort = z.object({
  port: z.union([z.number(), z.string()]).nullish(),
  endPort: z.number().nullish(),
  protocol: z.string().nullish(),
});
const ports = z.array(policyPort).nullish();
/** A NetworkPolicy. */
export const policy = z.object({
  metadata,
  spec: z.object({
    podSelector: selector.nullish(),
    policyTypes: z.array(z.string()).nullish(),
    ingress: z.array(z.object({ ports, from: z.array(side).nullish() })).nullish(),
    egress: z.array(z.object({ ports, to: z.array(side).nullish() })).nullish(),
  }),
});
type Policy = z.infer<typeof policy>;

export type Labels = Readonly<Record<string, string>>;

/** One end of a connection, as policies see it. */
export interface PolicyEnd {
  readonly namespace: string;
  readonly namespaceLabels: Labels;
  readonly podLabels: Labels;
  /** Undefined: not known, so that a block of addresses is taken as let through. */
  readonly ip?: string | undefined;
}

/** One end, with the policies of its namespace. */
export interface Side extends PolicyEnd {
  readonly policies: readonly Policy[];
}

/** Policies that select `own` and of which none lets `other` through; empty: it may pass. */
export function closedBy(
  own: Side,
  other: PolicyEnd,
  { direction, number }: { readonly direction: "ingress" | "egress"; readonly number: number },
): readonly string[] {
  const selecting = own.policies.filter(
    ({ spec }) => matches(spec.podSelector, own.podLabels) && isFor(spec, direction),
  );
  const isOpen = selecting.some(({ metadata: { namespace = own.namespace }, spec }) =>
    rulesOf(spec, direction).some(
      ({ sides, ports: those }) =>
        hasPort(those, number) &&
        (sides.length === 0 || sides.some((each) => isSide(each, other, namespace ?? own.namespace))),
    ),
  );
  return isOpen ? [] : selecting.map(({ metadata: { name } }) => `${own.namespace}/${name}`);
}

/** Without policyTypes a policy is for what comes in, and for what goes out if it has rules for that. */
function isFor({ policyTypes, egress }: Policy["spec"], direction: "ingress" | "egress"): boolean {
  const types = policyTypes ?? ["Ingress", ...(egress ? ["Egress"] : [])];
  return types.includes(direction === "ingress" ? "Ingress" : "Egress");
}

const rulesOf = ({ ingress, egress }: Policy["spec"], direction: "ingress" | "egress") =>
  direction === "ingress"
    ? (ingress ?? []).map(({ ports: those, from }) => ({ ports: those ?? [], sides: from ?? [] }))
    : (egress ?? []).map(({ ports: those, to }) => ({ ports: those ?? [], sides: to ?? [] }));

/** A port by its name may be any. */
const hasPort = (those: readonly z.infer<typeof policyPort>[], number: number): boolean =>
  those.length === 0 ||
  those.some(({ port: from, endPort, protocol }) => {
    if ((protocol ?? "TCP") !== "TCP") return false;
    if (typeof from !== "number") return true;
    return number >= from && number <= (endPort ?? from);
  });

function isSide(
  { podSelector, namespaceSelector, ipBlock }: z.infer<typeof side>,
  other: PolicyEnd,
  namespace: string,
): boolean {
  if (ipBlock) return other.ip === undefined || isInBlock(ipBlock, other.ip);
  const inNamespace = namespaceSelector
    ? matches(namespaceSelector, other.namespaceLabels)
    : other.namespace === namespace;
  return inNamespace && (!podSelector || matches(podSelector, other.podLabels));
}

/** An empty selector takes all. */
function matches(wanted: Selector | null | undefined, labels: Labels): boolean {
  const equal = Object.entries(wanted?.matchLabels ?? {}).every(([key, value]) => labels[key] === value);
  return equal && (wanted?.matchExpressions ?? []).every((each) => holds(each, labels));
}

function holds({ key, operator, values }: z.infer<typeof requirement>, labels: Labels): boolean {
  const value = labels[key];
  switch (operator) {
    case "Exists":
      return value !== undefined;
    case "DoesNotExist":
      return value === undefined;
    case "In":
      return value !== undefined && (values ?? []).includes(value);
    case "NotIn":
      return value === undefined || !(values ?? []).includes(value);
    default:
      return false;
  }
}

function isInBlock({ cidr, except }: NonNullable<z.infer<typeof side>["ipBlock"]>, ip: string): boolean {
  const isIn = (block: string): boolean => {
    const [network = "", prefix] = block.split("/");
    const blocks = new BlockList();
    blocks.addSubnet(network, Number(prefix), isIPv6(network) ? "ipv6" : "ipv4");
    return blocks.check(ip, isIPv6(ip) ? "ipv6" : "ipv4");
  };
  return isIn(cidr) && !(except ?? []).some(isIn);
}
