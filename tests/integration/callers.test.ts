import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { exportSPKI } from "jose";
import { bearer, detailOf, issuing, serveChecked, titleOf } from "../harness/checked-server.ts";
import { claims, inSeconds, type Issuer, makeKey, type SigningKey, startIssuer } from "../harness/issuer.ts";

const encoded = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");

describe("an event with a good token", () => {
  for (const alg of ["RS256", "ES256", "EdDSA"]) {
    test(`signed with ${alg} is taken`, async (t) => {
      const issuer = await issuing(t, { keys: [await makeKey("first", alg)] });
      const { post, taken } = await serveChecked(t, issuer);
      assert.equal((await post(bearer(await issuer.token()))).status, 204);
      assert.deepEqual(taken, ["peer-a"]);
    });
  }

  test("is taken where clocks are half a minute apart, to either side", async (t) => {
    const issuer = await issuing(t);
    const { post } = await serveChecked(t, issuer);
    for (const changes of [{ exp: inSeconds(-30) }, { nbf: inSeconds(30), iat: inSeconds(30) }]) {
      assert.equal((await post(bearer(await issuer.token(changes)))).status, 204);
    }
  });

  test("is taken whether this audience is one of several or the only one", async (t) => {
    const issuer = await issuing(t);
    const { post } = await serveChecked(t, issuer);
    for (const aud of [issuer.audience, ["another", issuer.audience]]) {
      assert.equal((await post(`bearer  ${await issuer.token({ aud })}`)).status, 204);
    }
  });
});

describe("an event with a token that is not good", () => {
  let issuer: Issuer;
  let key: SigningKey;
  let stranger: SigningKey;
  before(async () => {
    key = await makeKey("first");
    // Same name, another key.
    stranger = await makeKey("first");
    issuer = await startIssuer({ keys: [key] });
  });
  after(() => issuer.close());

  /** What anybody can make who knows the public key: an HMAC with its text as the secret. */
  const signedWithPublic = async (secret: string): Promise<string> => {
    const head = encoded({ alg: "HS256", kid: "first" });
    const body = encoded(claims({ iss: issuer.url }));
    return `${head}.${body}.${createHmac("sha256", secret).update(`${head}.${body}`).digest("base64url")}`;
  };
  const altered = async (): Promise<string> => {
    const [head, , signature] = (await issuer.token()).split(".");
    return `${head}.${encoded(claims({ iss: issuer.url, sub: "system:masters" }))}.${signature}`;
  };
  const good = async (...given: Parameters<Issuer["token"]>): Promise<string> =>
    bearer(await issuer.token(...given));

  type Case = readonly [
    title: string,
    header: () => Promise<string | undefined>,
    reason: string,
    detail: RegExp,
  ];
  const cases: readonly Case[] = [
    [
      "a subject that is no text",
      // As an issuer makes it that means well.
      () => good({ sub: ["a"] as unknown as string }),
      "TokenMalformed",
      /its sub must be a text, was a list/u,
    ],
    ["a number as its subject", () => good({ sub: 7 as unknown as string }), "TokenMalformed", /was 7/u],
    ["no header", async () => undefined, "TokenMissing", /Authorization: Bearer TOKEN/u],
    ["an empty one", async () => "", "TokenMissing", /send a token/u],
    ["no token in it", async () => "Bearer", "TokenMissing", /send a token/u],
    ["a password", async () => "Basic a2xpZ2h0OmtsaWdodA==", "TokenMissing", /send a token/u],
    ["two tokens", async () => `${await good()} ${await issuer.token()}`, "TokenMissing", /send a token/u],
    ["no JWT", async () => "Bearer hello", "TokenMalformed", /./u],
    ["dots and nothing else", async () => "Bearer ..", "TokenMalformed", /./u],
    ["a JWT cut off", async () => (await good()).replace(/\.[^.]+$/u, ""), "TokenMalformed", /./u],
    [
      "claims that are no object",
      async () => bearer(`${encoded({ alg: "RS256" })}.W10.AA`),
      "TokenMalformed",
      /./u,
    ],
    ["an expired one", async () => good({ exp: inSeconds(-120) }), "TokenExpired", /was over at 20\d\d-/u],
    ["one without an end", async () => good({ exp: undefined }), "TokenMalformed", /"exp"/u],
    ["one without a subject", async () => good({ sub: undefined }), "TokenMalformed", /"sub"/u],
    [
      "an end that is no time",
      async () => good({ exp: "soon" as unknown as number }),
      "TokenMalformed",
      /"exp"/u,
    ],
    [
      "one of the future",
      async () => good({ nbf: inSeconds(120) }),
      "TokenNotYetValid",
      /begins at 20\d\d-/u,
    ],
    [
      "one for another",
      async () => good({ aud: "sink/b" }),
      "TokenWrongAudience",
      /"sink\/b", and not "serving/u,
    ],
    ["one for nobody", async () => good({ aud: undefined }), "TokenWrongAudience", /null, and not/u],
    [
      "one for all who begin so",
      async () => good({ aud: `${issuer.audience}-2` }),
      "TokenWrongAudience",
      /-2"/u,
    ],
    [
      "another issuer's",
      async () => good({ iss: "https://else.example" }),
      "TokenWrongIssuer",
      /else\.example/u,
    ],
    ["nobody's", async () => good({ iss: undefined }), "TokenWrongIssuer", /null, and not/u],
    ["a stranger's signature", async () => good({}, stranger), "TokenBadSignature", /signature/u],
    ["claims changed after signing", async () => bearer(await altered()), "TokenBadSignature", /signature/u],
    [
      "no signature (alg none)",
      async () => bearer(`${encoded({ alg: "none" })}.${encoded(claims({ iss: issuer.url }))}.`),
      "TokenBadSignature",
      /alg/u,
    ],
    [
      "no signature, and alg none in other letters",
      async () => bearer(`${encoded({ alg: "nOnE" })}.${encoded(claims({ iss: issuer.url }))}.`),
      "TokenBadSignature",
      /alg/u,
    ],
    [
      "an HMAC with the public key (PEM) as the secret",
      async () => bearer(await signedWithPublic(await exportSPKI(key.publicKey))),
      "TokenBadSignature",
      /alg/u,
    ],
    [
      "an HMAC with the public key (JWK) as the secret",
      async () => bearer(await signedWithPublic(JSON.stringify(key.jwk))),
      "TokenBadSignature",
      /alg/u,
    ],
    [
      "a key of its own in the header",
      async () => good({}, stranger, { jwk: stranger.jwk, jku: "http://127.0.0.1:9/keys" }),
      "TokenBadSignature",
      /signature/u,
    ],
    [
      "a rule that nobody here knows",
      async () => good({}, key, { crit: ["x"], x: true }).catch(() => crit()),
      "TokenMalformed",
      /./u,
    ],
  ];
  /** The library signs none of these. */
  const crit = (): string =>
    bearer(
      `${encoded({ alg: "RS256", kid: "first", crit: ["x"], x: 1 })}.${encoded(claims({ iss: issuer.url }))}.AA`,
    );

  for (const [title, header, reason, detail] of cases) {
    test(`(${title}) is refused as ${reason}`, async (t) => {
      const { post, taken, lines } = await serveChecked(t, issuer);
      const sent = await header();
      const answer = await post(sent);
      assert.deepEqual([answer.status, titleOf(answer)], [401, reason]);
      assert.match(detailOf(answer), detail);
      assert.match(
        String(answer.headers["klight-outcome"]),
        new RegExp(`^refused; reason="${reason}: `, "u"),
      );
      const challenge =
        reason === "TokenMissing"
          ? 'Bearer realm="klight"'
          : `Bearer realm="klight", error="invalid_token", error_description="${reason}"`;
      assert.equal(answer.headers["www-authenticate"], challenge);
      assert.deepEqual(taken, []);
      assert.deepEqual(
        lines.map((line) => [line.level, line.message, line["reason"]]),
        [["warn", "caller refused", reason]],
      );
      const secret = sent?.split(" ")[1]?.split(".")[2];
      if (secret) assert.ok(!JSON.stringify(lines).includes(secret));
    });
  }

  test("is refused without asking the issuer anything, where it is another issuer's or not signed as it should be", async (t) => {
    const own = await issuing(t, { keys: [key] });
    const { post } = await serveChecked(t, own);
    await post(bearer(await own.token({ iss: "https://else.example" })));
    await post("Bearer hello");
    await post();
    assert.deepEqual(own.asked, []);
  });
});

describe("the subjects that may call", () => {
  const trigger = "system:serviceaccount:klight:klight-oidc-eventing.knative.dev-trigger";
  const cases: readonly (readonly [list: string, allowed: boolean])[] = [
    [trigger, true],
    [`system:serviceaccount:other:a, ${trigger}`, true],
    ["system:serviceaccount:klight:*", true],
    ["*", true],
    ["", true],
    [trigger.slice(0, -1), false],
    [`${trigger}-2`, false],
    ["system:serviceaccount:klight-2:*", false],
  ];
  for (const [list, allowed] of cases) {
    test(`${list || "none named"}: ${allowed ? "lets the Trigger in" : "does not let the Trigger in"}`, async (t) => {
      const issuer = await issuing(t);
      const { post } = await serveChecked(t, issuer, { KLIGHT_OIDC_SUBJECTS: list });
      const answer = await post(bearer(await issuer.token()));
      if (allowed) {
        assert.equal(answer.status, 204);
        return;
      }
      assert.deepEqual([answer.status, titleOf(answer)], [403, "SubjectNotAllowed"]);
      assert.match(String(answer.headers["www-authenticate"]), /error="insufficient_scope"/u);
    });
  }

  test("are, where none is named, those of the namespace that is in the audience", async (t) => {
    const issuer = await issuing(t);
    const { post } = await serveChecked(t, issuer);
    const statusOf = async (sub: string): Promise<number> =>
      (await post(bearer(await issuer.token({ sub })))).status;
    assert.equal(await statusOf("system:serviceaccount:klight:anybody"), 204);
    // Whoever may create a pod gets such a token: the audience is right, and the pod is somebody else's.
    for (const sub of ["system:serviceaccount:other:klight", "system:serviceaccount:klight-2:a", "klight"]) {
      assert.equal(await statusOf(sub), 403, sub);
    }
  });
});
