import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { globSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { after, before, describe, test } from "node:test";
import packageJson from "../../package.json" with { type: "json" };
import { type ApiServer, startApiServer } from "../harness/api-server/api-server.ts";
import { runningPod } from "../harness/pods.ts";

const root = resolve(import.meta.dirname, "../..");

describe("the archive of npm pack, on a machine with Node alone", () => {
  let machine: string;
  let api: ApiServer;
  before(async () => {
    machine = mkdtempSync(join(tmpdir(), "klight-packed-"));
    // What is packed has been built already.
    npm("pack", "--ignore-scripts", "--pack-destination", machine);
    const archive = join(machine, `klight-${packageJson.version}.tgz`);
    npm("install", "--global", "--prefix", machine, "--offline", archive);
    api = await startApiServer({ namespace: "shop" });
    const pod = { namespace: "shop", name: "orders-0" };
    api.pods.create(runningPod({ metadata: { ...pod, labels: { "klight.networkId": "orders" } } }));
  });
  after(async () => {
    await api.close();
    rmSync(machine, { recursive: true });
  });

  /** With no package in its cache. */
  const npm = (...args: readonly string[]): string =>
    execFileSync("npm", [...args, "--no-audit", "--no-fund", "--cache", join(machine, "cache")], {
      cwd: root,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    });

  async function run(
    command: string,
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<readonly [number, string, string]> {
    const path = [dirname(process.execPath), "/usr/bin", "/bin"].join(delimiter);
    const child = spawn(join(machine, "bin", command), args, {
      cwd: machine,
      env: { PATH: path, HOME: machine, KUBECONFIG: api.kubeconfig, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const [out, err, [code]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, "close") as Promise<[number]>,
    ]);
    return [code, out, err];
  }

  test("is the command alone, and brings no package along", () => {
    const installed = join(machine, "lib/node_modules");
    const files = globSync("**/*", { cwd: installed, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => join(parentPath, name).slice(installed.length + 1));
    assert.deepEqual(
      files.toSorted(),
      ["LICENSE", "README.md", "dist/klight.js", "package.json"].map((file) => `klight/${file}`),
    );
  });

  for (const command of ["klight", "kubectl-klight"])
    test(`${command} tells its version, and why a pod is not in`, async () => {
      assert.deepEqual(await run(command, ["--version"]), [0, `${packageJson.version}\n`, ""]);
      const [code, out, err] = await run(command, ["why", "orders-0"]);
      assert.deepEqual([code, err], [1, ""]);
      assert.match(out, /^shop\/orders-0 is not in shop\/orders/u);
    });

  test("klight says that a Node is too old for it, exit code 3", async () => {
    const script = `Object.defineProperty(process, "versions", { value: { node: "20.19.5" } })`;
    const NODE_OPTIONS = `--import=data:text/javascript,${encodeURIComponent(script)}`;
    const ended = await run("klight", ["networks"], { NODE_OPTIONS });
    assert.deepEqual(ended, [3, "", "klight: Node 20.19.5: must be 22.19 or newer\n"]);
  });

  test("kubectl completes what comes next by it", async () => {
    assert.deepEqual(await run("kubectl_complete-klight", ["wh"]), [0, "why\n", ""]);
  });
});
