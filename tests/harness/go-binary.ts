import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync } from "node:fs";
import { homedir } from "node:os";
import { basename, join } from "node:path";
import { findCommand } from "./tied-process.ts";

/** A Go module of the tests, and what is built from it. */
export interface GoModule {
  readonly folder: string;
  readonly package: string;
  /** The module of it whose version the binary's name carries. */
  readonly versionOf: string;
  readonly tags?: string;
  /** A variable of the program that is set to this version, where it does not know it by itself. */
  readonly versionIn?: string;
}

/** What is missing to build these: undefined, or words that say what to do. A Go that may fetch a newer one does so. */
export function missingGo(...modules: readonly Pick<GoModule, "folder">[]): string | undefined {
  const go = findCommand("go");
  const isNew = modules.every(
    ({ folder }) =>
      go !== undefined &&
      // No other command with so little to do refuses a go.mod that is for a newer Go.
      spawnSync(go, ["list", "-m"], { cwd: folder, stdio: "ignore" }).status === 0,
  );
  const wanted = modules.map((module) => /^go (\S+)/mu.exec(files(module).mod)?.[1] ?? "");
  return isNew ? undefined : `Go ${wanted.toSorted().at(-1)} or newer: https://go.dev/dl`;
}

/**
 * Path of the binary in the user's cache; its name changes with everything that it is built from. The first time it is
 * built, which takes minutes and is said. Throws where it cannot be built.
 */
export function goBinary(module: GoModule): string {
  const { folder, package: name, versionOf, tags = "", versionIn } = module;
  const { mod, sum } = files(module);
  const version = new RegExp(String.raw`\b${versionOf} (v\S+)`, "u").exec(mod)?.[1] ?? "";
  const hash = createHash("sha256").update([mod, sum, tags].join("\n")).digest("hex").slice(0, 12);
  const cache = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "klight");
  mkdirSync(cache, { recursive: true });
  const path = join(cache, `${basename(name)}-${version}-${hash}`);
  if (existsSync(path)) return path;
  console.log(`building ${name} ${version}: some minutes, once`);
  const fresh = `${path}.${process.pid}`;
  const link = ["-s -w", ...(versionIn === undefined ? [] : [`-X ${versionIn}=${version}`])].join(" ");
  inGo(folder, ["build", "-trimpath", "-ldflags", link, "-tags", tags, "-o", fresh, name]);
  renameSync(fresh, path);
  return path;
}

/** The folder of a package that the module brings along, in Go's own cache. */
export const goFolder = ({ folder }: Pick<GoModule, "folder">, name: string): string =>
  inGo(folder, ["list", "-f", "{{.Dir}}", name]).trim();

/** What it prints. What it tells meanwhile is shown, for it may take minutes. */
const inGo = (folder: string, args: readonly string[]): string =>
  execFileSync(findCommand("go") ?? "go", args, {
    cwd: folder,
    encoding: "utf8",
    env: { ...process.env, CGO_ENABLED: "0", GOFLAGS: "-mod=readonly" },
    stdio: ["ignore", "pipe", "inherit"],
  });

function files({ folder }: Pick<GoModule, "folder">): { readonly mod: string; readonly sum: string } {
  const read = (name: string): string => readFileSync(join(folder, name), "utf8");
  return { mod: read("go.mod"), sum: read("go.sum") };
}
