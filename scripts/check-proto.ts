import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readOptions } from "./options.ts";

readOptions(
  `node scripts/check-proto.ts

Generates the code of proto/ again and compares it with what is checked in. Exits with 1 where they differ.`,
  {},
);

const root = join(import.meta.dirname, "..");
const generated = join("proto", "generated");

const filesIn = (directory: string): Map<string, string> =>
  new Map(
    readdirSync(directory, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .map((path) => [path.slice(directory.length + 1), readFileSync(path, "utf8")]),
  );

/** What is wrong with the code that is checked in, a line each. */
function differences(checkedIn: Map<string, string>, current: Map<string, string>): string[] {
  const names = [...new Set([...checkedIn.keys(), ...current.keys()])].sort();
  return names.flatMap((name) => {
    const path = join(generated, name);
    if (!checkedIn.has(name)) return [`${path} is missing`];
    if (!current.has(name)) return [`${path} is not generated from proto/ any more`];
    return checkedIn.get(name) === current.get(name) ? [] : [`${path} is not current`];
  });
}

function check(directory: string): string[] {
  const buf = join(root, "node_modules", ".bin", "buf");
  const made = spawnSync(buf, ["generate", "--include-imports", "--output", directory], {
    cwd: root,
    encoding: "utf8",
  });
  if (made.status !== 0) {
    return [`buf generate failed: ${made.error?.message ?? made.stderr}`];
  }
  return differences(filesIn(join(root, generated)), filesIn(join(directory, generated)));
}

const directory = mkdtempSync(join(tmpdir(), "klight-proto-"));
try {
  const problems = check(directory);
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) console.error("Run: npx buf generate --include-imports");
  process.exitCode = problems.length > 0 ? 1 : 0;
} finally {
  rmSync(directory, { recursive: true, force: true });
}
