import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type Caller, createCallers } from "../../functions/auth/callers.ts";
import { startFunction } from "../harness/function-process.ts";
import { Api } from "../harness/api-client.ts";
import { type Issuer, startIssuer } from "../harness/issuer.ts";
import { type Account, accountFiles, admin, makeNamespace, objects, plane, tokenOf } from "./real.ts";
import { applyRights } from "./stage.ts";

const AUDIENCE = "serving.knative.dev/service/klight/klight";
/** An account of its own with klight's rights: what klight's own has asked, another test counts. */
const CHECKER = "klight-checks-tokens";
const TRIGGER = "klight-oidc-eventing.knative.dev-trigger";

let account: Account;
before(async () => {
  await applyRights();
  await makeNamespace("elsewhere");
  for (const namespace of ["klight", "elsewhere"])
    await objects.applied({
      apiVersion: "v1",
      kind: "ServiceAccount",
      metadata: { name: TRIGGER, namespace },
    });
  const metadata = { name: CHECKER, namespace: "klight" };
  await objects.applied({ apiVersion: "v1", kind: "ServiceAccount", metadata });
  await objects.applied({
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "ClusterRoleBinding",
    metadata: { name: CHECKER },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "klight" },
    subjects: [{ kind: "ServiceAccount", name: CHECKER, namespace: "klight" }],
  });
  account = await accountFiles(await tokenOf("klight", CHECKER), { namespace: "elsewhere" });
});
after(() => account.remove());

const good = (): Promise<string> => tokenOf("klight", TRIGGER, { audiences: [AUDIENCE] });

/** Tokens by what is wrong with them, as TokenRequest makes them, and the answer that they get. */
const refused: Readonly<Record<string, readonly [reason: string, token: () => Promise<string>]>> = {
  "meant for somebody else": [
    "TokenWrongAudience",
    () => tokenOf("klight", TRIGGER, { audiences: ["serving.knative.dev/service/klight/other"] }),
  ],
  "meant for the API server": ["TokenWrongAudience", () => tokenOf("klight", TRIGGER)],
  "of an account of another namespace": [
    "SubjectNotAllowed",
    () => tokenOf("elsewhere", TRIGGER, { audiences: [AUDIENCE] }),
  ],
  "with a changed signature": ["TokenBadSignature", async () => `${(await good()).slice(0, -8)}AAAAAAAA`],
};

describe("tokens that a real API server has signed, checked in a pod by its keys", () => {
  const identify = (): ((authorization: string | undefined) => Promise<Caller>) =>
    createCallers({
      issuer: plane.issuer,
      audience: AUDIENCE,
      subjects: ["system:serviceaccount:klight:*"],
      timeoutMs: 10_000,
      account: { apiServer: new URL(plane.url), directory: account.directory },
    });

  test("are known where they are good", async () => {
    assert.deepEqual(await identify()(`Bearer ${await good()}`), {
      tag: "known",
      subject: `system:serviceaccount:klight:${TRIGGER}`,
    });
  });

  for (const [what, [reason, token]] of Object.entries(refused)) {
    test(`are refused where they are ${what}: ${reason}`, async () => {
      const caller = await identify()(`Bearer ${await token()}`);
      assert.deepEqual([caller.tag, "reason" in caller && caller.reason], ["refused", reason]);
    });
  }

  test("are refused when they have expired", async (t) => {
    const token = await good();
    const check = identify();
    assert.equal((await check(`Bearer ${token}`)).tag, "known");
    // Ten minutes is the shortest that an API server gives; the clock here goes on by more.
    t.mock.timers.enable({ apis: ["Date"], now: Date.now() + 700_000 });
    const caller = await check(`Bearer ${token}`);
    assert.deepEqual([caller.tag, "reason" in caller && caller.reason], ["refused", "TokenExpired"]);
  });

  test("are known by a pod's own renewed token after its first has been taken away", async () => {
    const own = await accountFiles("worn out");
    const check = createCallers({
      issuer: plane.issuer,
      audience: AUDIENCE,
      subjects: ["*"],
      timeoutMs: 10_000,
      account: { apiServer: new URL(plane.url), directory: own.directory },
    });
    const token = await good();
    assert.equal((await check(`Bearer ${token}`)).tag, "unsure");
    await own.renew(await tokenOf("klight", CHECKER));
    assert.equal((await check(`Bearer ${token}`)).tag, "known");
    await own.remove();
  });
});

describe("the double of an issuer answers as a real API server does", () => {
  let issuer: Issuer;
  before(async () => {
    issuer = await startIssuer();
  });
  after(() => issuer.close());

  const types = [
    "application/json",
    "application/jwk-set+json",
    "application/jwk-set+json, application/json",
  ];
  for (const path of ["/openid/v1/jwks", "/.well-known/openid-configuration"]) {
    for (const accept of [...types, "*/*", "text/html"]) {
      test(`${path} as ${accept}`, async () => {
        const request = { method: "GET", path, headers: { accept } } as const;
        const [strictly, really] = [
          await new Api({ url: issuer.url }).send(request),
          await admin.send(request),
        ];
        assert.deepEqual([strictly.status, strictly.contentType], [really.status, really.contentType]);
        if (really.status === 406) assert.deepEqual(strictly.body, really.body);
      });
    }
  }
});

describe("the function where callers are checked by a real API server's keys", () => {
  let url: string;
  let stop: () => Promise<unknown>;
  before(async () => {
    // Outside a cluster nothing has an account to read the keys with.
    await objects.applied({
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRoleBinding",
      metadata: { name: "keys-for-all" },
      roleRef: {
        apiGroup: "rbac.authorization.k8s.io",
        kind: "ClusterRole",
        name: "system:service-account-issuer-discovery",
      },
      subjects: [{ kind: "Group", apiGroup: "rbac.authorization.k8s.io", name: "system:unauthenticated" }],
    });
    const started = startFunction({
      PORT: "0",
      KUBECONFIG: account.kubeconfig,
      KLIGHT_STORE: "memory",
      KLIGHT_SEED_PORT: "0",
      // Its sweeps are not to touch the pods of other tests.
      KLIGHT_NAMESPACES: "klight",
      KLIGHT_OIDC_ISSUER: plane.issuer,
      KLIGHT_OIDC_AUDIENCE: AUDIENCE,
      KLIGHT_OIDC_JWKS_URL: `${plane.url}/openid/v1/jwks`,
      NODE_EXTRA_CA_CERTS: `${account.directory}/ca.crt`,
    });
    url = `http://127.0.0.1:${String((await started.logged("listening"))["port"])}`;
    stop = () => {
      started.process.kill("SIGKILL");
      return started.ended;
    };
    await whenRead();
  });
  after(() => stop());

  /** The binding holds as soon as the authorizer has seen it. */
  async function whenRead(): Promise<void> {
    const anonymous = new Api(plane);
    const request = { method: "GET", path: "/openid/v1/jwks", headers: { accept: "*/*" } } as const;
    while ((await anonymous.send(request)).status !== 200) await sleep(50);
    anonymous.close();
  }

  const ping = async (token?: string): Promise<readonly [number, string]> => {
    const response = await fetch(url, {
      method: "POST",
      headers: {
        "ce-id": crypto.randomUUID(),
        "ce-source": "/apis/v1/namespaces/klight/pingsources/klight-sweep",
        "ce-type": "dev.knative.sources.ping",
        "ce-specversion": "1.0",
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
      },
    });
    await response.arrayBuffer();
    return [response.status, response.headers.get("klight-outcome") ?? ""];
  };

  test("takes an event with a good token, and none without", async () => {
    const [taken, outcome] = await ping(await good());
    assert.ok(taken === 200 || taken === 204, `${taken} ${outcome}`);
    assert.equal((await ping())[0], 401);
  });

  for (const [what, [reason, token]] of Object.entries(refused)) {
    test(`refuses a token ${what}`, async () => {
      const [status, outcome] = await ping(await token());
      assert.equal(status, reason === "SubjectNotAllowed" ? 403 : 401);
      assert.match(outcome, new RegExp(reason, "u"));
    });
  }
});
