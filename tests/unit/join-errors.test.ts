import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { status } from "@grpc/grpc-js";
import { failure } from "../../lib/peers/client/call.ts";
import { denialOf } from "../../lib/peers/denial.ts";
import { isFailedNotification, isNotOnTop, joinEndOf, nameTold } from "../../lib/peers/client/join-errors.ts";

const RPC = "rpc error: code =";
const STREAM = `could not process block stream: error while receiving messages: ${RPC}`;
const REFUSED = `could not notify new block for 10.0.0.3:9081: ${RPC} Unknown desc = new block links to invalid parent`;

const joinErrors: readonly (readonly [string, status, string, string])[] = [
  [
    "a contact that refuses connections",
    status.UNKNOWN,
    `connect new peer request failed: ${RPC} Unavailable desc = connection error: desc = "transport: Error while dialing: dial tcp 10.0.0.2:9081: connect: connection refused"`,
    "unreachable",
  ],
  [
    "a request to the contact that may have been sent before the deadline",
    status.UNKNOWN,
    `connect new peer request failed: ${RPC} DeadlineExceeded desc = context deadline exceeded`,
    "unclear",
  ],
  [
    "a connect error that only quotes another one",
    status.UNKNOWN,
    `connect new peer request failed: ${RPC} Unknown desc = ${RPC} Unavailable desc = x`,
    "unclear",
  ],
  ["a connect error without a code", status.UNKNOWN, "connect new peer request failed: EOF", "unclear"],
  [
    "a seed that does not expect the peer",
    status.UNKNOWN,
    `${STREAM} PermissionDenied desc = klight's seed serves only peers that it has sent for`,
    "denied",
  ],
  [
    "a refusal that came from further away",
    status.UNKNOWN,
    `${STREAM} Unknown desc = ${RPC} PermissionDenied desc = x`,
    "unclear",
  ],
  [
    "a member that refused the contact's block",
    status.UNKNOWN,
    `${STREAM} Unknown desc = could not send new block notifications: ${REFUSED}`,
    "unclear",
  ],
  [
    "a chain that was cut in the middle",
    status.UNKNOWN,
    `${STREAM} Unavailable desc = error reading from server: EOF`,
    "unclear",
  ],
  [
    "a chain without a list",
    status.UNKNOWN,
    "could not process block stream: no network update blocks found, network state might be invalid",
    "unclear",
  ],
  ["the deadline", status.DEADLINE_EXCEEDED, "no answer in time", "unclear"],
  ["a cut connection", status.UNAVAILABLE, "Connection dropped", "unclear"],
  [
    "another code with the words of an unreachable contact",
    status.INTERNAL,
    `connect new peer request failed: ${RPC} Unavailable desc = x`,
    "unclear",
  ],
  [
    "another code with the words of a denial",
    status.PERMISSION_DENIED,
    `${STREAM} PermissionDenied desc = x`,
    "unclear",
  ],
  ["words that nobody knows", status.UNKNOWN, "something else", "unclear"],
  ["no words", status.UNKNOWN, "", "unclear"],
];

describe("the end of a failed join", () => {
  for (const [what, code, details, tag] of joinErrors) {
    test(`${what} is ${tag}`, () => {
      assert.deepEqual(joinEndOf(failure(code, details)), { tag, message: `${status[code]}: ${details}` });
    });
  }
});

describe("the end of a join that asked for a name", () => {
  const denied = denialOf("10.0.0.1:9081");
  const ends: readonly (readonly [string, status, string, string])[] = [
    ["the seed's refusal", status.UNKNOWN, `${STREAM} PermissionDenied desc = ${denied}`, "name"],
    ["a refusal in other words", status.UNKNOWN, `${STREAM} PermissionDenied desc = go away`, "failed"],
    [
      "a refusal that is cut",
      status.UNKNOWN,
      `${STREAM} PermissionDenied desc = ${denied.slice(0, -1)}`,
      "failed",
    ],
    ["the seed's words under another code", status.UNKNOWN, `${STREAM} Unknown desc = ${denied}`, "failed"],
    ["the seed's words from who is no peer", status.PERMISSION_DENIED, denied, "failed"],
    [
      "a way to the seed that is closed",
      status.UNKNOWN,
      `connect new peer request failed: ${RPC} Unavailable desc = connection refused`,
      "unreachable",
    ],
    [
      "a way to the seed that lets nothing through",
      status.UNKNOWN,
      `connect new peer request failed: ${RPC} DeadlineExceeded desc = context deadline exceeded`,
      "unreachable",
    ],
    ["the deadline", status.DEADLINE_EXCEEDED, "no answer in time", "silent"],
    ["a cut connection", status.UNAVAILABLE, "Connection dropped", "silent"],
    ["a custom peer without joins", status.UNIMPLEMENTED, "unknown method", "failed"],
  ];
  for (const [what, code, details, tag] of ends) {
    test(`${what} is ${tag}`, () => {
      const told = nameTold(failure(code, details));
      assert.equal(told.tag, tag);
      assert.equal(told.tag === "name" ? told.name : "10.0.0.1:9081", "10.0.0.1:9081");
    });
  }
});

describe("a refused block", () => {
  test("is known by its parent", () => {
    assert.equal(isNotOnTop(failure(status.UNKNOWN, "new block links to invalid parent")), true);
  });

  test("is not any other UNKNOWN", () => {
    assert.equal(isNotOnTop(failure(status.UNKNOWN, "could not unmarshal network block")), false);
  });

  test("is not the same words under another code", () => {
    assert.equal(isNotOnTop(failure(status.INTERNAL, "new block links to invalid parent")), false);
  });
});

describe("a failed notification", () => {
  const details = `could not send new block notifications: ${REFUSED}`;

  test("is known by its words", () => {
    assert.equal(isFailedNotification(failure(status.UNKNOWN, details)), true);
  });

  test("is not the refusal alone, which a peer says of itself", () => {
    assert.equal(isFailedNotification(failure(status.UNKNOWN, "new block links to invalid parent")), false);
  });

  test("is not the same words under another code", () => {
    assert.equal(isFailedNotification(failure(status.UNAVAILABLE, details)), false);
  });
});
