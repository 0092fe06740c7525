import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, test } from "node:test";
import fc from "fast-check";
import { z } from "zod";
import { eventTypes, readEvents, type ReadOrInvalid } from "../../functions/events/read-events.ts";
import { readPod } from "../../lib/pod/pod.ts";
import { runningPod } from "../harness/pods.ts";

const parsePod = (data: unknown): ReturnType<typeof readPod> =>
  readPod(data, { scope: "namespace", namespaces: [], defaultPort: 9081 });

type Headers = Readonly<Record<string, string>>;

const read = (headers: Headers, body: string | Buffer = ""): readonly ReadOrInvalid[] => {
  const reading = readEvents({ headers, body: Buffer.from(body) }, { readPod: parsePod, mostEvents: 100 });
  assert.ok(reading.tag === "events");
  return reading.events;
};

const readOne = (headers: Headers, body?: string | Buffer): ReadOrInvalid => {
  const [event, ...more] = read(headers, body);
  assert.ok(event);
  assert.deepEqual(more, []);
  return event;
};

const problemsOf = (event: ReadOrInvalid): readonly string[] => {
  assert.equal(event.tag, "invalid");
  return event.tag === "invalid" ? event.problems : [];
};

const attributes = {
  specversion: "1.0",
  id: "1",
  source: "https://10.96.0.1:443",
  type: "dev.knative.apiserver.resource.update",
  subject: "/apis/v1/namespaces/default/pods/peer-a",
  apiversion: "v1",
  kind: "Pod",
  namespace: "default",
  name: "peer-a",
};
type Changes = Readonly<Record<string, unknown>>;

/** The headers of binary mode; an attribute that is changed to undefined is left out. */
const binary = (changes: Readonly<Record<string, string | undefined>> = {}): Headers =>
  Object.fromEntries(
    Object.entries({ ...attributes, ...changes }).flatMap(([name, value]) =>
      value === undefined ? [] : [[name === "content-type" ? name : `ce-${name}`, value]],
    ),
  );
const json = { "content-type": "application/json" };
const structured = { "content-type": "application/cloudevents+json; charset=UTF-8" };
const event = (changes: Changes = {}): Record<string, unknown> => ({
  ...attributes,
  datacontenttype: "application/json",
  data: runningPod(),
  ...changes,
});
const structuredOne = (changes: Changes = {}): ReadOrInvalid =>
  readOne(structured, JSON.stringify(event(changes)));
const pod = JSON.stringify(runningPod());

describe("events as the source sends them", () => {
  const recordSchema = z.object({ headers: z.record(z.string(), z.string()), body: z.unknown() });
  const recorded = (mode: string): readonly z.infer<typeof recordSchema>[] =>
    readFileSync(resolve(import.meta.dirname, `../fixtures/apiserversource-${mode}.jsonl`), "utf8")
      .trim()
      .split("\n")
      .map((line) => recordSchema.parse(JSON.parse(line)));

  for (const mode of ["resource", "reference"]) {
    test(`each recorded one in ${mode} mode is read with its change and its pod`, () => {
      const events = recorded(mode);
      assert.ok(events.length > 0);
      for (const { headers, body } of events) {
        const one = readOne(headers, JSON.stringify(body));
        assert.ok(one.tag === "pod", JSON.stringify(one));
        assert.equal(one.change, headers["ce-type"]?.split(".").at(-1));
        assert.deepEqual(one.name, { namespace: headers["ce-namespace"], name: headers["ce-name"] });
        assert.equal(one.pod?.name, mode === "resource" ? headers["ce-name"] : undefined);
      }
    });
  }

  test("structured mode and a batch say the same as binary mode", () => {
    const inBinary = readOne({ ...binary(), ...json }, pod);
    assert.equal(inBinary.tag, "pod");
    assert.deepEqual(structuredOne(), inBinary);
    const batch = { "content-type": "application/cloudevents-batch+json" };
    assert.deepEqual(read(batch, JSON.stringify([event(), event()])), [inBinary, inBinary]);
  });

  test("every type that is taken is read, and its change is the one in its name", () => {
    for (const [type, meaning] of Object.entries(eventTypes)) {
      const one = structuredOne({ type });
      assert.equal(one.tag, meaning.tag);
      if (one.tag === "pod") assert.equal(type.endsWith(`.${one.change}`), true);
    }
  });

  test("data in base64 is the same data", () => {
    const data_base64 = Buffer.from(pod).toString("base64");
    assert.deepEqual(structuredOne({ data: undefined, data_base64 }), structuredOne());
  });

  test("a ping is one whatever it carries", () => {
    const ping = { type: "dev.knative.sources.ping", kind: undefined, subject: undefined };
    assert.equal(readOne({ ...binary(ping), "content-type": "text/plain" }, "hello").tag, "ping");
    assert.equal(readOne(binary(ping)).tag, "ping");
  });

  test("the trace context of the sender is kept", () => {
    const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    const tracestate = "vendor=a-b,other=1";
    const one = structuredOne({ traceparent, tracestate });
    assert.ok(one.tag === "pod");
    assert.deepEqual(one.trace, { traceparent, tracestate });
    const bare = readOne({ ...binary({ traceparent }), ...json }, pod);
    assert.ok(bare.tag === "pod");
    assert.deepEqual(bare.trace, { traceparent });
  });

  test("a trace context that is not one is dropped, and the event taken", () => {
    const none = "00-00000000000000000000000000000000-00f067aa0ba902b7-01";
    for (const traceparent of ["", "00", none, "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"]) {
      const one = readOne({ ...binary({ traceparent }), ...json }, pod);
      assert.ok(one.tag === "pod");
      assert.equal(one.trace, undefined, traceparent);
    }
    const good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    const split = readOne({ ...binary({ traceparent: good, tracestate: "a=1%0D%0Ax: y" }), ...json }, pod);
    assert.ok(split.tag === "pod");
    assert.deepEqual(split.trace, { traceparent: good });
  });

  test("an event that is read says which one it is", () => {
    const one = structuredOne({ id: "7" });
    assert.ok(one.tag === "pod");
    assert.equal(one.origin?.id, "7");
    assert.match(one.origin.type, /^dev\.knative\.apiserver\./u);
  });
});

describe("events that are not for klight", () => {
  const others: readonly (readonly [string, Changes])[] = [
    ["of another source", { type: "com.example.order.placed" }],
    ["that klight sent itself", { type: "dev.klight.peer.joined" }],
    ["of a type that is a name of every object", { type: "constructor" }],
    ["of another kind", { kind: "Node", data: { kind: "Node" } }],
    ["of another kind by their data alone", { kind: undefined, data: { kind: "Service" } }],
    ["of another API's Pod", { apiversion: "metrics.k8s.io/v1", data: { kind: "Pod" } }],
  ];
  for (const [what, changes] of others) {
    test(`those ${what} are ignored`, () => {
      const one = structuredOne(changes);
      assert.ok(one.tag === "ignored", JSON.stringify(one));
      assert.equal(one.reason, "NotAPodEvent");
    });
  }
});

describe("broken events", () => {
  for (const name of ["id", "source", "type", "specversion"]) {
    test(`without ${name} are named so in every mode, and nothing is invented in its place`, () => {
      const inBinary = problemsOf(readOne({ ...binary({ [name]: undefined }), ...json }, pod));
      assert.deepEqual(inBinary, [`${name}: must be a text that is not empty, was missing`]);
      assert.deepEqual(problemsOf(structuredOne({ [name]: undefined })), inBinary);
    });
  }

  test("with several faults have a problem for each", () => {
    const problems = problemsOf(structuredOne({ id: "", source: 7, specversion: "2.0" }));
    assert.deepEqual(problems, [
      'id: must be a text that is not empty, was ""',
      "source: must be a text that is not empty, was 7",
      'specversion: must be "1.0", was "2.0"',
    ]);
  });

  const faults: readonly (readonly [string, Changes, RegExp])[] = [
    ["the version before", { specversion: "0.3" }, /^specversion: must be "1\.0", was "0\.3"$/u],
    ["a time that is none", { time: "yesterday" }, /^time: .*was "yesterday"$/u],
    ["an empty subject", { subject: "" }, /^subject: .*was ""$/u],
    ["a name of an attribute that is none", { kindOf: "Pod" }, /kindOf/u],
    [
      "a subject of another pod",
      { subject: "/apis/v1/namespaces/default/pods/peer-b" },
      /^subject: .*"peer-a"/u,
    ],
    ["a namespace of another pod", { namespace: "other" }, /^namespace: .*"default".*was "other"$/u],
    ["a name of another pod", { name: "peer-b" }, /^name: .*"peer-a".*was "peer-b"$/u],
    ["a kind that the data contradicts", { data: { kind: "Node" } }, /^kind: must be "Node".*was "Pod"$/u],
    ["no data", { data: undefined }, /^data: must be the pod, was missing$/u],
    ["data of another type", { datacontenttype: "text/xml" }, /^datacontenttype: .*was "text\/xml"$/u],
    ["a pod that is a list", { data: [] }, /^data\./u],
    [
      "a pod with a field of the wrong type",
      { data: runningPod({ status: { podIP: "nowhere" } }) },
      /^data\.status\.podIP: expected an IP address, received "nowhere"$/u,
    ],
  ];
  for (const [what, changes, problem] of faults) {
    test(`with ${what} are refused, with the name and the value`, () => {
      const problems = problemsOf(structuredOne(changes));
      assert.match(problems.join("\n"), problem);
    });
  }

  test("in Reference mode name a pod that there can be", () => {
    const type = "dev.knative.apiserver.ref.add";
    const bare = { type, subject: undefined, namespace: undefined, name: undefined };
    assert.deepEqual(problemsOf(structuredOne({ ...bare, data: { namespace: "../x" } })), [
      'data.namespace: must be the namespace of a pod, was "../x"',
      "data.name: must be the name of a pod, was missing",
    ]);
  });

  const bodies: readonly (readonly [string, Headers, string | Buffer, RegExp])[] = [
    ["broken JSON", structured, "{", /^body: must be JSON/u],
    ["no body", structured, "", /^body: must be JSON, was empty$/u],
    ["bytes that are not UTF-8", structured, Buffer.from([0x22, 0xff, 0x22]), /^body: must be JSON/u],
    ["a list where one event should be", structured, "[]", /^event: must be a JSON object, was a list$/u],
    ["null", structured, "null", /^event: must be a JSON object, was null$/u],
    ["broken JSON in binary mode", { ...binary(), ...json }, "{", /^body: must be JSON/u],
    [
      "text for a pod",
      { ...binary(), "content-type": "text/plain" },
      pod,
      /^datacontenttype: .*"text\/plain"$/u,
    ],
    ["no event at all", json, "{}", /^content-type: must be .*was "application\/json"$/u],
    ["no header at all", {}, "", /^content-type: must be .*was ""$/u],
    [
      "a batch that is an object",
      { "content-type": "application/cloudevents-batch+json" },
      "{}",
      /^body: must be a list of events/u,
    ],
  ];
  for (const [what, headers, body, problem] of bodies) {
    test(`requests with ${what} are refused`, () => {
      assert.match(problemsOf(readOne(headers, body)).join("\n"), problem);
    });
  }

  test("in a batch leave the others as they are", () => {
    const events = read(
      { "content-type": "application/cloudevents-batch+json" },
      JSON.stringify([event(), 7, event({ id: undefined }), event()]),
    );
    assert.deepEqual(
      events.map(({ tag }) => tag),
      ["pod", "invalid", "invalid", "pod"],
    );
  });

  test("never throw, whatever is in them", () => {
    const values = fc.oneof(fc.constant(undefined), fc.jsonValue());
    fc.assert(
      fc.property(
        fc.constantFrom(...Object.keys(attributes), "data", "time", "__proto__", "validate"),
        values,
        (name, value) => {
          const body = JSON.stringify(Object.fromEntries([...Object.entries(event()), [name, value]]));
          assert.match(readOne(structured, body).tag, /^(?:pod|ping|ignored|invalid)$/u);
        },
      ),
      { numRuns: 300 },
    );
  });
});
