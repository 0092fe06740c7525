import assert from "node:assert/strict";
import { describe, test, type TestContext } from "node:test";
import { bearer, detailOf, issuing, serveChecked, titleOf } from "../harness/checked-server.ts";
import { type Issuer, makeKey, startIssuer } from "../harness/issuer.ts";

describe("the issuer's keys", () => {
  /** Only Date stands still: what waits for an issuer goes on. */
  const passes = (t: TestContext, seconds: number): void => {
    t.mock.timers.setTime(Date.now() + seconds * 1_000);
  };
  const stopClock = (t: TestContext): void => {
    t.mock.timers.enable({ apis: ["Date"], now: Date.now() });
  };

  test("are read once for many tokens, side by side or one after the other", async (t) => {
    const issuer = await issuing(t);
    const { post } = await serveChecked(t, issuer);
    const tokens = await Promise.all(Array.from({ length: 12 }, () => issuer.token()));
    const answers = await Promise.all(tokens.slice(0, 10).map((token) => post(bearer(token))));
    for (const token of tokens.slice(10)) answers.push(await post(bearer(token)));
    assert.deepEqual([...new Set(answers.map(({ status }) => status))], [204]);
    assert.deepEqual(
      issuer.asked.map(({ path }) => path),
      ["/.well-known/openid-configuration", "/openid/v1/jwks"],
    );
  });

  test("that are new are read when a token has one, and the old ones need no reading", async (t) => {
    stopClock(t);
    const issuer = await issuing(t);
    const { post } = await serveChecked(t, issuer);
    const [old] = issuer.keys;
    assert.ok(old);
    await post(bearer(await issuer.token()));
    const next = await makeKey("second");
    issuer.keys = [next, old];
    passes(t, 31);
    assert.equal((await post(bearer(await issuer.token({}, old)))).status, 204);
    assert.equal(issuer.keyReads(), 1);
    assert.equal((await post(bearer(await issuer.token({}, next)))).status, 204);
    assert.equal((await post(bearer(await issuer.token({}, old)))).status, 204);
    assert.equal(issuer.keyReads(), 2);
  });

  test("that the issuer has withdrawn are good for ten more minutes at most", async (t) => {
    stopClock(t);
    const issuer = await issuing(t);
    const { post } = await serveChecked(t, issuer);
    const [old] = issuer.keys;
    await post(bearer(await issuer.token({}, old)));
    issuer.keys = [await makeKey("second")];
    passes(t, 599);
    assert.equal((await post(bearer(await issuer.token({}, old)))).status, 204);
    passes(t, 2);
    assert.equal(titleOf(await post(bearer(await issuer.token({}, old)))), "TokenBadSignature");
  });

  test("are not read again for each made-up one; a token whose key may be new is to come again, and is refused once that is known", async (t) => {
    stopClock(t);
    const issuer = await issuing(t);
    const { post, taken } = await serveChecked(t, issuer);
    await post(bearer(await issuer.token()));
    const unknown = bearer(await issuer.token({}, await makeKey("made-up")));
    for (let again = 0; again < 5; again += 1) {
      const answer = await post(unknown);
      assert.deepEqual([answer.status, titleOf(answer)], [503, "KeysUnavailable"]);
      assert.match(detailOf(answer), /called made-up/u);
    }
    assert.equal(issuer.keyReads(), 1);
    passes(t, 31);
    const answer = await post(unknown);
    assert.deepEqual([answer.status, titleOf(answer)], [401, "TokenBadSignature"]);
    assert.deepEqual(taken, ["peer-a"]);
  });

  type Trouble = NonNullable<Issuer["trouble"]>;
  const notJson: Trouble = (_request, response) => {
    response.end("<h1>Welcome</h1>");
    return true;
  };
  const broken: Trouble = (_request, response) => {
    response.writeHead(500).end();
    return true;
  };
  const silent: Trouble = () => true;
  const stalls: Trouble = (_request, response) => {
    response.write('{"issuer":');
    return true;
  };
  const endless: Trouble = (_request, response) => {
    response.end(`"${"a".repeat(2 ** 20 + 1)}"`);
    return true;
  };
  const redirects: Trouble = (request, response) => {
    if (request.url === "/elsewhere") return false;
    response.writeHead(302, { location: "/elsewhere" }).end();
    return true;
  };
  const cutsOff: Trouble = (request) => {
    request.socket.destroy();
    return true;
  };
  const onlyKeys =
    (trouble: Trouble): Trouble =>
    (request, response) =>
      request.url === "/openid/v1/jwks" && trouble(request, response);
  const noKeys: Trouble = onlyKeys((_request, response) => {
    response.end('{"keys":"none"}');
    return true;
  });
  const troubles: readonly (readonly [string, Trouble, RegExp])[] = [
    ["do not come", silent, /openid-configuration: no answer in time/u],
    ["begin and do not end", stalls, /no answer in time/u],
    ["are an error", broken, /500 Internal Server Error/u],
    ["are a page", notJson, /the answer is not JSON/u],
    ["are endless", endless, /more than 1048576 bytes/u],
    ["are somewhere else", redirects, /302 Found/u],
    ["are cut off", cutsOff, /socket hang up|ECONNRESET/u],
    ["do not come, though the discovery document does", onlyKeys(silent), /jwks: no answer in time/u],
    ["are an error, though the discovery document is not", onlyKeys(broken), /jwks: 500/u],
    ["are no key set", noKeys, /malformed/u],
  ];
  for (const [title, trouble, detail] of troubles) {
    test(`that ${title} let the event come again; it is taken once they are there`, async (t) => {
      const issuer = await issuing(t);
      const { post, taken, lines } = await serveChecked(t, issuer, { KLIGHT_API_TIMEOUT_MS: "150" });
      const token = bearer(await issuer.token());
      issuer.trouble = trouble;
      const answer = await post(token);
      assert.deepEqual([answer.status, titleOf(answer)], [503, "KeysUnavailable"]);
      assert.equal(answer.headers["retry-after"], "5");
      assert.match(String(answer.headers["klight-outcome"]), /^held; reason="KeysUnavailable: /u);
      assert.equal(answer.headers["www-authenticate"], undefined);
      assert.match(detailOf(answer), detail);
      assert.deepEqual(
        lines.map(({ level, message }) => [level, message]),
        [["warn", "caller not known now"]],
      );
      issuer.trouble = undefined;
      assert.equal((await post(token)).status, 204);
      assert.deepEqual(taken, ["peer-a"]);
    });
  }

  test("of an issuer that is away let the event come again", async (t) => {
    const issuer = await startIssuer();
    const token = bearer(await issuer.token());
    await issuer.close();
    const { post } = await serveChecked(t, issuer);
    const answer = await post(token);
    assert.deepEqual([answer.status, titleOf(answer)], [503, "KeysUnavailable"]);
    assert.match(detailOf(answer), /ECONNREFUSED/u);
  });

  test("are not taken from a document that speaks for another issuer", async (t) => {
    const issuer = await issuing(t, { issuer: "https://else.example" });
    const { post } = await serveChecked(t, issuer);
    const answer = await post(bearer(await issuer.token({ iss: issuer.url })));
    assert.equal(answer.status, 503);
    assert.match(detailOf(answer), /discovery document is that of https:\/\/else\.example/u);
    assert.equal(issuer.keyReads(), 0);
  });

  test("are read where KLIGHT_OIDC_JWKS_URL says, without a discovery document", async (t) => {
    const keeper = await issuing(t, { issuer: "https://nobody.answers.invalid" });
    const { post } = await serveChecked(
      t,
      { url: "https://nobody.answers.invalid", audience: keeper.audience },
      { KLIGHT_OIDC_JWKS_URL: `${keeper.url}/openid/v1/jwks` },
    );
    assert.equal((await post(bearer(await keeper.token()))).status, 204);
    assert.deepEqual(
      keeper.asked.map(({ path }) => path),
      ["/openid/v1/jwks"],
    );
  });

  test("are found below the path of an issuer that has one", async (t) => {
    const keeper = await issuing(t);
    const issuer = `${keeper.url}/id/7`;
    const own = await issuing(t, { issuer, jwksUri: `${keeper.url}/openid/v1/jwks` });
    keeper.trouble = (request, response) => {
      if (request.url !== "/id/7/.well-known/openid-configuration") return false;
      response.end(JSON.stringify({ issuer, jwks_uri: `${keeper.url}/openid/v1/jwks` }));
      return true;
    };
    const { post } = await serveChecked(t, { url: issuer, audience: own.audience });
    assert.equal((await post(bearer(await keeper.token({ iss: issuer })))).status, 204);
  });
});
