import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { nodeProblem } from "../../functions/node-version.ts";
import { startFunction } from "../harness/function-process.ts";
import { startLoneFunction } from "../harness/lone-function.ts";
import { ask } from "../harness/shell-server.ts";

/** The built function, as if it ran on another Node. */
const on = (version: string): Readonly<Record<string, string>> => {
  const script = `Object.defineProperty(process, "versions", { value: { ...process.versions, node: "${version}" } })`;
  const url = `data:text/javascript,${encodeURIComponent(script)}`;
  return { PORT: "0", KLIGHT_STORE: "memory", KUBECONFIG: "none", NODE_OPTIONS: `--import=${url}` };
};

describe("the built function on a Node", () => {
  for (const version of ["18.20.8", "20.19.5", "22.18.0"]) {
    test(`${version} does not start, says why, and ends with the status of a bad configuration`, async () => {
      const { code, stdout, stderr } = await startFunction(on(version)).ended;
      assert.deepEqual([code, stdout], [78, []]);
      assert.equal(stderr, `klight cannot start:\n  Node ${version}: must be 22.19 or newer\n`);
    });
  }

  test("22.19.0 starts", async () => {
    const started = startFunction(on("22.19.0"));
    await started.logged("listening");
    started.process.kill("SIGKILL");
    await started.ended;
  });

  test("that package.json names starts, and none before it", () => {
    const { engines } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
      readonly engines: { readonly node: string };
    };
    const [, major, minor] = /^>=(\d+)\.(\d+) /u.exec(engines.node) ?? [];
    assert.equal(nodeProblem(`${major}.${minor}.0`), undefined);
    assert.equal(nodeProblem(`${Number(major) + 2}.0.0`), undefined);
    assert.ok(nodeProblem(`${major}.${Number(minor) - 1}.9`));
  });
});

describe("telemetry that a cluster asks of all that runs in it, and klight cannot give", () => {
  const asked: readonly (readonly [string, string])[] = [
    ["OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"],
    ["OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317"],
    ["OTEL_TRACES_EXPORTER", "console"],
    ["OTEL_METRICS_EXPORTER", "prometheus"],
    ["OTEL_METRIC_EXPORT_INTERVAL", "1m"],
  ];
  for (const [name, value] of asked) {
    test(`is a warning and none of it: ${name}=${value}`, async (t) => {
      const endpoint = "http://127.0.0.1:9";
      const run = await startLoneFunction(t, { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, [name]: value });
      const { level, problems } = await run.logged("no traces and no metrics");
      assert.equal(level, "warn");
      assert.match(String(problems), new RegExp(`^${name}="${value}": must be `, "u"));
      assert.equal((await ask(run.port, { method: "GET", path: "/networks" })).status, 200);
      run.process.kill("SIGTERM");
      const { code, stdout } = await run.ended;
      // No exporter was there to fail.
      assert.deepEqual([code, stdout.filter((line) => line.includes(endpoint))], [0, []]);
    });
  }
});

test("proxies that the environment names are none of klight's ways", async (t) => {
  const nobody = "http://127.0.0.1:9";
  const names = ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "grpc_proxy", "ALL_PROXY"];
  const proxies = Object.fromEntries(names.map((name) => [name, nobody]));
  const { port, api } = await startLoneFunction(t, { ...proxies, NODE_USE_ENV_PROXY: "1" });
  const { body } = await ask(port, { method: "GET", path: "/networks" });
  assert.deepEqual((JSON.parse(body) as { readonly cluster: unknown }).cluster, { tag: "seen" });
  assert.equal(api.calls.length, 1);
});
