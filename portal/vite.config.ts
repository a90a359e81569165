import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { defineConfig, type Plugin } from "vitest/config";

// The page is one file: its script and its style stand in it, its policy names them by their
// digests and forbids all else, every request included.
function oneFile(): Plugin {
  const digest = (text: string) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
  return {
    name: "one-file",
    enforce: "post",
    generateBundle(_, bundle) {
      const page = bundle["verify.html"];
      if (page?.type !== "asset") throw new Error("no verify.html");
      let script = "";
      let style = "";
      for (const [name, part] of Object.entries(bundle)) {
        if (part.type === "chunk") script += part.code.trim().replaceAll("</script", "<\\/script");
        else if (name.endsWith(".css")) style += String(part.source).trim();
        if (name !== "verify.html") delete bundle[name];
      }
      const policy = [
        "default-src 'none'",
        "connect-src 'none'",
        "form-action 'none'",
        "base-uri 'none'",
        "img-src data:",
        `script-src ${digest(script)}`,
        `style-src ${digest(style)}`,
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
      ].join("; ");
      page.source = String(page.source)
        .replace(/\s*<script type="module"[^>]*><\/script>/, "")
        .replace(/\s*<link rel="stylesheet"[^>]*>/, "")
        .replace(
          /(<meta charset="utf-8"[^>]*>)/,
          (meta) => `${meta}\n    <meta http-equiv="Content-Security-Policy" content="${policy}" />`,
        )
        .replace("</head>", () => `  <style>${style}</style>\n  </head>`)
        .replace("</body>", () => `  <script type="module">${script}</script>\n  </body>`);
    },
  };
}

const trust = process.env.VW_TRUST;

export default defineConfig({
  plugins: [oneFile()],
  // Whom the page relies on without being told: the trust bundle that VW_TRUST names.
  define: { __TRUST__: JSON.stringify(trust ? readFileSync(trust, "utf8") : null) },
  build: {
    outDir: process.env.VW_PAGE_DIR ?? "dist",
    emptyOutDir: true,
    modulePreload: { polyfill: false },
    rollupOptions: { input: "verify.html" },
  },
  test: {
    include: ["tests/**/*.test.ts"],
    reporters: ["./tests/count.ts"],
    testTimeout: 120_000,
  },
});
