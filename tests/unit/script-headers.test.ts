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
const uses = (code: string, table: "KEYS" | "ARGV"): string[] => [
  ...new Set(
    [...withoutComments(code).matchAll(new RegExp(`${table}\\[(\\d+)\\]`, "g"))].map(([, at]) => at ?? ""),
  ),
];
const lists = (header: string, table: "KEYS" | "ARGV"): string[] =>
  [...header.matchAll(new RegExp(`^-- ${table}\\[(\\d+)\\]  +\\S`, "gm"))].map(([, at]) => at ?? "");
const byNumber = (a: string, b: string): number => Number(a) - Number(b);

/** What is wrong with a script's header; also tried on broken ones below. */
const faults = (text: string): string[] => {
  const { header, code } = split(text);
  const found: string[] = [];
  for (const table of ["KEYS", "ARGV"] as const) {
    const [used, listed] = [uses(code, table), lists(header, table)];
    found.push(
      ...used.filter((at) => !listed.includes(at)).map((at) => `${table}[${at}] is used and not listed`),
    );
    found.push(
      ...listed.filter((at) => !used.includes(at)).map((at) => `${table}[${at}] is listed and not used`),
    );
    if (listed.join() !== listed.map((_, at) => String(at + 1)).join())
      found.push(`${table} are not listed in order`);
    if (withoutComments(code).match(new RegExp(`${table}(?!\\[\\d+\\])`)))
      found.push(`${table} without a plain index`);
  }
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

const names = Object.keys(keyNames) as ScriptName[];

for (const name of names) {
  test(`${name}.lua lists in its header exactly the keys, values and replies that it uses`, () => {
    assert.deepEqual(faults(read(`${name}.lua`)), []);
  });

  test(`${name}.lua is given its keys in the order of its header`, () => {
    const { header } = split(read(`${name}.lua`));
    const listed = [...header.matchAll(/^-- KEYS\[\d+\] +(\w+)/gm)].map(([, key]) => key);
    assert.deepEqual(listed, [...keyNames[name]]);
    const bound = [...read(`${name}.lua`).matchAll(/(\w+) = KEYS\[(\d+)\]/g)].map(([, key, at]) => [key, at]);
    assert.deepEqual(
      bound.sort(([, a = ""], [, b = ""]) => byNumber(a, b)).map(([key]) => key),
      listed,
    );
  });

  test(`${name} is sent with its own file at the end`, () => {
    assert.ok(scripts[name].endsWith(read(`${name}.lua`)));
  });
}

test("every file is a script or a part that says so and touches no KEYS and ARGV", () => {
  const parts = files.filter((file) => !names.some((name) => file === `${name}.lua`));
  assert.deepEqual(parts.sort(), ["clock.lua", "holder.lua", "record.lua", "stack.lua"]);
  for (const part of parts) {
    assert.match(read(part), /^-- Part: /);
    assert.doesNotMatch(read(part), /KEYS|ARGV/);
    assert.ok(Object.values(scripts).some((script) => script.includes(read(part))));
  }
});

test("a header that leaves something out, or lists too much, is found", () => {
  const good =
    '-- KEYS[1]  stack\n-- ARGV[1]  token\n-- Writes  x\n-- Replies {"done"}\n-- Twice  same\n\nf(KEYS[1], ARGV[1])\nreturn { "done" }\n';
  assert.deepEqual(faults(good), []);
  assert.deepEqual(faults(good.replace("f(KEYS[1]", "f(KEYS[1], KEYS[2]")), [
    "KEYS[2] is used and not listed",
  ]);
  assert.deepEqual(faults(good.replace(", ARGV[1])", ")")), ["ARGV[1] is listed and not used"]);
  assert.deepEqual(faults(good.replace("f(KEYS[1]", "f(KEYS[1], KEYS[n]")), ["KEYS without a plain index"]);
  assert.deepEqual(faults(good.replace("-- Twice  same\n", "")), ['no "Twice"']);
  assert.deepEqual(faults(good.replace('return { "done" }', 'return { "gone" }')), [
    "reply gone is not listed",
    "reply done is listed and never sent",
  ]);
});
