import { defineConfig } from 'vite'

// The names of the files carry no hash: what is built depends on the sources alone, and the server tells versions
// apart by their ETag.
export default defineConfig({
  base: './',
  build: {
    outDir: '../dist',
    emptyOutDir: true,
    target: 'es2022',
    modulePreload: false,
    assetsInlineLimit: 0,
    rolldownOptions: {
      output: { entryFileNames: 'assets/admin.js', assetFileNames: 'assets/admin[extname]' },
    },
  },
})
