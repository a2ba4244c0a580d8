import { defineConfig } from "vitest/config";

/** The tests in a real Chromium, one after the other: a machine has only so many cores. */
export default defineConfig({
  test: {
    include: ["test/browser/*.test.ts"],
    environment: "node",
    fileParallelism: false,
    testTimeout: 90_000,
    hookTimeout: 120_000,
  },
});
