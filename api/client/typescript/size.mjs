// Fails where the core is larger than promised: everything that "@rollcall/client" exports, minified and gzipped.
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const LIMIT = 4000;

async function size(entry) {
  const { outputFiles } = await build({
    entryPoints: [`src/${entry}.ts`],
    bundle: true,
    minify: true,
    format: "esm",
    external: ["react"],
    write: false,
  });
  return gzipSync(outputFiles[0].contents, { level: 9 }).length;
}

const core = await size("index");
console.log(`@rollcall/client        ${core} of ${LIMIT} bytes`);
console.log(`@rollcall/client/live   ${await size("live")} bytes`);
console.log(`@rollcall/client/react  ${await size("react")} bytes`);
if (core > LIMIT) process.exit(1);
