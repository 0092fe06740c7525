import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { HTTP } from "cloudevents";
import fc from "fast-check";
import { outcomeHeader } from "../../functions/http/problem.ts";
import { replyTo } from "../../functions/http/reply.ts";
import { held, type Outcome } from "../../lib/outcome.ts";

const subject = { pod: { namespace: "default", name: "peer-a" }, network: "default/net-a" };
const message = "peer-a was joined";

const empty: readonly Outcome[] = [
  { name: "ignored", reason: "NoLabel", message },
  { ...subject, name: "member", reason: "AlreadyMember", message },
];
const told: readonly Outcome[] = [
  { ...subject, name: "founded", reason: "Founded", message, generation: 0 },
  { ...subject, name: "joined", reason: "Joined", message, via: "peer-b", generation: 3 },
  { ...subject, name: "reformed", reason: "Reformed", message, generation: 4 },
  { ...subject, name: "left", reason: "Left", message },
  { ...subject, name: "refused", reason: "RelabelRefused", message },
];

describe("an outcome over HTTP", () => {
  for (const outcome of empty) {
    test(`${outcome.name} is 204 without a body`, () => {
      const { status, body, headers } = replyTo(outcome);
      assert.deepEqual([status, body], [204, undefined]);
      assert.equal(headers["klight-outcome"], `${outcome.name}; reason="${outcome.reason}: ${message}"`);
    });
  }

  for (const outcome of told) {
    test(`${outcome.name} is 200 with a CloudEvent that a Broker takes`, () => {
      const { status, headers, body } = replyTo(outcome);
      assert.equal(status, 200);
      const event = HTTP.toEvent({ headers, body });
      assert.ok(!Array.isArray(event));
      // The SDK makes up what is missing; what was sent is in the headers.
      for (const name of ["ce-id", "ce-source", "ce-specversion", "ce-time"]) assert.ok(headers[name], name);
      assert.equal(event.type, `dev.klight.peer.${outcome.name}`);
      assert.equal(event.subject, "/apis/v1/namespaces/default/pods/peer-a");
      const { name, ...rest } = outcome;
      assert.deepEqual(event.data, { outcome: name, ...rest });
      assert.equal(headers["klight-outcome"], `${name}; reason="${outcome.reason}: ${message}"`);
    });
  }

  test("refused for a time is 429, and says for how long", () => {
    const outcome = {
      ...subject,
      name: "refused",
      reason: "ReformedJustNow",
      message,
      retryAfterS: 30,
    } as const;
    const { status, headers, body } = replyTo(outcome);
    assert.deepEqual([status, headers["retry-after"]], [429, "30"]);
    assert.equal(headers["klight-outcome"], `refused; reason="ReformedJustNow: ${message}"`);
    const { title, detail } = JSON.parse(body ?? "") as Record<string, string>;
    assert.deepEqual([title, detail], ["ReformedJustNow", message]);
  });

  test("two replies are two events", () => {
    const [outcome] = told;
    assert.ok(outcome);
    assert.notEqual(replyTo(outcome).headers["ce-id"], replyTo(outcome).headers["ce-id"]);
  });

  for (const reason of ["NetworkBusy", "ShuttingDown", "StoreUnavailable", "ClusterUnavailable"] as const) {
    test(`held by ${reason} is 503, which a source without a Broker tries again`, () => {
      assert.equal(replyTo(held(reason, "for now")).status, 503);
    });
  }

  for (const reason of ["JoinerNotServing", "ContactsUnreachable", "HistoryTooLarge"] as const) {
    test(`held by ${reason} is 409, which keeps a source without a Broker from nobody else's event`, () => {
      assert.equal(replyTo(held(reason, "for longer")).status, 409);
    });
  }

  test("held says when to come back and why", () => {
    const { status, headers, body } = replyTo(held("MemberHung", "peer-b does not answer", subject, 7));
    assert.equal(status, 409);
    assert.equal(headers["retry-after"], "7");
    assert.equal(headers["klight-outcome"], 'held; reason="MemberHung: peer-b does not answer"');
    assert.equal(headers["content-type"], "application/problem+json");
    assert.deepEqual(JSON.parse(body ?? ""), {
      type: "about:blank",
      title: "MemberHung",
      status: 409,
      detail: "peer-b does not answer",
    });
  });

  test("carries no more of a pod than its name", () => {
    const pod = { ...subject.pod, uid: "secret-uid", labels: { a: "b" } };
    const { body = "" } = replyTo({ pod, name: "left", reason: "Left", message });
    assert.doesNotMatch(body, /secret-uid|labels/u);
  });
});

describe("the header klight-outcome", () => {
  test("is one structured field of bounded length, whatever the reason says", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 600 }), (reason) => {
        const header = outcomeHeader("held", reason)["klight-outcome"] ?? "";
        assert.match(header, /^held; reason="(?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\["\\]){0,400}"$/u);
      }),
    );
  });

  test("keeps quotes and backslashes readable", () => {
    const { "klight-outcome": header } = outcomeHeader("held", String.raw`a "b" \c`);
    assert.equal(header, String.raw`held; reason="a \"b\" \\c"`);
  });
});
