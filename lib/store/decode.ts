import * as z from "zod";
import type {
  Begun,
  Committed,
  Contact,
  Departed,
  Intent,
  LogEntry,
  Marked,
  NetworkRecord,
  NetworkView,
  PlaceAnswer,
  StoreFailure,
} from "./contacts.ts";

const jsonText = <T>(schema: z.ZodType<T>): z.ZodType<T, string> =>
  z
    .string()
    .transform((text, context): unknown => {
      try {
        return JSON.parse(text);
      } catch {
        context.addIssue({ code: "custom", message: "not JSON" });
        return z.NEVER;
      }
    })
    .pipe(schema);

const count = z
  .string()
  .regex(/^\d{1,15}$/)
  .transform(Number);
const flag = z.enum(["0", "1"]).transform((digit) => digit === "1");

const contact: z.ZodType<Contact> = z.object({
  uid: z.string(),
  namespace: z.string(),
  name: z.string(),
  address: z.string(),
  incarnation: z.string(),
  via: z.string().nullable(),
  joinedAt: z.string(),
});

const storedIntent: z.ZodType<Intent> = z.object({
  kind: z.enum(["join", "reform", "visit"]),
  pod: z.string().exactOptional(),
  uid: z.string().exactOptional(),
  contact: z.string().exactOptional(),
  seed: z.string().exactOptional(),
  at: z.string(),
});

const storedLogEntry: z.ZodType<LogEntry> = z.object({
  at: z.string(),
  pod: z.string().exactOptional(),
  outcome: z.string(),
  reason: z.string(),
  message: z.string(),
});

/** A flat list of names and values, as Redis writes a hash. */
const durations = z.array(z.string()).transform((flat, context): Record<string, number> => {
  const pairs = flat.flatMap((name, at) =>
    at % 2 === 0 ? [[name, count.safeParse(flat[at + 1])] as const] : [],
  );
  if (pairs.some(([, value]) => !value.success)) {
    context.addIssue({ code: "custom", message: "not pairs of a name and a duration" });
    return z.NEVER;
  }
  return Object.fromEntries(pairs.map(([name, value]) => [name, value.data ?? 0]));
});

const record = z
  .tuple([
    z.array(jsonText(contact)),
    z.union([z.literal("").transform(() => undefined), jsonText(storedIntent)]),
    count,
    count,
    z.array(z.string()).max(1),
    durations,
    durations,
    flag,
  ])
  .transform(([stack, left, generation, quietMs, [newest], hung, waitedFor, deaths]): NetworkRecord => ({
    stack,
    intent: left,
    generation,
    quietMs,
    newest,
    hung,
    waitedFor,
    deaths,
  }));

const taggedSchema = <T extends string>(tag: T): z.ZodType<{ tag: T }> =>
  z.tuple([z.literal(tag)]).transform(() => ({ tag }));

const begun: z.ZodType<Exclude<Begun, StoreFailure>> = z.union([
  taggedSchema("member"),
  z.tuple([z.literal("elsewhere"), z.string()]).transform(([tag, network]) => ({ tag, network })),
  z.tuple([z.literal("busy"), count]).transform(([tag, remainingMs]) => ({ tag, remainingMs })),
  z.tuple([z.literal("leased"), record]).transform(([tag, known]) => ({ tag, record: known })),
]);

const view = z
  .tuple([record, flag, z.array(jsonText(storedLogEntry))])
  .transform(([known, leased, log]) => ({ ...known, leased, log }));

const views = z
  .tuple([z.literal("read")])
  .rest(view)
  .transform(([tag, ...each]) => ({ tag, views: each }));

/** `at:` and a network, or none: the last sweep came round. Null: nobody has left a place. */
const place = z
  .string()
  .regex(/^at:/)
  .nullable()
  .transform((text) => ({ tag: "place" as const, network: text?.slice("at:".length) || undefined }));

const page = z
  .tuple([z.union([z.string(), z.number()]).transform(String), z.array(z.string())])
  .transform(([cursor, keys]) => ({ tag: "page" as const, cursor, keys }));

/** Anything that is not known is a failure, never "empty": servers answer a wrong token with null. */
const decoder =
  <T>(schema: z.ZodType<T>) =>
  (reply: unknown): T | StoreFailure => {
    const parsed = schema.safeParse(reply);
    if (parsed.success) return parsed.data;
    const hint = reply === null ? " (is the token right?)" : "";
    // What was received is not repeated here: nobody knows what it is.
    const what = Array.isArray(reply)
      ? `a list that starts with ${typeof reply[0]}`
      : reply === null
        ? "null"
        : typeof reply;
    return { tag: "failed", message: `Redis answered what klight does not know: ${what}${hint}` };
  };

/** The replies of the scripts, of SCAN, GETEX and SETEX, narrowed from what came over the wire. */
export const decode = {
  begun: decoder<Exclude<Begun, StoreFailure>>(begun),
  marked: decoder<Exclude<Marked, StoreFailure>>(z.union([taggedSchema("marked"), taggedSchema("lost")])),
  committed: decoder<Exclude<Committed, StoreFailure>>(
    z.union([taggedSchema("committed"), taggedSchema("late")]),
  ),
  departed: decoder<Exclude<Departed, StoreFailure>>(z.union([taggedSchema("left"), taggedSchema("absent")])),
  views: decoder<{ tag: "read"; views: Omit<NetworkView, "network">[] }>(views),
  place: decoder<Exclude<PlaceAnswer, StoreFailure>>(place),
  kept: decoder<{ tag: "kept" }>(z.literal("OK").transform(() => ({ tag: "kept" as const }))),
  page: decoder<{ tag: "page"; cursor: string; keys: string[] }>(page),
};
