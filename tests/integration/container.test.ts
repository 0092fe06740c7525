import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, delimiter, join, resolve } from "node:path";
import { describe, test, type TestContext } from "node:test";
import { startLoneFunction } from "../harness/lone-function.ts";
import { ask } from "../harness/shell-server.ts";

const root = resolve(import.meta.dirname, "../..");
const lines = readFileSync(join(root, "Containerfile"), "utf8")
  .split("\n")
  .filter((line) => line !== "" && !line.startsWith("#"))
  .map((line) => ({ instruction: line.replace(/ .*/u, ""), words: line.split(" ").slice(1) }));
const argumentsOf = (instruction: string): string[] =>
  lines.filter((line) => line.instruction === instruction).map(({ words }) => words.join(" "));

/** Runs the instructions that make files, a directory for each stage; `npm ci` is what this checkout has installed. */
function built(t: TestContext): string {
  const image = mkdtempSync(join(tmpdir(), "klight-image-"));
  t.after(() => rmSync(image, { recursive: true }));
  let stage = "";
  for (const { instruction, words } of lines) {
    if (instruction === "FROM") {
      stage = join(image, words[2] ?? "last");
      mkdirSync(stage);
    }
    if (instruction === "COPY") {
      const [from] = words[0]?.startsWith("--from=") === true ? [words.shift()] : [];
      const target = words.pop() ?? "";
      for (const word of words) {
        const source = from === undefined ? join(root, word) : join(image, from.slice(7), basename(word));
        cpSync(source, join(stage, target, target.endsWith("/") ? basename(word) : ""), { recursive: true });
      }
    }
    if (instruction === "RUN" && words[1] === "ci")
      symlinkSync(join(root, "node_modules"), join(stage, "node_modules"));
    else if (instruction === "RUN") {
      const path = [join(root, "node_modules/.bin"), process.env["PATH"]].join(delimiter);
      execFileSync("sh", ["-c", words.join(" ")], { cwd: stage, env: { ...process.env, PATH: path } });
    }
  }
  return stage;
}

describe("the image of the Containerfile", () => {
  test("has what the function needs to run, its code cache too, and no package, source or map", async (t) => {
    const image = built(t);
    const files = globSync("**/*", { cwd: image, withFileTypes: true }).filter((entry) => entry.isFile());
    assert.deepEqual(
      new Set(files.map(({ name }) => name.replace(/.*\./u, ""))),
      new Set(["js", "cache", "json"]),
    );
    const bytes = files.reduce(
      (sum, { parentPath, name }) => sum + readFileSync(join(parentPath, name)).length,
      0,
    );
    assert.ok(bytes < 5_000_000, `${bytes} bytes`);
    for (const { parentPath, name } of files) chmodSync(join(parentPath, name), 0o444);
    const { port } = await startLoneFunction(t, { NODE_ENV: "production" }, join(image, "dist/index.js"));
    for (const path of ["/health/readiness", "/", "/networks"])
      assert.equal((await ask(port, { method: "GET", path })).status, 200, path);
  });

  test("has the Node that everything is tested with, in build and run", () => {
    const { packages } = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as {
      packages: Record<string, { version: string }>;
    };
    const image = `docker.io/library/node:${String(packages["node_modules/node"]?.version)}-bookworm-slim`;
    assert.deepEqual(argumentsOf("FROM"), [`${image} AS build`, image]);
  });

  test("starts as the script `start` does, and not as root", () => {
    const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
      scripts: { start: string };
    };
    const [command = ""] = argumentsOf("CMD");
    assert.equal((JSON.parse(command) as string[]).join(" "), scripts.start);
    assert.match(argumentsOf("USER").join(), /^[1-9]\d+$/u);
  });
});
