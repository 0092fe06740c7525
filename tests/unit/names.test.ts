import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { test } from "node:test";

/** A name that stands at the top of two files means two things, or one thing twice: a rule that no linter at hand can hold. */
const root = resolve(import.meta.dirname, "../..");

const declaration =
  /^(?:export )?(?:declare )?(?:abstract )?(?:async )?(?:const|let|function\*?|class|interface|type|enum) +(?<name>[\w$]+)/gmu;

const namesIn = (source: string): ReadonlySet<string> =>
  new Set([...source.matchAll(declaration)].map(({ groups }) => groups?.["name"] ?? ""));

/** Which files declare each name. */
function declaredIn(sources: ReadonlyMap<string, string>): ReadonlyMap<string, readonly string[]> {
  const files = new Map<string, readonly string[]>();
  for (const [file, source] of sources)
    for (const name of namesIn(source)) files.set(name, [...(files.get(name) ?? []), file]);
  return files;
}

const twice = (declared: ReadonlyMap<string, readonly string[]>): readonly string[] =>
  [...declared]
    .filter(([, files]) => files.length > 1)
    .map(([name, files]) => `${name}: ${files.join(", ")}`);

test("each kind of declaration is found, and one that stands in two files", () => {
  const source =
    "const a = 1;\nexport async function b() {\n  const inner = 1;\n}\nfunction* c() {}\nexport class D {}\ninterface E {}\nexport type F = A;\n";
  assert.deepEqual([...namesIn(source)], ["a", "b", "c", "D", "E", "F"]);
  const sources = new Map([
    ["x.ts", "const a = 1;"],
    ["y.ts", "type a = 1;\nconst b = 1;"],
  ]);
  assert.deepEqual(twice(declaredIn(sources)), ["a: x.ts, y.ts"]);
});

test("no name is declared at the top of two files", () => {
  const files = ["functions", "lib"].flatMap((folder) => globSync(`${folder}/**/*.ts`, { cwd: root }));
  const declared = declaredIn(
    new Map(files.map((file) => [file, readFileSync(resolve(root, file), "utf8")])),
  );
  assert.ok(declared.size > 1_000);
  assert.deepEqual(twice(declared), []);
});
