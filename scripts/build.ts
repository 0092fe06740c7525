import { readFileSync } from "node:fs";
import { build as bundle, type BuildOptions, type Plugin } from "esbuild";

/** Puts the Lua scripts into the bundle: what reads them from files in the sources must run without files. */
const inlineScripts: Plugin = {
  name: "inline-scripts",
  setup(build) {
    build.onLoad({ filter: /contacts[/\\]scripts\.ts$/ }, ({ path }) => {
      const source = readFileSync(path, "utf8");
      const contents = source.replaceAll(/\bscript\("([\w-]+\.lua)"\)/gu, (_call, name: string) =>
        JSON.stringify(readFileSync(new URL(`../lib/contacts/scripts/${name}`, import.meta.url), "utf8")),
      );
      return { contents, loader: "ts" };
    });
  },
};

/** Puts the files of the page into the bundle, likewise. */
const inlinePage: Plugin = {
  name: "inline-page",
  setup(build) {
    build.onLoad({ filter: /page[/\\]assets\.ts$/ }, ({ path }) => {
      const source = readFileSync(path, "utf8");
      const contents = source.replaceAll(/\basset\("([\w.-]+)"\)/gu, (_call, name: string) =>
        JSON.stringify(readFileSync(new URL(`../functions/page/${name}`, import.meta.url), "utf8")),
      );
      return { contents, loader: "ts" };
    });
  },
};

const shared: BuildOptions = {
  absWorkingDir: new URL("..", import.meta.url).pathname,
  bundle: true,
  platform: "node",
  format: "esm",
  target: "node20",
  sourcemap: "linked",
  minifySyntax: true,
  minifyWhitespace: true,
  minifyIdentifiers: true,
  legalComments: "none",
  logLevel: "warning",
  plugins: [inlineScripts, inlinePage],
  // CommonJS dependencies call require for Node's own modules.
  banner: {
    js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);',
  },
};

await bundle({ ...shared, entryPoints: ["functions/index.ts"], outfile: "dist/index.js" });
await bundle({
  ...shared,
  entryPoints: ["functions/cli.ts"],
  outfile: "dist/klight.js",
  banner: { js: `#!/usr/bin/env node\n${shared.banner?.["js"] ?? ""}` },
});
