import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { keyNames } from "../../lib/store/keys.ts";
import { scripts, type ScriptName } from "../../lib/store/scripts.ts";

const folder = new URL("../../lib/store/scripts/", import.meta.url);
const files = readdirSync(folder).filter((file) => file.endsWith(".lua"));
const read = (file: string): string => readFileSync(new URL(file, folder), "utf8");

/** The comment that a script begins with, and the code after it. */
const split = (text: string): { header: string; code: string } => {
  const header = /^(?:--.*\n)+/.exec(text)?.[0] ?? "";
  return { header, code: text.slice(header.length) };
};

const withoutComments = (code: string): string => code.replaceAll(/--.*$/gm, "");
const matched = (code: string, what: RegExp): string[] => [
  ...new Set([...withoutComments(code).matchAll(what)].map(([, each]) => each ?? "")),
];
const keysIn = (code: string): string[] => matched(code, /\bkeys\.(\w+)/g);
const argvIn = (code: string): string[] => matched(code, /ARGV\[(\d+)\]/g);
const listsArgv = (header: string): string[] =>
  [...header.matchAll(/^-- ARGV\[(\d+)\]  +\S/gm)].map(([, at]) => at ?? "");

/** What is wrong with a script's header; also tried on broken ones below. `parts`: the code that stands before it. */
const faults = (text: string, parts = ""): string[] => {
  const { header, code } = split(text);
  const found: string[] = [];
  const differences = (
    kind: (each: string) => string,
    used: readonly string[],
    listed: readonly string[],
  ): void => {
    found.push(
      ...used.filter((each) => !listed.includes(each)).map((each) => `${kind(each)} is used and not listed`),
    );
    found.push(
      ...listed.filter((each) => !used.includes(each)).map((each) => `${kind(each)} is listed and not used`),
    );
  };
  const listedKeys = /^-- Keys +(.*(?:\n-- {10}.*)*)/m.exec(header)?.[1]?.replaceAll(/\(.*?\)/gs, "") ?? "";
  differences((name) => `key ${name}`, keysIn(parts + code), listedKeys.match(/\w+/g) ?? []);
  const listed = listsArgv(header);
  differences((at) => `ARGV[${at}]`, argvIn(code), listed);
  if (listed.join() !== listed.map((_, at) => String(at + 1)).join())
    found.push("ARGV are not listed in order");
  if (/ARGV(?!\[\d+\])/.test(withoutComments(code))) found.push("ARGV without a plain index");
  if (/KEYS\[/.test(code)) found.push("KEYS by a number");
  for (const part of ["Writes", "Replies", "Twice"]) {
    if (!new RegExp(`^-- ${part} +\\S`, "m").test(header)) found.push(`no "${part}"`);
  }
  const replied = [...withoutComments(code).matchAll(/return \{\s*"(\w+)"/g)].map(([, tag]) => tag ?? "");
  found.push(
    ...replied.filter((tag) => !header.includes(`{"${tag}"`)).map((tag) => `reply ${tag} is not listed`),
  );
  for (const [, tag = ""] of header.matchAll(/\{"(\w+)"/g)) {
    if (!withoutComments(code).includes(`"${tag}"`)) found.push(`reply ${tag} is listed and never sent`);
  }
  return found;
};

const names = Object.keys(scripts) as ScriptName[];
const isPart = (file: string): boolean => !names.some((name) => file === `${name}.lua`);

for (const name of names) {
  test(`${name}.lua lists in its header exactly the keys, values and replies that it uses`, () => {
    const parts = files.filter((file) => isPart(file) && scripts[name].includes(read(file)));
    assert.deepEqual(faults(read(`${name}.lua`), parts.map(read).join("")), []);
  });

  test(`${name} is sent with its own file at the end, and every key by its name at the start`, () => {
    assert.ok(scripts[name].endsWith(read(`${name}.lua`)));
    const bound = [...scripts[name].matchAll(/(\w+) = KEYS\[first \+ (\d+)\]/g)].map(([, key, at]) => [
      key,
      Number(at),
    ]);
    assert.deepEqual(
      bound,
      [...keyNames, "receipt", "peers"].map((key, at) => [key, at + 1]),
    );
  });
}

test("every key is used by a script", () => {
  const used = Object.values(scripts).flatMap(keysIn);
  assert.deepEqual([...new Set(used)].sort(), [...keyNames, "receipt", "peers"].sort());
});

test("every file is a script or a part that says so and touches no KEYS and ARGV", () => {
  const parts = files.filter(isPart);
  assert.deepEqual(parts.sort(), [
    "clock.lua",
    "holder.lua",
    "peers.lua",
    "record.lua",
    "since.lua",
    "stack.lua",
  ]);
  for (const part of parts) {
    assert.match(read(part), /^-- Part: /);
    assert.doesNotMatch(read(part), /KEYS|ARGV/);
    assert.ok(Object.values(scripts).some((script) => script.includes(read(part))));
  }
});

test("a header that leaves something out, or lists too much, is found", () => {
  const good =
    '-- Keys  stack, receipt (of\n--          this)\n-- ARGV[1]  token\n-- Writes  x\n-- Replies {"done"}\n-- Twice  same\n\nf(keys.stack, ARGV[1])\nreturn { "done" }\n';
  const part = "f(keys.receipt)";
  assert.deepEqual(faults(good, part), []);
  assert.deepEqual(faults(good), ["key receipt is listed and not used"]);
  assert.deepEqual(faults(good.replace("f(keys.stack", "f(keys.stack, keys.log"), part), [
    "key log is used and not listed",
  ]);
  assert.deepEqual(faults(good.replace("ARGV[1])", "ARGV[1], ARGV[2])"), part), [
    "ARGV[2] is used and not listed",
  ]);
  assert.deepEqual(faults(good.replace(", ARGV[1])", ")"), part), ["ARGV[1] is listed and not used"]);
  assert.deepEqual(faults(good.replace("ARGV[1])", "ARGV[1], ARGV[n])"), part), [
    "ARGV without a plain index",
  ]);
  assert.deepEqual(faults(good.replace("ARGV[1])", "ARGV[1], KEYS[1])"), part), ["KEYS by a number"]);
  assert.deepEqual(faults(good.replace("-- Twice  same\n", ""), part), ['no "Twice"']);
  assert.deepEqual(faults(good.replace('return { "done" }', 'return { "gone" }'), part), [
    "reply gone is not listed",
    "reply done is listed and never sent",
  ]);
});
