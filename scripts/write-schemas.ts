import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { readOptions } from "./options.ts";
import { format } from "prettier";
import * as z from "zod";
import { schemas } from "../functions/status/schemas.ts";

/**
 * Writes docs/schemas from the schemas in code. With `--check` it only says whether the files are what it would write,
 * and ends with status 1 if not.
 */
const folder = new URL("../docs/schemas/", import.meta.url);
const values = readOptions(
  "node scripts/write-schemas.ts [--check]\n\nWrites docs/schemas from the schemas in code.",
  {
    check: { type: "boolean", default: false, says: "writes nothing, exits with 1 where a file is another" },
  },
);
if (!values.check) mkdirSync(folder, { recursive: true });

for (const [name, schema] of Object.entries(schemas)) {
  const file = new URL(`${name}.json`, folder);
  const text = JSON.stringify({ title: `klight ${name}`, ...z.toJSONSchema(schema) });
  const wanted = await format(text, { parser: "json", printWidth: 110 });
  if (!values.check) writeFileSync(file, wanted);
  else if (readFileSync(file, "utf8") !== wanted) {
    console.error(`docs/schemas/${name}.json is not what the code says: run scripts/write-schemas.ts`);
    process.exitCode = 1;
  }
}
