import * as z from "zod";
import { failureOf, isDone, isStatus } from "../../../lib/cluster/answers.ts";
import type { Kube } from "../kube.ts";

/** What a read at the API server brought. `absent`: there is none of that name, or no such kind. */
export type Reading<Value> =
  | { readonly tag: "found"; readonly value: Value }
  | { readonly tag: "absent" }
  | { readonly tag: "unread"; readonly message: string };

/** One object or list by its path. What the schema does not find in it is told as what cannot be read. */
export async function readObject<Value>(
  { send }: Kube,
  path: string,
  schema: z.ZodType<Value>,
): Promise<Reading<Value>> {
  const answer = await send({ method: "GET", path });
  if (isStatus(answer, 404)) return { tag: "absent" };
  if (answer.tag !== "answer" || !isDone(answer)) {
    return { tag: "unread", message: failureOf(`get ${path}`, answer).message };
  }
  const parsed = schema.safeParse(answer.body);
  if (parsed.success) return { tag: "found", value: parsed.data };
  return { tag: "unread", message: `get ${path}: ${z.prettifyError(parsed.error)}` };
}

const labels = z.record(z.string(), z.string()).nullish();

export const metadata = z.object({
  name: z.string(),
  namespace: z.string().nullish(),
  labels,
  annotations: labels,
});

const statusCondition = z.object({
  type: z.string(),
  status: z.string(),
  reason: z.string().nullish(),
  message: z.string().nullish(),
});

/** What the kinds of Knative have in common. */
export const resource = z.object({
  metadata,
  spec: z.record(z.string(), z.unknown()).nullish(),
  status: z.object({ conditions: z.array(statusCondition).nullish() }).nullish(),
});
export type Resource = z.infer<typeof resource>;

/** The items of a list of the API server. */
export const listOf = <Item>(item: z.ZodType<Item>): z.ZodType<readonly Item[]> =>
  z.object({ items: z.array(item).nullish() }).transform(({ items }) => items ?? []);

/** Why it is not ready; undefined: it is. */
export function notReady({ status }: Resource): string | undefined {
  const ready = (status?.conditions ?? []).find(({ type }) => type === "Ready");
  if (ready?.status === "True") return undefined;
  const worst = (status?.conditions ?? []).find((each) => each.status === "False") ?? ready;
  if (worst === undefined) return "nothing has looked after it yet";
  return [worst.type, worst.reason, worst.message].filter((part) => part).join(": ");
}
