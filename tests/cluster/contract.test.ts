import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { podObject } from "../../lib/pod/pod-object.ts";
import { clusterCases } from "../contract/cluster-cases.ts";
import { openDouble } from "../contract/cluster-double.ts";
import type { Exchange } from "../harness/recorder.ts";
import { openReal } from "./cluster-real.ts";

type Opened<Open extends () => unknown> = Awaited<ReturnType<Open>>;
let real: Opened<typeof openReal>;
let double: Opened<typeof openDouble>;
before(async () => {
  [real, double] = await Promise.all([openReal(), openDouble()]);
});
after(() => Promise.all([real.close(), double.close()]));

/** What differs from run to run stands for itself by the order in which it was first seen. */
function names(): (kind: string, value: string) => string {
  const seen = new Map<string, string>();
  return (kind, value) => {
    const name = seen.get(value) ?? `${kind}-${seen.size + 1}`;
    seen.set(value, name);
    return name;
  };
}

/** An exchange without what an API server makes up: uids, times of now, versions, tokens of pages, names of users. */
function comparable(exchanges: readonly Exchange[]): readonly unknown[] {
  const name = names();
  const told = JSON.stringify(exchanges).replaceAll(/\bns-\d+/gu, (namespace) =>
    name("namespace", namespace),
  );
  return (JSON.parse(told) as typeof exchanges).map(
    ({ method, path, status, contentType, retryAfter, body }) => ({
      request: `${method} ${path.replace(/(?<=continue=)[^&]+/u, "TOKEN")}`,
      status,
      contentType,
      retryAfter,
      body: shown(body, name),
    }),
  );
}

/** What klight reads of an answer, and of a refusal all of it. */
function shown(body: unknown, name: ReturnType<typeof names>): unknown {
  const { kind, metadata, items, ...rest } = body as Readonly<Record<string, unknown>>;
  if (kind === "Pod") return podShown(body, name);
  if (kind === "PodList") {
    const { continue: next } = metadata as { readonly continue?: string };
    const listed = items as readonly unknown[];
    // Those of a long list are alike.
    const first = listed.slice(0, 5).map((item) => podShown(item, name));
    return { kind, isLast: !next, count: listed.length, first };
  }
  if (kind === "Status") return refusalShown(JSON.stringify({ kind, metadata, ...rest }), name);
  if (kind === "Event") return { kind, ...rest, involvedObject: undefined };
  return body;
}

interface Refusal {
  readonly details?: { readonly causes?: readonly object[] };
}

/** All of it; a cause that the API server tells twice is one. */
function refusalShown(said: string, name: ReturnType<typeof names>): Refusal {
  const refusal = JSON.parse(
    said
      .replaceAll(/(?<="continue":")[^"]+/gu, "TOKEN")
      .replaceAll(/system:serviceaccount:\w+:\w+/gu, "USER")
      .replaceAll(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/gu, (uid) => name("uid", uid)),
  ) as Refusal;
  const causes = new Set(
    refusal.details?.causes?.map((cause) => JSON.stringify(cause, Object.keys(cause).toSorted())),
  );
  return { ...refusal, details: { ...refusal.details, causes: [...causes] } as object };
}

function podShown(body: unknown, name: ReturnType<typeof names>): unknown {
  const { metadata, status, ...rest } = podObject.parse(body);
  return {
    ...rest,
    metadata: {
      ...metadata,
      uid: name("uid", metadata.uid),
      creationTimestamp: typeof metadata.creationTimestamp,
      deletionTimestamp: typeof metadata.deletionTimestamp,
      // All others are called by what they are.
      managedFields: metadata.managedFields?.some(({ manager }) => manager === "klight"),
    },
    status: {
      ...status,
      // Times of now are not compared; those that a case has chosen lie long ago.
      conditions: status?.conditions
        .map(({ lastTransitionTime: time, type, ...said }) => {
          return Object.assign(said, { type, time: time?.startsWith("1970") ? time : typeof time });
        })
        .toSorted((one, other) => one.type.localeCompare(other.type)),
    },
  };
}

describe("klight's way to a real API server, and the double answers each of its requests alike", () => {
  for (const { title, run } of clusterCases) {
    test(title, async () => {
      for (const world of [real, double]) {
        world.recorder.clear();
        await run(world);
      }
      assert.deepEqual(comparable(double.recorder.exchanges), comparable(real.recorder.exchanges));
    });
  }
});
