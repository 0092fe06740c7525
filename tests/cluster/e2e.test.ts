import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { after, before, describe, test } from "node:test";
import type { ApiObject } from "../harness/api-client.ts";
import { installDefinitions } from "./definitions.ts";
import { type Account, accountFiles, admin, makeNamespace, plane, unique } from "./real.ts";

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

const script = fileURLToPath(new URL("../e2e/e2e.ts", import.meta.url));
const images = ["--lightpeer", "example.org/lightpeer:1", "--function", "example.org/klight:1"];
let account: Account;
before(async () => {
  await installDefinitions();
  account = await accountFiles(plane.adminToken);
});
after(() => account.remove());

async function e2e(...words: readonly string[]): Promise<Ended> {
  const env = { ...process.env, KUBECONFIG: account.kubeconfig };
  const child = spawn(process.execPath, [script, ...words], { env, stdio: ["ignore", "pipe", "pipe"] });
  const [out, err, closed] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "close"),
  ]);
  return { code: closed[0] as number, out, err };
}

/** How a step ended, as the table at the end has it. */
const resultOf = ({ out }: Ended, title: string): string | undefined =>
  new RegExp(`^${title} +(ok|FAILED|not tried)`, "mu").exec(out)?.[1];

const namespaceOf = async (name: string): Promise<ApiObject | undefined> => {
  const { status, body } = await admin.send({ method: "GET", path: `/api/v1/namespaces/${name}` });
  return status === 200 ? (body as ApiObject) : undefined;
};

describe("npm run e2e on an API server without nodes", () => {
  test("installs, says what nothing here can show, and cleans up", async () => {
    const namespace = unique("klight-e2e");
    const ended = await e2e(...images, "--yes", "--namespace", namespace);
    assert.equal(ended.code, 0, ended.out + ended.err);
    for (const title of ["the cluster", "install", "start pods", "clean up"])
      assert.equal(resultOf(ended, title), "ok", ended.out);
    for (const title of ["ready", "joined", "to zero and back", "rolling update", "sweep"])
      assert.equal(resultOf(ended, title), "not tried", ended.out);
    assert.match(ended.out, /no node is ready here/u);
    assert.notEqual((await namespaceOf(namespace))?.metadata["deletionTimestamp"], undefined);
  });

  test("leaves a namespace alone that was there before it", async () => {
    const namespace = await makeNamespace(unique("somebodys"));
    const ended = await e2e(...images, "--yes", "--namespace", namespace);
    assert.equal(ended.code, 1);
    assert.equal(resultOf(ended, "install"), "FAILED", ended.out);
    assert.equal(resultOf(ended, "start pods"), "not tried", ended.out);
    assert.equal((await namespaceOf(namespace))?.metadata["deletionTimestamp"], undefined);
  });

  test("does nothing without a word of somebody, an image, or a context that there is", async () => {
    const namespace = unique("klight-e2e");
    const unsaid = await e2e(...images, "--namespace", namespace);
    assert.deepEqual([unsaid.code, /--yes/u.test(unsaid.err)], [2, true]);
    const bare = await e2e("--yes", "--namespace", namespace);
    assert.deepEqual([bare.code, /--lightpeer IMAGE is missing/u.test(bare.err)], [2, true]);
    const lost = await e2e(...images, "--yes", "--context", "another", "--namespace", namespace);
    assert.deepEqual([lost.code, /no context another, but real/u.test(lost.err)], [2, true]);
    assert.equal(await namespaceOf(namespace), undefined);
  });

  test("tells how it is called", async () => {
    const { code, out } = await e2e("--help");
    assert.equal(code, 0);
    assert.match(out, /--lightpeer IMAGE/u);
  });
});
