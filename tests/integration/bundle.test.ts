import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, globSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { describe, test } from "node:test";
import { bearer, issuing } from "../harness/checked-server.ts";
import { startLoneFunction } from "../harness/lone-function.ts";
import { ask } from "../harness/shell-server.ts";

const dist = resolve(import.meta.dirname, "../../dist");
const files = globSync("**/*.js", { cwd: dist });

describe("the bundle", () => {
  test("answers without node_modules and without the sources", async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "klight-bundle-"));
    t.after(() => rmSync(folder, { recursive: true }));
    cpSync(dist, join(folder, "dist"), { recursive: true });
    writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
    const { port } = await startLoneFunction(t, {}, join(folder, "dist/index.js"));
    for (const path of ["/", "/page/page.css", "/networks"]) {
      assert.equal((await ask(port, { method: "GET", path })).status, 200, path);
    }
  });

  test("has the command line in one file that needs nothing beside it, as kubectl's plugin too", (t) => {
    const folder = mkdtempSync(join(tmpdir(), "klight-bundle-"));
    t.after(() => rmSync(folder, { recursive: true }));
    cpSync(join(dist, "klight.js"), join(folder, "klight.js"));
    writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
    symlinkSync("klight.js", join(folder, "kubectl-klight"));
    const run = (file: string, ...args: readonly string[]): string =>
      execFileSync(process.execPath, [join(folder, file), ...args], { encoding: "utf8" });
    assert.match(run("klight.js", "--version"), /^\d+\.\d+\.\d+\n$/u);
    assert.match(run("klight.js", "--help"), /^Usage: klight /u);
    assert.match(run("kubectl-klight", "--help"), /^Usage: kubectl klight /u);
  });

  test("checks callers, and reads what checks them with the first one", async (t) => {
    const issuer = await issuing(t);
    const { port } = await startLoneFunction(t, {
      KLIGHT_OIDC_ISSUER: issuer.url,
      KLIGHT_OIDC_AUDIENCE: issuer.audience,
    });
    const ready = await ask(port, { method: "GET", path: "/health/readiness" });
    assert.deepEqual([ready.status, issuer.asked], [200, []]);
    const event = {
      "content-type": "application/json",
      "ce-specversion": "1.0",
      "ce-id": "1",
      "ce-source": "/test",
      "ce-type": "dev.knative.sources.ping",
    };
    const statusWith = async (headers: Readonly<Record<string, string>>): Promise<number> =>
      (await ask(port, { headers: { ...event, ...headers }, body: "{}" })).status;
    assert.equal(await statusWith({}), 401);
    assert.equal(await statusWith({ authorization: bearer(await issuer.token()) }), 204);
    assert.equal(issuer.keyReads(), 1);
    // In a file of its own, so that it is not read before.
    const holders = files.filter((file) => readFileSync(join(dist, file), "utf8").includes("ERR_JWKS_"));
    assert.equal(holders.length, 1);
    assert.match(holders.join(), /^late\/(?!start-)/u);
  });

  test("has a source map beside each file", () => {
    assert.ok(files.includes("index.js"));
    for (const file of files) {
      assert.match(
        readFileSync(join(dist, file), "utf8").slice(-200),
        /\n\/\/# sourceMappingURL=[\w.-]+\.js\.map\n$/u,
      );
      const map = JSON.parse(readFileSync(join(dist, `${file}.map`), "utf8")) as { sources: string[] };
      assert.ok(Array.isArray(map.sources));
    }
  });

  test("holds the Lua scripts and no path to them", () => {
    const engine = files
      .map((file) => readFileSync(join(dist, file), "utf8"))
      .find((text) => text.includes("redis.call"));
    assert.ok(engine);
    assert.doesNotMatch(engine, /\.\/scripts\//u);
  });

  /** These files and all that they import with them; late imports are not followed. */
  const compiledWith = (...from: readonly string[]): ReadonlyMap<string, string> => {
    const texts = new Map<string, string>();
    const waiting = new Set(from);
    for (const file of waiting) {
      const text = readFileSync(join(dist, file), "utf8");
      texts.set(file, text);
      // Minified: `from"./chunk.js"` is a static import, `import("./late.js")` a late one.
      for (const [, path = ""] of text.matchAll(/(?:from|import)\s?"\.\/([^"]+)"/gu))
        waiting.add(join(file, "..", path));
    }
    return texts;
  };
  const chunk = (name: string): string => {
    const found = files.find((file) => file.startsWith(`late/${name}-`));
    assert.ok(found, name);
    return found;
  };

  test("leaves client-node, gRPC and express out of what a start compiles", () => {
    const early = compiledWith("index.js", chunk("start"));
    for (const [file, text] of early)
      assert.doesNotMatch(text, /KubeConfig|grpc-node-js|redis\.call|x-powered-by/u, file);
    assert.ok(early.size > 2);
  });

  test("leaves client-node out of what a first request compiles in a cluster, and its HTTP client out of all", () => {
    for (const [file, text] of compiledWith("index.js", chunk("start"), chunk("engine"), chunk("server")))
      assert.doesNotMatch(text, /loadFromFile/u, file);
    assert.match(readFileSync(join(dist, chunk("kubeconfig")), "utf8"), /loadFromFile/u);
    for (const file of files) assert.doesNotMatch(readFileSync(join(dist, file), "utf8"), /UND_ERR_/u, file);
  });

  test("takes Node's modules by require: an import of node:http loads all of Node's fetch", () => {
    for (const file of files) {
      const text = readFileSync(join(dist, file), "utf8");
      const imported = [...text.matchAll(/from\s?"(node:[^"]+)"/gu)].map(([, name]) => name);
      // Which is where require comes from.
      assert.deepEqual(new Set(imported), new Set(["node:module"]), file);
    }
  });

  test("leaves OpenTelemetry out of what a start and a first request compile without its endpoint", () => {
    const isTelemetry = /opentelemetry|OTEL_BSP_/iu;
    const needed = compiledWith("index.js", chunk("start"), chunk("engine"), chunk("upstash"));
    for (const [file, text] of needed) assert.doesNotMatch(text, isTelemetry, file);
    assert.ok([...needed.values()].some((text) => text.includes("redis.call")));
    const late = [...compiledWith(chunk("otlp")).values()];
    assert.ok(late.some((text) => isTelemetry.test(text)));
  });
});
