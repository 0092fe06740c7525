import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { readOptions } from "../../scripts/options.ts";
import { goBinary, type GoModule, missingGo } from "../harness/go-binary.ts";
import { skipWithoutRedis } from "../harness/redis.ts";

readOptions(
  `npm run test:metrics

Builds Prometheus, once, into the user's cache, and asks dashboards and alerts of it. It needs Go and redis-server; what is
missing is said, and is a failure with CI=true.`,
  {},
);

const prometheus: GoModule = {
  folder: import.meta.dirname,
  package: "github.com/prometheus/prometheus/cmd/prometheus",
  versionOf: "github.com/prometheus/prometheus",
  // Where to find what it should scrape, of which there is nothing.
  tags: "remove_all_sd",
};

const missing = [missingGo(prometheus), skipWithoutRedis()].filter((part) => typeof part === "string");
if (missing.length > 0) {
  console.log(`the tests with a real Prometheus are not run, missing here: ${missing.join("; ")}`);
  // Where everything has to be there, nothing is left out unseen.
  process.exit(process.env["CI"] === undefined ? 0 : 1);
}

const binary = goBinary(prometheus);
const { status } = spawnSync(
  process.execPath,
  ["--test", "--test-timeout=300000", join(import.meta.dirname, "prometheus.test.ts")],
  { env: { ...process.env, TEST_PROMETHEUS: binary }, stdio: "inherit" },
);
process.exit(status ?? 1);
