import * as z from "zod";
import type { Outcome } from "../../lib/outcome.ts";
import { reasons } from "../../lib/reasons.ts";
import type { NetworkReport, PodReport } from "../cli/pods.ts";
import type { CheckResult } from "../cli/check/finding.ts";
import type { ReformAnswer } from "../cli/reform.ts";
import type { Status } from "./status.ts";
import type { Why } from "./why.ts";

/** What klight answers in JSON, for programs. Nothing of a running klight needs this: docs and tests are made of it. */

const timeSchema = z.iso.datetime().describe("RFC 3339, UTC");
const key = z.string().describe("`NAMESPACE/NAME`");
const networkKeySchema = z.string().describe("`NAMESPACE/ID`, or `ID` with KLIGHT_SCOPE=cluster");

/** A reason may come that this version does not know, from a newer one or from somebody else's condition. */
const reason = z.string().describe("one of docs/reasons.md, or what somebody else has written");

const trouble = {
  reason,
  says: z.string().describe("what the reason means"),
  message: z.string().describe("the names and values of this case"),
  cure: z.string().describe("what helps"),
  mendsItself: z.boolean().describe("it passes by itself, as far as klight can tell"),
  needsHelp: z.boolean().describe("it has lasted for longer than it may"),
  since: timeSchema.exactOptional().describe("since when at the latest; absent where nothing tells"),
};

const podNameShape = { pod: key, namespace: z.string(), name: z.string() };
const notInSchema = z.strictObject({ ...podNameShape, ...trouble });

const intentSchema = z.strictObject({
  kind: z.enum(["join", "reform", "visit"]),
  pod: key.exactOptional(),
  contact: z.string().exactOptional(),
  seed: z.string().exactOptional(),
  at: timeSchema,
});

const logEntrySchema = z.strictObject({
  at: timeSchema,
  pod: key.exactOptional(),
  outcome: z.string(),
  reason: z.string(),
  message: z.string(),
});

const cluster = z.union([
  z.strictObject({ tag: z.literal("seen") }),
  z.strictObject({
    tag: z.literal("failed"),
    kind: z.enum(["unavailable", "forbidden"]),
    message: z.string(),
  }),
]);

const member = z.strictObject({
  ...podNameShape,
  address: z.string().describe("`host:port`"),
  via: z.string().nullable().describe("the pod that it was joined through; null: a founder, or by a re-form"),
  joinedAt: timeSchema,
  incarnation: z.string().describe("this life of the lightpeer"),
  hungMs: z.number().exactOptional().describe("for how many ms it has been known not to answer"),
  podIs: z.enum(["gone", "another life", "being deleted", "not ready"]).exactOptional(),
});

const level = z
  .enum(["help", "unknown", "wait", "well"])
  .describe(
    "`help`: somebody should look; `unknown`: pods cannot be seen; `wait`: under way; `well`: nothing is missing",
  );

const networkSchema = z.strictObject({
  network: networkKeySchema,
  namespace: z.string().exactOptional(),
  id: z.string(),
  level,
  generation: z.int().describe("how often it was re-formed"),
  leased: z.boolean().describe("a step is changing it now"),
  intent: intentSchema.exactOptional(),
  deaths: z.boolean().describe("a member died since it was last known to be whole"),
  troubles: z.array(z.strictObject(trouble)).describe("what is not as it should be in the network itself"),
  members: z.array(member).describe("newest first"),
  notIn: z.array(notInSchema).describe("those that need help first"),
  log: z.array(logEntrySchema).describe("newest first, at most 20"),
});

const status: z.ZodType<Status> = z.strictObject({
  at: timeSchema,
  cluster,
  podsSeenAt: timeSchema.nullable().describe("when the pods were so; null: they have not been seen"),
  networks: z.array(networkSchema).describe("those that need help first"),
  unplaced: z.array(notInSchema).describe("pods whose label is empty"),
});

const seenSchema = z.strictObject({
  uid: z.string(),
  label: z.string().nullable(),
  address: z.string().nullable(),
  port: z.int().nullable(),
  container: z.string().nullable(),
  incarnation: z.string(),
  ready: z.boolean(),
  unreadySince: timeSchema.nullable(),
  deleting: z.boolean(),
});

const conditionSchema = z.strictObject({
  status: z.enum(["True", "False"]),
  reason: z.string(),
  message: z.string(),
  network: networkKeySchema.exactOptional(),
  incarnation: z.string().exactOptional(),
  was: z.string().exactOptional(),
  via: z.string().exactOptional(),
  generation: z.int().exactOptional(),
  since: timeSchema.nullable(),
});

const whySchema: z.ZodType<Why> = z.strictObject({
  pod: key,
  at: timeSchema,
  verdict: z.enum(["in", "not in", "unknown"]),
  ...trouble,
  waitsFor: z.array(z.string()),
  cluster,
  seen: seenSchema.nullable(),
  condition: conditionSchema.nullable(),
  network: z
    .strictObject({
      network: networkKeySchema,
      members: z.int(),
      generation: z.int(),
      leased: z.boolean(),
      intent: intentSchema.nullable(),
    })
    .nullable(),
  member: z
    .strictObject({
      address: z.string(),
      via: z.string().nullable(),
      joinedAt: timeSchema,
      incarnation: z.string(),
      newer: z.int().describe("members that joined after it"),
      hungMs: z.number().nullable(),
    })
    .nullable(),
  log: z.array(logEntrySchema),
});

const eventNames = [
  "founded",
  "joined",
  "reformed",
  "left",
  "refused",
] as const satisfies readonly Outcome["name"][];

const event = z.strictObject({
  outcome: z.enum(eventNames).describe("the end of the event's type, `dev.klight.peer.OUTCOME`"),
  reason: z.enum(eventNames.flatMap((name) => Object.keys(reasons[name]))),
  message: z.string(),
  network: networkKeySchema.exactOptional(),
  pod: z.strictObject({ namespace: z.string(), name: z.string() }).exactOptional(),
  via: z.string().exactOptional().describe("of `joined`"),
  generation: z.int().exactOptional(),
});

const podReport = {
  pod: key,
  network: networkKeySchema.nullable(),
  verdict: z.enum(["in", "not in"]),
  ...trouble,
  address: z.string().nullable(),
  container: z.string().nullable(),
  incarnation: z.string(),
  via: z.string().nullable(),
};

const onePodReport: z.ZodType<PodReport> = z.strictObject(podReport);
const networkReport: z.ZodType<NetworkReport> = z.strictObject({
  network: networkKeySchema,
  level: z.enum(["help", "wait", "well"]),
  in: z.array(onePodReport),
  notIn: z.array(onePodReport),
});

const cliReform: z.ZodType<ReformAnswer> = z.strictObject({
  network: networkKeySchema,
  pod: key.describe("the pod that bore the request"),
  request: z.string().describe("value of the annotation klight.dev/reform"),
  done: z.boolean(),
  reason: z.string(),
  message: z.string(),
});

const checkResult: z.ZodType<CheckResult> = z.strictObject({
  state: z.enum(["well", "wrong", "unknown"]),
  what: z.string().describe("what was looked at"),
  message: z.string(),
  cure: z.string().exactOptional().describe("what helps; absent where nothing is wrong"),
});

/** By the name of the file in docs/schemas. */
export const schemas = {
  networks: status.describe("GET /networks, and `kubectl klight networks --server URL -o json`"),
  why: whySchema.describe("GET /why/NAMESPACE/POD, and `kubectl klight why --server URL -o json`"),
  event: event.describe("data of the reply events dev.klight.peer.*"),
  "cli-why": z
    .strictObject({
      at: timeSchema,
      ...podReport,
      events: z.array(
        z.strictObject({ at: z.string(), type: z.string(), reason: z.string(), message: z.string() }),
      ),
    })
    .describe("`kubectl klight why -o json`"),
  "cli-reform": cliReform.describe("`kubectl klight reform -o json`"),
  "cli-check": z
    .strictObject({ at: timeSchema, results: z.array(checkResult) })
    .describe("`kubectl klight check -o json`"),
  "cli-networks": z
    .strictObject({ at: timeSchema, networks: z.array(networkReport) })
    .describe("`kubectl klight networks -o json`"),
} as const;
