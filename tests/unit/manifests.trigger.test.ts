import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, test } from "node:test";
import { z } from "zod";
import { eventTypes } from "../../functions/events/read-events.ts";
import { reasons } from "../../lib/reasons.ts";
import { at, combinations, find, knative } from "./manifests.combinations.ts";
import { build } from "./manifests.kustomization.ts";

const attributes = z.record(z.string(), z.string());
type Attributes = z.infer<typeof attributes>;

/** The dialects of a filter that are used here; another one is an error. */
const filterSchema = z.union([
  z.strictObject({ exact: attributes }),
  z.strictObject({ any: z.array(z.strictObject({ exact: attributes })).min(1) }),
]);

const trigger = find(build(join(knative, "overlays/broker")), "Trigger", "klight");
const filters = z.array(filterSchema).parse(at(trigger, "spec", "filters"));

const passes = (event: Attributes): boolean => {
  const exactly = (wanted: Attributes): boolean =>
    Object.entries(wanted).every(([name, value]) => event[name] === value);
  return filters.every((filter) =>
    "any" in filter ? filter.any.some(({ exact }) => exactly(exact)) : exactly(filter.exact),
  );
};

const recordSchema = z.looseObject({ headers: attributes });
const recorded = ["apiserversource-resource", "apiserversource-reference"].flatMap((mode) =>
  readFileSync(resolve(import.meta.dirname, `../fixtures/${mode}.jsonl`), "utf8")
    .trim()
    .split("\n")
    .map((line) => {
      const { headers } = recordSchema.parse(JSON.parse(line));
      const context = Object.entries(headers).filter(([name]) => name.startsWith("ce-"));
      return Object.fromEntries(context.map(([name, value]) => [name.slice(3), value]));
    }),
);

const byName = (a: string, b: string): number => a.localeCompare(b);

describe("the Trigger's filter", () => {
  test("lets in every recorded event", () => {
    assert.ok(recorded.length > 0);
    assert.deepEqual(
      recorded.filter((event) => !passes(event)),
      [],
    );
  });

  test("lets in every type that the function takes, pods and pings, and no type besides", () => {
    const exact = filters
      .flatMap((filter) => ("any" in filter ? filter.any : [filter]))
      .map((each) => each.exact);
    assert.deepEqual(
      exact.map(({ type }) => type ?? "any").toSorted(byName),
      Object.keys(eventTypes).toSorted(byName),
    );
    const ofPods = Object.entries(eventTypes).filter(([, { tag }]) => tag === "pod");
    for (const [type] of ofPods)
      assert.ok(passes({ type, kind: "Pod" }) && !passes({ type, kind: "Service" }));
  });

  test("keeps out the replies that the function sends", () => {
    const replies = Object.keys(reasons).map((outcome) => ({
      type: `dev.klight.peer.${outcome}`,
      kind: "Pod",
    }));
    assert.deepEqual(replies.filter(passes), []);
  });

  test("keeps out events of other kinds", () => {
    const others = recorded.map((event) => Object.assign({}, event, { kind: "Node" }));
    assert.deepEqual(others.filter(passes), []);
  });
});

test("every Broker that is shipped delivers events side by side", () => {
  const brokers = combinations().flatMap(({ title, overlay, manifests }) => {
    const found = manifests.filter(({ kind }) => kind === "Broker");
    assert.equal(found.length, overlay === "broker" ? 1 : 0, title);
    return found;
  });
  assert.ok(brokers.length > 0);
  for (const broker of brokers)
    assert.equal(at(broker, "metadata", "annotations", "messaging.knative.dev/async-handler"), "true");
});

describe("the Trigger's delivery", () => {
  const delivery = z
    .strictObject({
      retry: z.number().int(),
      backoffPolicy: z.literal("exponential"),
      backoffDelay: z.string().regex(/^PT[\d.]+S$/),
      timeout: z.string().regex(/^PT\d+M$/),
      deadLetterSink: z.unknown(),
    })
    .parse(at(trigger, "spec", "delivery"));

  test("tries for longer than a hung member is waited for and for less than the sweep's period", () => {
    const first = Number(delivery.backoffDelay.slice(2, -1));
    const total = first * (2 ** delivery.retry - 1);
    assert.ok(total > 60 && total < 300, `${total} s`);
  });

  test("gives a sweep the 60 s that it may take, and a cold start besides", () => {
    assert.ok(60 * Number(delivery.timeout.slice(2, -1)) > 60 + 30);
  });
});
