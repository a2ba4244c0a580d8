// Fails where the core is larger than promised: everything that a page gets from "@rollcall/client", minified and gzipped.
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const LIMIT = 4096;

async function size(code) {
  const { outputFiles } = await build({
    stdin: { contents: code, resolveDir: "src", loader: "ts" },
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    external: ["react"],
    write: false,
  });
  return gzipSync(outputFiles[0].contents, { level: 9 }).length;
}

const core = await size('export { PresenceClient } from "./index.js"');
console.log(`PresenceClient           ${core} of ${LIMIT} bytes`);
console.log(`all of @rollcall/client  ${await size('export * from "./index.js"')} bytes`);
console.log(`@rollcall/client/react   ${await size('export * from "./react.js"')} bytes`);
if (core > LIMIT) process.exit(1);
