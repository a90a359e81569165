// The built page in a real browser without a network: what people see, hear and can reach.
// VW_CHROMIUM names the browser (tests/portal.sh browser); pictures go to out/.

import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { deflateSync } from "node:zlib";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { build } from "vite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Case, cases } from "../vectors";
import {
  bundle,
  coded,
  completeness,
  drawing,
  film,
  type Given,
  picture,
  receipt,
  strange,
  toBase45,
  trust,
  trustOf,
} from "./files";

const out = new URL("../../out/", import.meta.url).pathname;
const axe = readFileSync(new URL("../../node_modules/axe-core/axe.min.js", import.meta.url), "utf8");
const code = () => toBase45(receipt("record-whole").buffer);
let browser: Browser;

beforeAll(async () => {
  mkdirSync(out, { recursive: true });
  await page("bare", null);
  await page("trusting", trust());
  const frames = join(out, "camera.y4m");
  writeFileSync(frames, film(code()));
  browser = await chromium.launch({
    executablePath: process.env.VW_CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox",
      "--use-fake-ui-for-media-stream",
      "--use-fake-device-for-media-stream",
      `--use-file-for-fake-video-capture=${frames}`,
    ],
  });
}, 120_000);

afterAll(() => browser?.close());

test("an unchanged record is shown with its value, its time and who stands behind it", async () => {
  await visit("trusting", {}, async (page) => {
    await give(page, receipt("record-last"));
    await see(
      page,
      "Unchanged",
      "mmHg",
      "Witnessed by 2 of 3",
      "witness.example/w1",
      "That the measurement was right.",
    );
    await picturesOf(page, "valid");
  });
});

test("a changed record is named as changed, with the step and the code", async () => {
  await visit("trusting", {}, async (page) => {
    await give(page, receipt("record-value"));
    await see(page, "Changed", "RECORD_MISMATCH", "It was altered after it was sealed");
    expect(
      await page.locator(".steps li").evaluateAll((steps) => steps.map((step) => step.className)),
    ).toEqual(["fails", "unreached", "unreached", "unreached", "unreached"]);
    await picturesOf(page, "changed");
  });
});

test("a service that nobody named is no sign of a fault, until a trust file names it", async () => {
  await visit("bare", {}, async (page) => {
    await give(page, receipt("record-whole"));
    await see(page, "Cannot tell", "log.example/vw1", "Add a trust file", "Nobody yet.");
    await picturesOf(page, "unknown");
    await page.setInputFiles("#trust", {
      ...trustOf("receipt", "record"),
      name: "bad.json",
      buffer: Buffer.from("{}"),
    });
    await see(page, "Cannot tell", "bad.json is no trust file");
    await page.setInputFiles("#trust", trustOf("receipt", "record"));
    await see(page, "Unchanged", "Added by you from trust.json");
  });
});

test("a damaged file is told in plain words", async () => {
  await visit("trusting", {}, async (page) => {
    await give(page, { ...receipt("record"), buffer: receipt("record").buffer.subarray(0, 300) });
    await see(page, "Changed", "MALFORMED", "bytes are missing");
    await picturesOf(page, "damaged");
  });
});

test("of several files each has its verdict, and the gravest is drawn", async () => {
  await visit("trusting", {}, async (page) => {
    const changed = bundle(await changedBundle());
    for (const files of [
      [changed, receipt("record-last")],
      [receipt("record-last"), changed],
    ]) {
      await give(page, ...files);
      await see(page, "Changed", "2 were checked", "record-last.vwr");
      const lines = await page.locator(".several button").allInnerTexts();
      expect(lines.map((line) => line.split(/\s/)[0]).sort()).toEqual(["Changed", "Unchanged"]);
    }
    await fits(page);
    await picturesOf(page, "several");
    await page.locator(".several button", { hasText: "record-last.vwr" }).click();
    await see(page, "Unchanged");
    // one file with something that is none: its verdict, and what the other is
    await give(page, receipt("record-last"), strange("notes.txt", "a b c"));
    await see(page, "Unchanged", "notes.txt is no receipt");
    expect(await page.locator(".several").count()).toBe(0);
    // none of several that are no receipts is passed over
    const none = ["notes.txt", "walk.csv", "bill.txt"];
    const several = none.map((name) => strange(name, `of ${name}`));
    await give(page, ...several);
    await see(page, "Cannot tell", ...none.map((name) => `${name} is no receipt`));
    await fits(page);
    await picturesOf(page, "several-others");
    await give(page, receipt("record-last"), ...several);
    await see(page, "Unchanged", ...none.map((name) => `${name} is no receipt`));
  });
});

test("no verdict of an earlier file stands beneath a sentence about another", async () => {
  await visit("trusting", {}, async (page) => {
    const blank = picture("AB C").buffer;
    for (const file of [
      { name: "blank.gif", mimeType: "image/gif", buffer: blank },
      { name: "broken.png", mimeType: "image/png", buffer: Buffer.from([0x89, 0x50, 0x4e, 0x47, 1]) },
    ]) {
      await give(page, receipt("record-last"));
      await see(page, "Unchanged");
      await give(page, file);
      await expect
        .poll(() => page.locator('[role="alert"]').innerText(), { timeout: 15_000 })
        .toContain(file.name);
      expect(await page.locator("#verdict").count()).toBe(0);
    }
    // a trust file that is none takes nothing away from what was checked
    await give(page, receipt("record-last"));
    await see(page, "Unchanged");
    await page.setInputFiles("#trust", strange("bad.json", "{}"));
    await see(page, "Unchanged", "bad.json is no trust file");
  });
});

test("a code is read from text that a mail program broke, that was dropped, and that holds a bundle", async () => {
  await visit("trusting", {}, async (page) => {
    const drop = (text: string) =>
      page.evaluate((dropped) => {
        const dataTransfer = new DataTransfer();
        dataTransfer.setData("text/plain", dropped);
        dispatchEvent(new DragEvent("drop", { dataTransfer, cancelable: true }));
      }, text);
    await drop(code().replace(/(.{76})/g, "$1\r\n"));
    await see(page, "Unchanged");
    await drop(toBase45(bundle("week").buffer));
    await see(page, "Unchanged", "records");
    await drop("no code at all");
    await expect.poll(() => page.locator("#verdict").count(), { timeout: 15_000 }).toBe(0);
    expect(await page.locator('[role="alert"]').innerText()).toContain("Copy all of it");
  });
});

test("what is no receipt of ours is never called changed, and told for what it is", async () => {
  const files: [Given, string, string][] = [
    [
      strange("a.chp", deflateSync("\x86\xa8@context\xbehttps://w3id.org/chainpoint/v4")),
      "Chainpoint",
      "Chainpoint",
    ],
    [
      strange("a.chp.json", '{"@context":"https://w3id.org/chainpoint/v3"}'),
      "Chainpoint’s own tools",
      "Werkzeuge von",
    ],
    [strange("a.cose", Buffer.from("d28458381a", "hex")), "COSE, RFC 9942", "Werkzeuge für diese Form"],
    [strange("a.tlog-proof", "c2sp.org/tlog-proof@v1\n"), "C2SP tlog", "Werkzeuge für diese Form"],
    [
      strange("fork.json", '{\n "schema": "vw-evidence/1"\n}'),
      "vitalwitness verify --evidence",
      "Beweisstück",
    ],
    [
      strange("a.html", "<!doctype html>\n<html></html>"),
      "a page to read or print",
      "zum Lesen oder Drucken",
    ],
    [strange("empty.vwr", ""), "empty.vwr is no receipt", "empty.vwr ist kein Beleg"],
    [strange("notes.txt", "a b c"), "notes.txt is no receipt", "notes.txt ist kein Beleg"],
  ];
  await visit("trusting", {}, async (page) => {
    await give(page, receipt("record-last"));
    await see(page, "Unchanged");
    for (const [file, english] of files) {
      await give(page, file);
      await see(page, "Cannot tell", english, file.name);
      expect(await page.locator("body").innerText()).not.toMatch(/no trust file|Ask for it again/);
    }
    await picturesOf(page, "other");
    await give(page, receipt("record-value"));
    await see(page, "Changed");
  });
  for (const colorScheme of ["light", "dark"] as const) {
    const phone = { viewport: { width: 390, height: 844 }, colorScheme, locale: "de-DE" };
    await visit("trusting", phone, async (page) => {
      for (const [file, , german] of files) {
        await give(page, file);
        await see(page, "Nicht zu sagen", german);
        await fits(page);
        if (german === "Beweisstück" || file.name === "a.chp.json")
          await picturesOf(page, `phone-${file.name}`);
      }
    });
  }
});

test("a receipt given together with its other forms is what is checked", async () => {
  await visit("trusting", {}, async (page) => {
    await page.setInputFiles("#file", [
      receipt("record-last"),
      strange("a.tlog-proof", "c2sp.org/tlog-proof@v1\n"),
    ]);
    await see(page, "Unchanged", "a.tlog-proof is a receipt in another form");
    await page.setInputFiles("#file", disclosureOf("record-beside"));
    await see(page, "Changed");
  });
  await visit("trusting", {}, async (page) => {
    await give(page, disclosureOf("record-beside"));
    await see(page, "Cannot tell", "holds fields of a record");
    await give(page, receipt("record"));
    await see(page, "Unchanged", "per minute");
  });
});

test("a file of 60 million bytes does not stop the page", async () => {
  await visit("trusting", {}, async (page) => {
    const large = join(out, "large.vwr");
    writeFileSync(large, Buffer.concat([Buffer.from("9a03938700", "hex"), Buffer.alloc(60_000_000)]));
    await page.setInputFiles("#file", large);
    await see(page, "Cannot tell", "large.vwr is larger than any receipt.");
    writeFileSync(large, Buffer.concat([Buffer.from("9a00ffffef", "hex"), Buffer.alloc(0xffffef)]));
    await page.setInputFiles("#file", large);
    await see(page, "Cannot tell", "large.vwr is no receipt that this page knows.");
    rmSync(large);
  });
});

test("an entry has the number that the log gives it", async () => {
  await visit("trusting", {}, async (page) => {
    const { facts } = receiptCase("record-last").expect;
    await give(page, receipt("record-last"));
    const { index, size } = facts.logged;
    await see(page, "Unchanged", `entry ${index} of ${size.toLocaleString("en-GB")}`);
    await page.getByRole("button", { name: "Deutsch" }).click();
    await see(page, "Unverändert", `Zeile ${index} von ${size.toLocaleString("de-DE")}`);
  });
});

test("a code nobody knows, however long, stays on a phone's page", async () => {
  const phone = { viewport: { width: 390, height: 844 } };
  await visit("trusting", phone, async (page) => {
    for (const letters of [80, 400]) {
      await give(page, coded("record-whole", `vw|${"n".repeat(letters)}`));
      await see(page, "Changed", "nnnn");
      await fits(page);
    }
    await picturesOf(page, "phone-long-code");
  });
});

test("a period of which nothing is shown says so", async () => {
  const none = completenessCase((facts) => facts.of === 0);
  const withheld = completenessCase((facts) => facts.of > 0 && facts.shown === 0);
  await visit("trusting", {}, async (page) => {
    await page.setInputFiles("#trust", trustOf("completeness", "complete"));
    await give(page, completeness(none));
    await see(page, "None in this time", "states no record.");
    await page.getByRole("button", { name: "Deutsch" }).click();
    await see(page, "Keine in dieser Zeit", "nennt die Liste des Inhabers keinen Eintrag.");
    await picturesOf(page, "none");
    await page.getByRole("button", { name: "English" }).click();
    await give(page, completeness(withheld));
    const of = factsOf(withheld)?.of ?? 0;
    await see(page, `0 of ${of.toLocaleString("en-GB")} shown`, "None of them is shown here.");
    expect(await page.locator("body").innerText()).not.toContain("0 of them");
  });
});

test("an event is told by what happened", async () => {
  await visit("trusting", {}, async (page) => {
    await give(page, receipt("event-grant"));
    await see(page, "Unchanged", "the owner allowed it", "This event is exactly what was listed.");
    await picturesOf(page, "event");
  });
});

test("what no receipt shows to be a record is not called one", async () => {
  await visit("trusting", {}, async (page) => {
    await give(page, receipt("filler"));
    await see(page, "Unchanged", "Whether it is a record is not shown");
    for (const wrong of ["This record", "Record fits"])
      expect(await page.locator("article").innerText()).not.toContain(wrong);
    await picturesOf(page, "filler");
    await page.getByRole("button", { name: "Deutsch" }).click();
    await see(page, "Unverändert", "Ob es ein Eintrag ist, wird nicht gezeigt");
    expect(await page.locator("article").innerText()).not.toContain("Dieser Eintrag");
  });
});

test("a disclosure kept beside its receipt is joined with it", async () => {
  await visit("trusting", {}, async (page) => {
    await give(page, receipt("record"));
    await see(page, "Unchanged", "Whether it is a record is not shown");
    await give(page, disclosureOf("record-beside"));
    await see(page, "Unchanged", "per minute");
  });
});

test("a bundle lists its records, and names the one that was changed", async () => {
  await visit("trusting", {}, async (page) => {
    await give(page, bundle("week"));
    await see(page, "Unchanged", "14 records", "Records in this file");
    await picturesOf(page, "bundle");
    await give(page, bundle(await changedBundle()));
    await see(page, "Changed", "RECORD_MISMATCH", "One record of this file does not fit");
    await picturesOf(page, "bundle-changed");
  });
});

test("a completeness proof says how many of how many", async () => {
  await visit("trusting", {}, async (page) => {
    await page.setInputFiles("#trust", trustOf("completeness", "complete"));
    await give(page, completeness("withheld"));
    await see(page, "11 of 12 shown", "What the records not shown hold.");
    await picturesOf(page, "complete");
  });
});

test("a code is read from a picture, from pasted text and from the camera", async () => {
  await visit("trusting", { permissions: ["camera"] }, async (page) => {
    await page.setInputFiles("#file", picture(code()));
    await see(page, "Unchanged", "per minute", "code.gif");
  });
  await visit("trusting", {}, async (page) => {
    const beside = '<image href="https://elsewhere.invalid/x.png" width="1" height="1"/>';
    for (const file of [drawing(code()), drawing(code(), beside), strange("code", drawing(code()).buffer)]) {
      await give(page, receipt("record-value"));
      await see(page, "Changed");
      await give(page, file);
      await see(page, "Unchanged", "per minute", file.name);
    }
    await give(page, picture("HTTPS://EXAMPLE.ORG/AB"));
    await expect.poll(() => page.getByRole("alert").innerText()).toContain("but no receipt is in it");
  });
  await visit("trusting", {}, async (page) => {
    await page.getByRole("button", { name: "Type or paste" }).click();
    await page.getByLabel("Text of a code, or of a trust file").fill("no code at all");
    await page.getByRole("button", { name: "Check", exact: true }).click();
    await expect.poll(() => page.getByRole("alert").innerText()).toContain("This text is no code");
    await page.getByLabel("Text of a code, or of a trust file").fill(`${code()}\n`);
    await page.getByRole("button", { name: "Check", exact: true }).click();
    await see(page, "Unchanged", "per minute");
  });
  await visit("trusting", { permissions: ["camera"] }, async (page) => {
    await page.getByRole("button", { name: "Scan a code" }).click();
    await see(page, "Unchanged", "per minute");
    await picturesOf(page, "scanned");
  });
});

test("it speaks German to who reads German, and to who asks for it", async () => {
  await visit("trusting", { locale: "de-DE" }, async (page) => {
    await give(page, receipt("record-last"));
    await see(page, "Unverändert", "Herzfrequenz", "Was das nicht sagt");
    expect(await page.locator("html").getAttribute("lang")).toBe("de");
    await picturesOf(page, "german");
    await page.getByRole("button", { name: "English" }).click();
    await see(page, "Unchanged", "Heart rate");
  });
});

test("it fits a phone, light and dark", async () => {
  for (const colorScheme of ["light", "dark"] as const) {
    const phone = { viewport: { width: 390, height: 844 }, colorScheme, locale: "de-DE" };
    await visit("trusting", phone, async (page) => {
      await page.setInputFiles("#trust", trustOf("completeness", "complete"));
      for (const [name, file] of [
        ["valid", receipt("record-last")],
        ["changed", receipt("record-value")],
        ["complete", completeness("withheld")],
        ["bundle", bundle("week")],
      ] as const) {
        await give(page, file);
        await page.locator("#verdict").waitFor();
        await fits(page);
        await picturesOf(page, `phone-${name}`);
      }
    });
    await visit("trusting", { colorScheme }, async (page) => {
      await picturesOf(page, "empty");
      await give(page, receipt("record-last"));
      await page.locator("#verdict").waitFor();
      await picturesOf(page, "valid");
    });
  }
});

test("it can be used with the keyboard alone", async () => {
  await visit("trusting", {}, async (page) => {
    const reached: string[] = [];
    for (let presses = 0; presses < 12; presses++) {
      await page.keyboard.press("Tab");
      reached.push(
        await page.evaluate(() => document.activeElement?.id || document.activeElement?.textContent || ""),
      );
    }
    for (const name of ["file", "scan-toggle", "paste-toggle", "trust", "Deutsch"])
      expect(reached).toContain(name);
    await page.locator("#paste-toggle").focus();
    await page.keyboard.press("Enter");
    expect(await page.evaluate(() => document.activeElement?.id)).toBe("text");
    await page.keyboard.insertText(code());
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await see(page, "Unchanged");
    expect(await page.evaluate(() => document.activeElement?.id)).toBe("verdict");
  });
});

test("its policy forbids what it never does", async () => {
  await visit("trusting", {}, async (page) => {
    const tried = await page.evaluate(async () => {
      const refused: string[] = [];
      addEventListener("securitypolicyviolation", (event) => refused.push(event.effectiveDirective));
      await fetch("https://example.invalid/").catch(() => {});
      new Image().src = "https://example.invalid/x.png";
      const script = document.createElement("script");
      try {
        script.text = "window.ran = true";
        document.body.append(script);
      } catch {
        refused.push("trusted-types");
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
      return { refused, ran: "ran" in window };
    });
    expect(tried.ran).toBe(false);
    expect(tried.refused).toEqual(expect.arrayContaining(["connect-src", "img-src"]));
  });
});

/** Opens the built page without a network; any request and any error fails the test. */
async function visit(
  which: string,
  options: BrowserContextOptions,
  use: (page: Page) => Promise<void>,
): Promise<void> {
  const defaults = {
    locale: "en-GB",
    timezoneId: "Europe/Berlin",
    offline: true,
    viewport: { width: 1280, height: 800 },
  };
  const context = await browser.newContext({ ...defaults, ...options });
  try {
    const page = await context.newPage();
    const url = pathToFileURL(join(tmpdir(), `vw-page-${process.pid}`, which, "verify.html")).href;
    const wrong: string[] = [];
    page.on("request", (request) => {
      if (request.url() !== url && !request.url().startsWith("data:"))
        wrong.push(`request: ${request.url()}`);
    });
    page.on("pageerror", (error) => wrong.push(`error: ${error.message}`));
    await page.goto(url);
    await use(page);
    expect(wrong.filter((line) => !line.includes("example.invalid"))).toEqual([]);
  } finally {
    await context.close();
  }
}

async function give(page: Page, ...files: Given[]): Promise<void> {
  await page.setInputFiles("#file", files);
}

/** The verdict, and texts that stand on the page with it. */
async function see(page: Page, verdict: string, ...texts: string[]): Promise<void> {
  await expect.poll(() => page.locator("#verdict").allInnerTexts(), { timeout: 15_000 }).toEqual([verdict]);
  for (const text of texts) {
    await expect.poll(() => page.locator("body").innerText(), { timeout: 15_000 }).toContain(text);
  }
}

async function fits(page: Page): Promise<void> {
  const [wide, width] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  expect(wide).toBeLessThanOrEqual(width ?? 0);
}

/** A picture for who looks, and what axe finds: labels, roles, contrast, order. */
async function picturesOf(page: Page, name: string): Promise<void> {
  const dark = await page.evaluate(() => matchMedia("(prefers-color-scheme: dark)").matches);
  await page.screenshot({ path: join(out, `${name}${dark ? ".dark" : ""}.png`), fullPage: true });
  await page.evaluate(axe);
  const found = await page.evaluate(async () => {
    // biome-ignore lint/suspicious/noExplicitAny: axe has put itself there
    const { violations } = await (globalThis as any).axe.run();
    return violations.map((violation: { id: string; nodes: { html: string }[] }) => [
      violation.id,
      ...violation.nodes.map((node) => node.html.slice(0, 120)),
    ]);
  });
  expect(found).toEqual([]);
}

async function page(which: string, text: string | null): Promise<void> {
  const folder = join(tmpdir(), `vw-page-${process.pid}`, which);
  mkdirSync(folder, { recursive: true });
  const file = join(folder, "trust.json");
  if (text !== null) writeFileSync(file, text);
  process.env.VW_TRUST = text === null ? "" : file;
  process.env.VW_PAGE_DIR = folder;
  await build({ logLevel: "error", mode: "production" });
}

async function changedBundle(): Promise<string> {
  const changed = cases("bundle").find(
    (one) => one.expect.reject === "RECORD_MISMATCH" && one.id.startsWith("week"),
  );
  if (changed === undefined) throw new Error("no changed bundle");
  return changed.id;
}

function receiptCase(id: string): Case {
  const found = cases("receipt").find((one) => one.id === id);
  if (found === undefined) throw new Error(`no case ${id}`);
  return found;
}

/** A proof whose facts are such. */
function completenessCase(such: (facts: { shown: number; of: number }) => boolean): string {
  const found = cases("completeness").find(
    (one) => one.expect.facts?.of !== undefined && such(one.expect.facts),
  );
  if (found === undefined) throw new Error("no such proof");
  return found.id;
}

function factsOf(id: string): { shown: number; of: number } | undefined {
  return cases("completeness").find((one) => one.id === id)?.expect.facts;
}

function disclosureOf(id: string): Given {
  return { ...receipt(id), name: "fields.cbor", buffer: Buffer.from(disclosures(id), "hex") };
}

function disclosures(id: string): string {
  const file = readFileSync(new URL("../../../tests/vectors/receipt.json", import.meta.url), "utf8");
  const all: { id: string; input: { disclosure?: string } }[] = JSON.parse(file).cases;
  return all.find((one) => one.id === id)?.input.disclosure ?? "";
}
