import { chmodSync, readFileSync, rmSync } from "node:fs";
import { build as bundle, type BuildOptions, type Plugin } from "esbuild";
import { readOptions } from "./options.ts";

readOptions(
  "npm run build\n\nMakes dist/: the function, index.js with late/, and the command klight.js.",
  {},
);

/** Puts the Lua scripts into the bundle: what reads them from files in the sources must run without files. */
const inlineScripts: Plugin = {
  name: "inline-scripts",
  setup(build) {
    build.onLoad({ filter: /store[/\\]scripts\.ts$/ }, ({ path }) => {
      const source = readFileSync(path, "utf8");
      const contents = source.replaceAll(/\bscript\("([\w-]+\.lua)"\)/gu, (_call, name: string) =>
        JSON.stringify(readFileSync(new URL(`../lib/store/scripts/${name}`, import.meta.url), "utf8")),
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

/**
 * Takes Node's own modules by `require`. An import makes an export of every property, and to read those of `node:http`
 * loads all of Node's fetch and WebSocket: 30 ms of a start.
 */
const requireBuiltins: Plugin = {
  name: "require-builtins",
  setup(build) {
    build.onResolve({ filter: /^node:/ }, ({ path, kind }) =>
      kind === "require-call" ? { path, external: true } : { path, namespace: "builtin" },
    );
    build.onLoad({ filter: /.*/, namespace: "builtin" }, ({ path }) => ({
      contents: `module.exports = require(${JSON.stringify(path)});`,
    }));
  },
};

/**
 * Of the API server's client only the configuration is used, which can also make clients of two kinds that klight does
 * not use: their parts, 1.2 MB, are left out.
 */
const withoutClients: Plugin = {
  name: "without-clients",
  setup(build) {
    build.onResolve({ filter: /^(?:undici|\.\/gen\/index\.js)$/ }, ({ path, importer }) =>
      /@kubernetes[/\\]client-node[/\\]dist[/\\]config\.js$/.test(importer)
        ? { path, namespace: "left-out" }
        : undefined,
    );
    build.onLoad({ filter: /.*/, namespace: "left-out" }, () => ({
      contents: `
        const leftOut = () => { throw new Error("this part of @kubernetes/client-node is not in the bundle"); };
        export { leftOut as Agent, leftOut as ProxyAgent };
        export { leftOut as createConfiguration, leftOut as ServerConfiguration };`,
    }));
  },
};

const root = new URL("..", import.meta.url).pathname;
// CommonJS dependencies call require for Node's own modules.
const requireForCommonJs =
  'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);';

const shared: BuildOptions = {
  absWorkingDir: root,
  bundle: true,
  platform: "node",
  format: "esm",
  target: "node20",
  // Packages that have both are written as modules too: of those only what is used is taken.
  mainFields: ["module", "main"],
  sourcemap: "linked",
  minify: true,
  legalComments: "none",
  logLevel: "warning",
  plugins: [inlineScripts, inlinePage, requireBuiltins, withoutClients],
  banner: { js: requireForCommonJs },
};

rmSync(`${root}dist`, { recursive: true, force: true });

/**
 * Node compiles all of a file before it runs any of it, which for the whole in one file is most of the start. So what
 * is imported late (the engine, the API server's client) is in files of its own beside dist/index.js.
 */
await bundle({
  ...shared,
  entryPoints: ["functions/index.ts"],
  outdir: "dist",
  splitting: true,
  chunkNames: "late/[name]-[hash]",
});
await bundle({
  ...shared,
  entryPoints: ["functions/cli/main.ts"],
  outfile: "dist/klight.js",
  banner: { js: `#!/usr/bin/env node\n${requireForCommonJs}` },
});
chmodSync(`${root}dist/klight.js`, 0o755);
