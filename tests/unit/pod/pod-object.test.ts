import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Pod, readPod } from "../../../lib/pod/pod.ts";
import { condition, runningPod } from "../../harness/pods.ts";

/** What is wrong with a pod that has this in its spec or its status, in words. */
function problems(changes: {
  readonly spec?: object;
  readonly status?: object;
  readonly metadata?: object;
}): unknown {
  const { spec, status, metadata, ...pod } = runningPod();
  const reading = readPod(
    {
      ...pod,
      metadata: { ...metadata, ...changes.metadata },
      spec: { ...spec, ...changes.spec },
      status: { ...status, ...changes.status },
    },
    { scope: "namespace", namespaces: [], defaultPort: 9081 },
  );
  return reading.tag === "invalid" ? reading.problems : reading.tag;
}
const bad = (count: number): readonly object[] => Array.from({ length: count }, () => ({ name: "" }));
const each = (at: number): string =>
  `spec.containers[${at}].name: Too small: expected string to have >=1 characters, received ""`;

describe("a list of a pod object", () => {
  test("may be absent or null, as Go writes it", () => {
    assert.equal(problems({ spec: { initContainers: null } }), "pod");
    assert.equal(problems({ status: { conditions: undefined } }), "pod");
  });

  test("that is none is told", () => {
    assert.deepEqual(problems({ spec: { containers: "x" } }), [
      'spec.containers: expected array, received "x"',
    ]);
    assert.deepEqual(problems({ status: { podIPs: { ip: "10.0.0.1" } } }), [
      "status.podIPs: expected array, received an object",
    ]);
  });

  test("of nine bad items has each told, with the good ones passed over", () => {
    assert.deepEqual(
      problems({ spec: { containers: [{ name: "good" }, ...bad(9)] } }),
      Array.from({ length: 9 }, (_, at) => each(at + 1)),
    );
  });

  test("of more has ten told, and how many are not looked at", () => {
    assert.deepEqual(problems({ spec: { containers: bad(13) } }), [
      ...Array.from({ length: 10 }, (_, at) => each(at)),
      "spec.containers: expected good items, and 3 more are not looked at, received a list",
    ]);
  });
});

describe("a problem of a pod object", () => {
  test("says what was expected and what was received, without its type", () => {
    assert.deepEqual(problems({ metadata: { uid: 5 } }), ["metadata.uid: expected string, received 5"]);
    assert.deepEqual(problems({ spec: { containers: [{ name: 5 }] } }), [
      "spec.containers[0].name: expected string, received 5",
    ]);
  });
});

describe("what a pod says of itself", () => {
  const read = (changes: Parameters<typeof runningPod>[0]): Pod => {
    const rules = { scope: "namespace", namespaces: [], defaultPort: 9081 } as const;
    const reading = readPod(runningPod(changes), rules);
    return reading.tag === "pod" ? reading.pod : assert.fail(reading.problems.join());
  };

  test("that it asks for a re-form, unless it says nothing there", () => {
    const asks = (value: string) => read({ metadata: { annotations: { "klight.dev/reform": value } } });
    assert.equal(asks("one").reformAsked, "one");
    assert.equal("reformAsked" in asks(""), false);
    assert.equal("reformAsked" in read({}), false);
  });

  test("since when its condition says what it says, in whatever zone", () => {
    const at = "2026-11-23T20:03:12+01:00";
    const joined = condition("klight.dev/joined", "True", { lastTransitionTime: at });
    assert.equal(read({ status: { conditions: [joined] } }).joinedSince, Date.parse("2026-11-23T19:03:12Z"));
  });

  test("that it is of no network where it has no label", () => {
    assert.equal("network" in read({ metadata: { labels: {} } }), false);
  });
});
