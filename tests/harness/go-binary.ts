import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { findCommand } from "./tied-process.ts";

/** A Go module of the tests, and what is built from it. */
export interface GoModule {
  readonly folder: string;
  readonly package: string;
  /** The module of it whose version the binary's name carries. */
  readonly versionOf: string;
  readonly tags?: string;
}

/** What is missing to build: undefined, or words that say what to do. Go itself fetches the version that a module asks for. */
export const missingGo = (): string | undefined =>
  findCommand("go") === undefined ? "Go 1.21 or newer: https://go.dev/dl" : undefined;

/**
 * Path of the binary in the user's cache; its name changes with everything that it is built from. The first time it is
 * built, which takes minutes and is said. Throws where it cannot be built.
 */
export function goBinary({ folder, package: name, versionOf, tags = "" }: GoModule): string {
  const [mod = "", sum = ""] = ["go.mod", "go.sum"].map((file) => readFileSync(join(folder, file), "utf8"));
  const version = new RegExp(String.raw`\b${versionOf} (v\S+)`, "u").exec(mod)?.[1] ?? "";
  const hash = createHash("sha256").update([mod, sum, tags].join("\n")).digest("hex").slice(0, 12);
  const cache = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "klight");
  mkdirSync(cache, { recursive: true });
  const path = join(cache, `${name.split("/").at(-1)}-${version}-${hash}`);
  if (existsSync(path)) return path;
  console.log(`building ${name} ${version}: some minutes, once`);
  const fresh = `${path}.${process.pid}`;
  execFileSync(
    findCommand("go") ?? "go",
    ["build", "-trimpath", "-ldflags", "-s -w", "-tags", tags, "-o", fresh, name],
    {
      cwd: folder,
      env: { ...process.env, CGO_ENABLED: "0", GOFLAGS: "-mod=readonly" },
      stdio: ["ignore", "inherit", "inherit"],
    },
  );
  renameSync(fresh, path);
  return path;
}
