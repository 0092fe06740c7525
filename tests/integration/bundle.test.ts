import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, globSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { describe, test } from "node:test";
import { crc32 } from "node:zlib";
import { type Chunk, createLoader } from "../../functions/load.ts";
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
    const textless = await issuer.token({ sub: ["a"] as unknown as string });
    assert.equal(await statusWith({ authorization: bearer(textless) }), 401);
    assert.equal(issuer.keyReads(), 1);
    // In a file of its own, so that it is not read before.
    const holders = files.filter((file) => readFileSync(join(dist, file), "utf8").includes("ERR_JWKS_"));
    assert.equal(holders.length, 1);
    assert.match(holders.join(), /^late\/(?!start-)/u);
  });

  test("has beside each chunk what V8 has compiled of it, which this V8 takes", () => {
    const chunks: Chunk[] = [];
    const load = createLoader(`${dist}/late/`, (chunk) => chunks.push(chunk));
    for (const file of files) if (file.startsWith("late/")) load(basename(file));
    assert.equal(chunks.length, files.filter((file) => file.startsWith("late/")).length);
    for (const { file, script } of chunks) assert.equal(script.cachedDataRejected, false, file);
    // Not only what loading compiles: these are deep in a step.
    const engine = readFileSync(join(dist, `${chunk("engine")}.cache`));
    for (const name of ["askFresh", "setCondition"]) assert.ok(engine.includes(name), name);
  });

  /** The caches of all chunks, each spoilt in one way; undefined: removed. The first 8 bytes are klight's checksums. */
  const spoilt: Readonly<
    Record<string, (cache: Buffer, source: Buffer, other: Buffer) => Buffer | undefined>
  > = {
    missing: () => undefined,
    empty: () => Buffer.alloc(0),
    "cut off": (cache) => cache.subarray(0, cache.length / 2),
    "with a byte that is another": (cache) => {
      const changed = Buffer.from(cache);
      changed.writeUInt8((changed.at(-100) ?? 0) ^ 255, changed.length - 100);
      return changed;
    },
    "of another chunk": (_cache, _source, other) => other,
    "of another V8": (cache, source) => {
      const changed = Buffer.from(cache);
      // The version, behind V8's magic number.
      changed.writeUInt32LE(~changed.readUInt32LE(12) >>> 0, 12);
      changed.writeUInt32LE(crc32(source), 0);
      changed.writeUInt32LE(crc32(changed.subarray(8)), 4);
      return changed;
    },
  };
  for (const [how, spoil] of Object.entries(spoilt)) {
    test(`answers with a code cache that is ${how}`, async (t) => {
      const folder = mkdtempSync(join(tmpdir(), "klight-bundle-"));
      t.after(() => rmSync(folder, { recursive: true }));
      cpSync(dist, join(folder, "dist"), { recursive: true });
      writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
      const caches = globSync(join(folder, "dist/late/*.cache"));
      const before = caches.map((cache) => readFileSync(cache));
      for (const [at, cache] of caches.entries()) {
        const [own, other] = [before.at(at), before.at(at - 1)];
        assert.ok(own && other);
        const changed = spoil(own, readFileSync(cache.replace(/\.cache$/u, "")), other);
        rmSync(cache);
        if (changed) writeFileSync(cache, changed);
      }
      const { port } = await startLoneFunction(t, {}, join(folder, "dist/index.js"));
      assert.equal((await ask(port, { method: "GET", path: "/" })).status, 200);
    });
  }

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
      // A late import is a `require` in `then`.
      for (const [, path = ""] of text.matchAll(/(?<!then\(\(\)=>(?:\w+\()?)require\("\.\/([^"]+)"\)/gu))
        waiting.add(join("late", path));
    }
    return texts;
  };
  const chunk = (name: string): string => {
    const found = files.find((file) => file.startsWith(`late/${name}-`));
    assert.ok(found, name);
    return found;
  };

  test("leaves client-node, gRPC and express out of what a start compiles", () => {
    const early = compiledWith("late/main.js", chunk("start"));
    for (const [file, text] of early)
      assert.doesNotMatch(text, /KubeConfig|grpc-node-js|redis\.call|x-powered-by/u, file);
    assert.ok(early.size > 2);
  });

  test("leaves client-node out of what a first request compiles in a cluster, and its HTTP client out of all", () => {
    for (const [file, text] of compiledWith("late/main.js", chunk("start"), chunk("engine"), chunk("server")))
      assert.doesNotMatch(text, /loadFromFile/u, file);
    assert.match(readFileSync(join(dist, chunk("kubeconfig")), "utf8"), /loadFromFile/u);
    for (const file of files) assert.doesNotMatch(readFileSync(join(dist, file), "utf8"), /UND_ERR_/u, file);
  });

  test("takes Node's modules by require: an import of node:http loads all of Node's fetch", () => {
    const imported = (file: string): readonly (string | undefined)[] =>
      [...readFileSync(join(dist, file), "utf8").matchAll(/from\s?"(node:[^"]+)"/gu)].map(([, name]) => name);
    // Which is where require comes from.
    for (const file of ["index.js", "klight.js"]) assert.deepEqual(imported(file), ["node:module"], file);
    const late = files.filter((file) => file.startsWith("late/"));
    for (const file of late) assert.doesNotMatch(readFileSync(join(dist, file), "utf8"), /^import\b/mu, file);
  });

  test("leaves OpenTelemetry out of what a start and a first request compile without its endpoint", () => {
    const isTelemetry = /opentelemetry|OTEL_BSP_/iu;
    const needed = compiledWith("late/main.js", chunk("start"), chunk("engine"), chunk("upstash"));
    for (const [file, text] of needed) assert.doesNotMatch(text, isTelemetry, file);
    assert.ok([...needed.values()].some((text) => text.includes("redis.call")));
    const late = [...compiledWith(chunk("otlp")).values()];
    assert.ok(late.some((text) => isTelemetry.test(text)));
  });
});
