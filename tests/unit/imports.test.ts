import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { dirname, relative, resolve } from "node:path";
import { describe, test } from "node:test";

/** Which module imports which: a rule that no linter at hand can hold. */
const root = resolve(import.meta.dirname, "../..");

interface Import {
  readonly from: string;
  /** A path from the root, or the name of a package. */
  readonly to: string;
  readonly kind: "value" | "type" | "dynamic";
}

const statement =
  /(?:^|\n)\s*(?:import|export)\s+(?<type>type\s)?(?:[^"';]*?\sfrom\s+)?"(?<static>[^"]+)"|\bimport\("(?<late>[^"]+)"\)/gu;

/** All imports of one source file; paths from the root. */
function importsOf(from: string, source: string): readonly Import[] {
  return [...source.matchAll(statement)].map(({ groups = {} }) => {
    const { type, static: now, late } = groups as Readonly<Record<string, string | undefined>>;
    const specifier = now ?? late ?? "";
    const to = specifier.startsWith(".")
      ? relative(root, resolve(root, dirname(from), specifier))
      : specifier.replace(/^((?:@[^/]+\/)?[^/]+).*$/u, "$1");
    return { from, to, kind: late === undefined ? (type ? "type" : "value") : "dynamic" };
  });
}

const files = ["functions", "lib", "proto"].flatMap((folder) => globSync(`${folder}/**/*.ts`, { cwd: root }));
const imports = files.flatMap((file) => importsOf(file, readFileSync(resolve(root, file), "utf8")));

const folderOf = (path: string): string =>
  /^(?:functions|lib|proto|tests|scripts)(?=\/)/u.exec(path)?.[0] ?? "package";
const shown = (wrong: readonly Import[]): readonly string[] =>
  wrong.map(({ from, to, kind }) => `${from} -> ${to} (${kind})`);
/** The step and what belongs to it: the pod and the files directly in lib/, too. */
const isCore = (path: string): boolean =>
  /^lib\/(?:(?:reconcile|reconcile\/reform|pod)\/)?[^/]+\.ts$/u.test(path);
const isPackage = ({ to }: Import): boolean => folderOf(to) === "package" && !to.startsWith("node:");

test("what the rules look at is there: values, types, late imports and circles are found", () => {
  assert.deepEqual(
    importsOf(
      "lib/a.ts",
      'import { x } from "./b.ts";\nimport type { Y } from "zod";\nimport {\n  a,\n  type B,\n} from "@x/y/z";\nexport * from "../proto/c.ts";\nvoid import("late");\n',
    ),
    [
      { from: "lib/a.ts", to: "lib/b.ts", kind: "value" },
      { from: "lib/a.ts", to: "zod", kind: "type" },
      { from: "lib/a.ts", to: "@x/y", kind: "value" },
      { from: "lib/a.ts", to: "proto/c.ts", kind: "value" },
      { from: "lib/a.ts", to: "late", kind: "dynamic" },
    ],
  );
  assert.ok(files.length > 50 && imports.length > 200);
  const edge = (from: string, to: string): Import => ({ from, to, kind: "value" });
  assert.deepEqual(circles([edge("a", "b"), edge("b", "c"), edge("c", "b"), edge("a", "c")]), [
    "b -> c -> b",
  ]);
});

/** Files that import each other, in the order in which they do. */
function circles(edges: readonly Import[]): readonly string[] {
  const next = Map.groupBy(edges, ({ from }) => from);
  const done = new Set<string>();
  const found: string[] = [];
  const follow = (file: string, path: readonly string[]): void => {
    const start = path.indexOf(file);
    if (start >= 0) found.push([...path.slice(start), file].join(" -> "));
    if (start >= 0 || done.has(file)) return;
    for (const { to } of next.get(file) ?? []) follow(to, [...path, file]);
    done.add(file);
  };
  for (const file of next.keys()) follow(file, []);
  return found;
}

describe("imports", () => {
  test("go one way: functions to lib to proto", () => {
    const below: Readonly<Record<string, readonly string[]>> = {
      functions: ["functions", "lib", "proto", "package"],
      lib: ["lib", "proto", "package"],
      proto: ["proto", "package"],
    };
    assert.deepEqual(
      shown(imports.filter(({ from, to }) => !below[folderOf(from)]?.includes(folderOf(to)))),
      [],
    );
  });

  test("go from what is called to what is given, and in no circle", () => {
    /** The ports that a step is handed, and its lease, stand beside the ground and belong to the step. */
    const layers = [
      /^functions\//u,
      /^lib\/(?:reconcile\/[^/]+|deps|lease)\.ts$/u,
      /^lib\/reconcile\/reform\//u,
      /^lib\/(?:store|peers|cluster)\//u,
      /^lib\/pod\//u,
      /^lib\/[^/]+$/u,
      /^proto\//u,
    ];
    const layerOf = (file: string): number => layers.findIndex((layer) => layer.test(file));
    const isOfStep = /^lib\/(?:deps|lease)\.ts$/u;
    const own = imports.filter(({ to }) => folderOf(to) !== "package");
    assert.deepEqual(
      own.map(({ from }) => from).filter((file) => layerOf(file) === -1),
      [],
    );
    const backwards = own.filter(({ from, to }) => layerOf(to) < layerOf(from) && !isOfStep.test(to));
    assert.deepEqual(shown(backwards), []);
    assert.deepEqual(circles(own), []);
  });

  test("name no package in the step and what belongs to it, but zod for its types and p-queue for turns", () => {
    // Files that may use a package are named here, with what they may use.
    const edge: Readonly<Record<string, readonly string[]>> = {
      "lib/pino-log.ts": ["pino"],
      "lib/variables.ts": ["zod"],
      "lib/pod/pod-object.ts": ["zod"],
      "lib/keyed-queue.ts": ["p-queue"],
    };
    const core = imports.filter(({ from }) => isCore(from));
    assert.deepEqual(
      shown(core.filter((each) => isPackage(each) && !edge[each.from]?.includes(each.to))),
      [],
    );
  });

  test("reach the core's ports, not what is behind them", () => {
    const adapters =
      /^lib\/(?:store\/(?:upstash|redis|redis-contacts|commands|memory)|cluster\/kubernetes|peers\/(?:client|seed)\/.*)\.ts$/u;
    const fromCore = imports.filter(({ from, to }) => isCore(from) && adapters.test(to));
    assert.deepEqual(shown(fromCore), []);
  });

  test("let nobody but the end of a step give a lease back or tell people", () => {
    const ends: Readonly<Record<string, readonly string[]>> = {
      "lib/lease.ts": ["giveBack"],
      "lib/reconcile/announce.ts": ["announce", "announceMovedOut"],
    };
    const users = (file: string, name: string): readonly string[] =>
      files.filter((from) => {
        const source = readFileSync(resolve(root, from), "utf8");
        const isImported = importsOf(from, source).some(({ to, kind }) => to === file && kind === "value");
        return isImported && new RegExp(`import \\{[^}]*\\b${name}\\b[^}]*\\}`, "u").test(source);
      });
    for (const [file, names] of Object.entries(ends))
      for (const name of names) assert.deepEqual(users(file, name), ["lib/reconcile/reconcile.ts"], name);
    const committers = files.filter(
      (from) =>
        from.startsWith("lib/") && /\bcontacts\.commit\(/u.test(readFileSync(resolve(root, from), "utf8")),
    );
    assert.deepEqual(committers, ["lib/lease.ts"]);
  });

  test("of the pure decisions are types and ground: what is decided can be asked without a world", () => {
    const ground = /^lib\/(?:[a-z-]+|pod\/[a-z-]+|reconcile\/cause)\.ts$/u;
    for (const pure of ["lib/reconcile/plan.ts", "lib/reconcile/health.ts"]) {
      const values = imports.filter(({ from, kind }) => from === pure && kind !== "type");
      assert.deepEqual(shown(values.filter(({ to }) => !ground.test(to))), []);
      assert.ok(values.length > 0);
    }
  });

  test("load client-node late in the function, and only in lib/cluster; the command line is a bundle of its own", () => {
    const own = imports.filter(({ from }) => !from.startsWith("functions/cli/"));
    const client = own.filter(({ to }) => to === "@kubernetes/client-node");
    assert.ok(client.length > 0);
    assert.deepEqual(shown(client.filter(({ from }) => !from.startsWith("lib/cluster/"))), []);
    // A file that imports it as a value is itself loaded late by all that import it.
    const holders = new Set(client.filter(({ kind }) => kind === "value").map(({ from }) => from));
    assert.deepEqual(shown(own.filter(({ to, kind }) => holders.has(to) && kind === "value")), []);
    assert.ok(
      imports.some(
        ({ to, kind }) => (holders.has(to) || to === "@kubernetes/client-node") && kind === "dynamic",
      ),
    );
  });

  test("of the start are few: neither the routes nor the engine nor what they are made of", () => {
    const needed = new Set(["functions/main.ts", "functions/start.ts"]);
    for (const file of needed) {
      for (const { from, to, kind } of imports) {
        if (from === file && kind === "value") needed.add(to);
      }
    }
    const heavy = new Set([
      "express",
      "functions/http/server.ts",
      "@grpc/grpc-js",
      "ioredis",
      "lib/store/upstash.ts",
      "cloudevents",
      "p-queue",
      "@kubernetes/client-node",
      "jose",
    ]);
    assert.ok(needed.has("functions/http/front.ts") && needed.has("zod") && needed.has("pino"));
    assert.deepEqual(
      [...needed].filter((name) => heavy.has(name) || name.startsWith("@opentelemetry/")),
      [],
    );
  });
});

test("the environment is read in lib/config.ts alone", () => {
  const readers = files.filter((file) =>
    /\bprocess\s*(?:\.\s*env\b|\[\s*["']env["']\s*\])/u.test(readFileSync(resolve(root, file), "utf8")),
  );
  assert.deepEqual(readers, ["lib/config.ts"]);
});
