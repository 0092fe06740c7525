import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { findCommand } from "../harness/tied-process.ts";

/** What a run of these tests needs, as paths. */
export interface Binaries {
  readonly etcd: string;
  readonly apiServer: string;
  /** What Knative runs for an ApiServerSource. */
  readonly adapter: string;
  /** Folders with the definitions (CRDs) of Knative's kinds. */
  readonly definitions: readonly string[];
}

/** The oldest Go that builds these modules: their go.mod say the same. */
const GO = [1, 25] as const;

/** A Go module beside this file, and what is built from it. */
interface Module {
  readonly folder: string;
  readonly package: string;
  /** A module of it whose version the binary carries. */
  readonly versionOf: string;
}

const apiServer: Module = {
  folder: join(import.meta.dirname, "api-server"),
  package: "k8s.io/kubernetes/cmd/kube-apiserver",
  versionOf: "k8s.io/kubernetes",
};
const adapter: Module = {
  folder: join(import.meta.dirname, "knative"),
  package: "knative.dev/eventing/cmd/apiserver_receive_adapter",
  versionOf: "knative.dev/eventing",
};
const definitions = [
  "knative.dev/eventing/config/core/resources",
  "knative.dev/serving/config/core/300-resources",
];

/** What is missing on this machine, each in words that say what to do. */
export function missingParts(): readonly string[] {
  const etcd = findCommand("etcd") === undefined ? ["etcd: apt-get install etcd-server"] : [];
  return [...etcd, ...(findGo() === undefined ? [`Go ${GO.join(".")} or newer: https://go.dev/dl`] : [])];
}

/** Builds what is not in the user's cache yet, which takes minutes, and says so. Throws where a part is missing. */
export function buildBinaries(): Binaries {
  const [etcd, go] = [findCommand("etcd"), findGo()];
  if (etcd === undefined || go === undefined) throw new Error(missingParts().join("; "));
  return {
    etcd,
    apiServer: built(go, apiServer),
    adapter: built(go, adapter),
    definitions: definitions.map((name) =>
      execFileSync(go, ["list", "-f", "{{.Dir}}", name], { cwd: adapter.folder, encoding: "utf8" }).trim(),
    ),
  };
}

function findGo(): string | undefined {
  const go = findCommand("go");
  if (go === undefined) return undefined;
  const said = spawnSync(go, ["env", "GOVERSION"], { encoding: "utf8" }).stdout;
  const [, major = 0, minor = 0] = (/^go(\d+)\.(\d+)/u.exec(said) ?? []).map(Number);
  return major > GO[0] || (major === GO[0] && minor >= GO[1]) ? go : undefined;
}

/** Path of the binary in the cache; its name changes with everything that it is built from. */
function built(go: string, { folder, package: name, versionOf }: Module): string {
  const [mod, sum] = ["go.mod", "go.sum"].map((file) => readFileSync(join(folder, file), "utf8"));
  const version = new RegExp(String.raw`\b${versionOf} (v\S+)`, "u").exec(mod ?? "")?.[1] ?? "";
  const hash = createHash("sha256").update(`${mod}${sum}`).digest("hex").slice(0, 12);
  const path = join(cacheFolder(), `${name.split("/").at(-1)}-${version}-${hash}`);
  if (existsSync(path)) return path;
  console.log(`building ${name} ${version}: some minutes, once`);
  const fresh = `${path}.${process.pid}`;
  // Without its version kube-apiserver calls itself v0.0.0.
  const link = `-s -w -X k8s.io/component-base/version.gitVersion=${version}`;
  execFileSync(go, ["build", "-trimpath", "-ldflags", link, "-o", fresh, name], {
    cwd: folder,
    env: { ...process.env, CGO_ENABLED: "0", GOFLAGS: "-mod=readonly" },
    stdio: ["ignore", "inherit", "inherit"],
  });
  renameSync(fresh, path);
  return path;
}

function cacheFolder(): string {
  const folder = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "klight");
  mkdirSync(folder, { recursive: true });
  return folder;
}
