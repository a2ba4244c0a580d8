import { defineConfig } from "vitest/config";

/** The tests in Firefox and WebKit, one after the other: a machine has only so many cores. */
export default defineConfig({
  test: {
    include: ["test/engines/*.test.ts"],
    environment: "node",
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
