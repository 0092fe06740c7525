import { readFileSync, writeFileSync } from "node:fs";
import { readOptions } from "./options.ts";
import { format } from "prettier";
import { variables } from "../lib/config.ts";
import type { Variable } from "../lib/variables.ts";

/**
 * Writes docs/configuration.md from the schema of the configuration. With `--check` it only says whether the file is
 * what it would write, and ends with status 1 if not.
 */
const file = new URL("../docs/configuration.md", import.meta.url);

const cell = (text: string): string => text.replaceAll("|", String.raw`\|`);

const row = ([name, { about, mustBe, fallback, secret }]: readonly [string, Variable]): string => {
  const standard = fallback === undefined ? "" : `\`${fallback}\``;
  return `| \`${name}\` | ${standard} | ${cell(mustBe)} | ${cell(about)}${secret ? " Secret: never shown." : ""} |`;
};

const text = `# Configuration

klight reads environment variables, once, when it starts. In the cluster they are the keys of the ConfigMap \`klight\`, and
secret ones those of the Secret \`klight-redis\` ([deploy.md](deploy.md#settings)).

- An empty variable counts as not set.
- If anything is wrong, klight ends with exit status 78 and one message that names every variable that is wrong, its value (secrets are masked) and what would be right.
- A variable \`KLIGHT_...\` that klight does not know is an error, not a warning: a misspelt \`KLIGHT_REFORM=off\` would else be a setting that silently does nothing. The variables that Kubernetes makes for Services (\`KLIGHT_SERVICE_HOST\`, \`KLIGHT_PORT_80_TCP\`, ...) are passed over.
- \`KLIGHT_STORE=upstash\` needs \`UPSTASH_REDIS_REST_URL\` and \`UPSTASH_REDIS_REST_TOKEN\`, \`redis\` needs \`REDIS_URL\`. \`memory\` is refused where Knative has set \`K_SERVICE\`. \`KLIGHT_OIDC_AUDIENCE\` and \`KLIGHT_OIDC_ISSUER\` come together.
- Of OpenTelemetry's variables those in the table are what klight acts on. All others of its exporters and its tracing (\`OTEL_SERVICE_NAME\`, \`OTEL_RESOURCE_ATTRIBUTES\`, \`OTEL_EXPORTER_OTLP_HEADERS\`, \`..._TIMEOUT\`, \`..._CERTIFICATE\`, an endpoint for one signal, \`OTEL_TRACES_SAMPLER\`, \`OTEL_BSP_...\`) mean what [its specification](https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/) says.

<!-- The table is written by scripts/write-config-docs.ts from lib/config.ts. -->

| Variable | Default | Must be | Meaning |
| --- | --- | --- | --- |
${Object.entries<Variable>(variables).map(row).join("\n")}
`;

const values = readOptions(
  "node scripts/write-config-docs.ts [--check]\n\nWrites docs/configuration.md from lib/config.ts.",
  {
    check: {
      type: "boolean",
      default: false,
      says: "writes nothing, exits with 1 where the file is another",
    },
  },
);
const wanted = await format(text, { parser: "markdown", printWidth: 110 });
if (!values.check) writeFileSync(file, wanted);
else if (readFileSync(file, "utf8") !== wanted) {
  console.error("docs/configuration.md is not what the code says: run scripts/write-config-docs.ts");
  process.exitCode = 1;
}
