// The check page: files, text and codes in; one verdict out. It asks nothing of anybody.

import { type Bytes, hex, utf8 } from "../receipt/bytes";
import { BadTrust, parseTrust, type Trust } from "../receipt/trust";
import { el, ICONS, icon } from "./dom";
import { codeOf, givenAs, type Kind, kindOf, MAX_FILE, type Other } from "./given";
import { judge, type Outcome, wordOf } from "./judge";
import { otherPaper, paper, sayOther } from "./result";
import { textOfCamera, textOfPicture } from "./scan";
import { seal } from "./seal";
import { type Key, type Language, preferred, Words } from "./words";

interface Relied {
  /** Null: named when the page was made. */
  readonly name: string | null;
  readonly trust: Trust;
}

interface Sheet {
  readonly name: string;
  readonly kind: Kind;
  readonly bytes: Bytes;
  outcome: Outcome | null;
}

class Page {
  private words = new Words(preferred(navigator.languages));
  private readonly relied: Relied[] = [];
  /** What of ours came together, and which of it is drawn. */
  private sheets: Sheet[] = [];
  private drawn = 0;
  /** Files that are no receipts of ours, where none of ours came with them: the first is drawn. */
  private others: { name: string; what: Other }[] = [];
  private beside: { name: string; bytes: Bytes } | null = null;
  private besideCame = false;
  private messages: { key: Key; name: string }[] = [];
  private panel: "scan" | "paste" | null = null;
  private camera: AbortController | null = null;
  private readonly root: HTMLElement;

  constructor(root: HTMLElement) {
    this.root = root;
  }

  async start(): Promise<void> {
    if (__TRUST__ !== null) this.relied.push({ name: null, trust: await parseTrust(__TRUST__) });
    this.draw();
    addEventListener("dragover", (event) => event.preventDefault());
    addEventListener("drop", (event) => {
      event.preventDefault();
      const files = [...(event.dataTransfer?.files ?? [])];
      if (files.length > 0) void this.takeFiles(files);
      else void this.takeText(event.dataTransfer?.getData("text/plain") ?? "");
    });
    addEventListener("paste", (event) => {
      if (event.target instanceof HTMLTextAreaElement) return;
      const files = [...(event.clipboardData?.files ?? [])];
      if (files.length > 0) void this.takeFiles(files);
      else void this.takeText(event.clipboardData?.getData("text/plain") ?? "");
    });
  }

  /** `asTrust`: what is nothing else was meant as a trust file. */
  private async takeFiles(files: readonly File[], asTrust = false): Promise<void> {
    this.messages = [];
    this.others = [];
    const came: Sheet[] = [];
    for (const file of files) {
      if (file.size > MAX_PICTURE) this.others.push({ name: file.name, what: "big" });
      else if (file.type.startsWith("image/")) await this.takePicture(file, came);
      else if (file.size > MAX_FILE) this.others.push({ name: file.name, what: "big" });
      else await this.takeBytes(file, asTrust, came);
    }
    this.settle(came);
    await this.check();
  }

  /**
   * What came takes the place of what was there, also where none of it can be read: no verdict
   * stands beneath a sentence about another file. Of what came with something of ours, what is
   * not is told beside it; alone it is the answer.
   */
  private settle(came: Sheet[]): void {
    const nothing =
      this.others.length > 0 || this.messages.some((message) => message.key !== "page.trust.bad");
    if (came.length > 0) {
      const known = this.sheets.map((sheet) => hex(sheet.bytes));
      const others = known.length > 0 && !came.every((sheet) => known.includes(hex(sheet.bytes)));
      if (others && !this.besideCame) this.beside = null;
      this.sheets = came;
      for (const { name, what } of this.others) if (what !== "fields") this.complain(`other.${what}`, name);
      this.others = [];
    } else if (nothing) {
      this.sheets = [];
    }
    this.besideCame = false;
  }

  private async takePicture(picture: File, came: Sheet[]): Promise<void> {
    const text = await textOfPicture(picture);
    const bytes = text === null ? null : codeOf(text);
    if (text === null) this.complain("page.picture.bad", picture.name);
    else if (bytes === null) this.complain("page.code.other", picture.name);
    else keep(came, picture.name, kindOf(bytes) ?? "receipt", bytes);
  }

  /** `bad`: what is said of a text that is nothing of ours. */
  private async takeText(text: string, bad: Key = "page.text.bad"): Promise<void> {
    this.messages = [];
    this.others = [];
    const trimmed = text.replace(/^[\r\n\t]+|[\r\n\t]+$/g, "");
    if (trimmed === "") return;
    const came: Sheet[] = [];
    const code = codeOf(trimmed) ?? codeOf(trimmed.trim());
    const given = code === null ? await givenAs("", utf8(trimmed)) : null;
    if (code !== null) keep(came, "", kindOf(code) ?? "receipt", code);
    else if (given?.is === "trust") await this.takeTrust("", given.text);
    else if (given?.is === "other" && given.what !== "none") this.others = [{ name: "", what: given.what }];
    else this.complain(bad, "");
    if (this.messages.length === 0) this.close();
    this.settle(came);
    await this.check();
  }

  private async takeBytes(file: File, asTrust: boolean, came: Sheet[]): Promise<void> {
    const { name } = file;
    const given = await givenAs(name, new Uint8Array(await file.arrayBuffer()));
    switch (given.is) {
      case "ours":
        keep(came, name, given.kind, given.bytes);
        break;
      case "fields":
        this.beside = { name, bytes: given.bytes };
        this.besideCame = true;
        if (this.sheets.length === 0) this.others.push({ name, what: "fields" });
        break;
      case "trust":
        await this.takeTrust(name, given.text);
        break;
      case "picture":
        await this.takePicture(file, came);
        break;
      case "other":
        if (asTrust && given.what === "none") this.complain("page.trust.bad", name);
        else this.others.push({ name, what: given.what });
    }
  }

  private async takeTrust(name: string, text: string): Promise<void> {
    try {
      this.relied.unshift({ name, trust: await parseTrust(text) });
    } catch (error) {
      if (!(error instanceof BadTrust)) throw error;
      this.complain("page.trust.bad", name);
    }
  }

  private complain(key: Key, name: string): void {
    this.messages.push({ key, name });
  }

  private async check(): Promise<void> {
    const trusts = this.relied.map((relied) => relied.trust);
    let fitted = false;
    try {
      for (const sheet of this.sheets) {
        const beside = sheet.kind === "receipt" ? this.beside : null;
        sheet.outcome = await judge(sheet.kind, sheet.bytes, beside?.bytes ?? null, trusts);
        if (beside === null || this.sheets.length === 1) continue;
        // the fields belong to one of them: to the others they are nothing
        const alone = await judge(sheet.kind, sheet.bytes, null, trusts);
        if (sheet.outcome.code === "RECORD_MISMATCH" && alone.code !== "RECORD_MISMATCH")
          sheet.outcome = alone;
        else fitted = true;
      }
    } catch (error) {
      if (!(error instanceof DOMException)) throw error;
      this.complain("page.browser.old", "");
    }
    if (this.beside !== null && this.sheets.length > 1 && !fitted)
      this.complain("other.fields", this.beside.name);
    const grave = (sheet: Sheet) => (sheet.outcome === null ? -1 : GRAVE.indexOf(wordOf(sheet.outcome.code)));
    this.drawn = this.sheets.reduce((worst, sheet, at, all) => {
      const before = all[worst];
      return before !== undefined && grave(sheet) > grave(before) ? at : worst;
    }, 0);
    this.draw();
    document.getElementById("verdict")?.focus();
  }

  private close(): void {
    this.camera?.abort();
    this.camera = null;
    this.panel = null;
  }

  private draw(): void {
    const { words } = this;
    const [other, ...more] = this.others;
    const further = more.map(({ what, name }) => ({ key: `other.${what}` as const, name }));
    const notes = [...this.messages, ...further];
    document.documentElement.lang = words.language;
    document.title = words.say("verify.title");
    this.root.replaceChildren(
      el(
        "header",
        {},
        el("div", { class: "brand" }, seal("unchanged", 3, "logo"), words.say("page.brand")),
        el("p", { class: "sub local broad" }, icon(ICONS.cloudOff), words.say("verify.local")),
      ),
      el(
        "main",
        {},
        el("h1", {}, words.say("verify.title")),
        this.dropZone(),
        this.tools(),
        this.panel === "paste" ? this.pastePanel() : null,
        this.panel === "scan" ? this.scanPanel() : null,
        el(
          "div",
          { role: "alert" },
          ...notes.map(({ key, name }) => el("p", { class: "note decide" }, sayOther(key, name, words))),
        ),
        el(
          "div",
          { "aria-live": "polite" },
          other ? otherPaper(other.what, other.name, words) : this.papers(),
        ),
      ),
      el(
        "footer",
        {},
        this.trusted(),
        this.languages(),
        el("p", { class: "sub local narrow" }, icon(ICONS.cloudOff), words.say("verify.local")),
      ),
    );
    if (this.panel === "scan") void this.look();
  }

  /** One paper; of several, a list of all, and the gravest or the chosen one. */
  private papers(): Node | null {
    const { words } = this;
    const outcome = this.sheets[this.drawn]?.outcome;
    if (outcome === undefined || outcome === null) return null;
    const drawn = paper(outcome, words, () => this.chooser("trust")?.click());
    if (this.sheets.length === 1) return drawn;
    const lines = this.sheets.map((sheet, at) => {
      const word = sheet.outcome && wordOf(sheet.outcome.code);
      const said = word === null ? "" : words.say(`verify.${word === "unchanged" ? "valid" : word}`);
      const attributes = { type: "button", class: "btn quiet", "aria-pressed": `${at === this.drawn}` };
      const name = sheet.name || words.say("other.text");
      const button = el(
        "button",
        attributes,
        el("b", { class: `${word}` }, said),
        el("span", { class: "num name" }, name),
      );
      button.addEventListener("click", () => {
        this.drawn = at;
        this.draw();
        document.getElementById("verdict")?.focus();
      });
      return el("li", {}, button);
    });
    const heading = el("h2", { id: "several" }, words.say("page.several", { count: lines.length }));
    const list = el(
      "section",
      { class: "several", "aria-labelledby": "several" },
      heading,
      el("ul", {}, ...lines),
    );
    return el("div", {}, list, drawn);
  }

  private chooser(id: string): HTMLInputElement | null {
    return this.root.querySelector<HTMLInputElement>(`#${id}`);
  }

  private dropZone(): HTMLElement {
    const input = el("input", { type: "file", id: "file", class: "hidden", multiple: true });
    input.addEventListener("change", () => void this.takeFiles([...(input.files ?? [])]));
    const zone = el(
      "label",
      { class: "drop", for: "file" },
      icon(ICONS.file),
      el("span", { class: "grow" }, this.words.say("verify.drop")),
      el("b", { class: "num name" }, this.others[0]?.name ?? this.sheets[this.drawn]?.name ?? ""),
      input,
    );
    zone.addEventListener("dragover", () => zone.classList.add("over"));
    zone.addEventListener("dragleave", () => zone.classList.remove("over"));
    return zone;
  }

  private tools(): HTMLElement {
    const toggle = (panel: "scan" | "paste", mark: string) => {
      const open = this.panel === panel;
      const attributes = { type: "button", class: "btn quiet", "aria-expanded": `${open}` };
      const button = el("button", attributes, icon(mark), this.words.say(`page.${panel}`));
      button.addEventListener("click", () => {
        this.close();
        if (!open) this.panel = panel;
        this.draw();
        this.root
          .querySelector<HTMLElement>(open ? `#${panel}-toggle` : ".panel textarea, .panel .btn")
          ?.focus();
      });
      button.id = `${panel}-toggle`;
      return button;
    };
    const trust = el("input", {
      type: "file",
      id: "trust",
      class: "hidden",
      accept: ".json,application/json",
    });
    trust.addEventListener("change", () => void this.takeFiles([...(trust.files ?? [])], true));
    const label = this.words.say("verify.unknown.action");
    return el(
      "div",
      { class: "tools" },
      toggle("scan", ICONS.code),
      toggle("paste", ICONS.pen),
      el("label", { class: "btn quiet", for: "trust" }, icon(ICONS.people), label, trust),
    );
  }

  private pastePanel(): HTMLElement {
    const { words } = this;
    const area = el("textarea", { id: "text", rows: "4", spellcheck: "false", autocapitalize: "off" });
    const form = el(
      "form",
      { class: "panel" },
      el("label", { for: "text" }, words.say("page.paste.label")),
      area,
      el("button", { type: "submit", class: "btn main" }, words.say("page.paste.check")),
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.takeText(area.value);
    });
    return form;
  }

  private scanPanel(): HTMLElement {
    const { words } = this;
    const picture = el("input", { type: "file", id: "picture", class: "hidden", accept: "image/*" });
    picture.addEventListener("change", () => {
      this.close();
      void this.takeFiles([...(picture.files ?? [])]);
    });
    const stop = el("button", { type: "button", class: "btn quiet" }, words.say("page.close"));
    stop.addEventListener("click", () => {
      this.close();
      this.draw();
      this.root.querySelector<HTMLElement>("#scan-toggle")?.focus();
    });
    return el(
      "div",
      { class: "panel" },
      el("video", {
        id: "camera",
        muted: true,
        playsinline: true,
        "aria-label": words.say("page.camera.help"),
      }),
      el("p", { class: "sub", id: "camera-says", role: "status" }, words.say("page.camera.help")),
      el(
        "div",
        { class: "tools" },
        el("label", { class: "btn soft", for: "picture" }, words.say("page.picture"), picture),
        stop,
      ),
    );
  }

  private async look(): Promise<void> {
    this.camera?.abort();
    this.camera = new AbortController();
    const video = this.root.querySelector<HTMLVideoElement>("#camera");
    if (video === null) return;
    try {
      const text = await textOfCamera(video, this.camera.signal);
      if (text !== null) await this.takeText(text, "page.code.other");
    } catch {
      video.remove();
      const says = this.root.querySelector("#camera-says");
      if (says !== null) says.textContent = this.words.say("page.camera.none");
    }
  }

  private trusted(): HTMLElement {
    const { words } = this;
    const lines = this.relied.flatMap(({ name, trust }) => [
      el(
        "p",
        {},
        name === null ? words.say("page.trust.built") : words.say("page.trust.added", { name: name || "…" }),
      ),
      el(
        "ul",
        {},
        ...trust.logs.map(({ origin, quorum, witnesses }) =>
          el(
            "li",
            { class: "num" },
            words.say("page.trust.log", { origin, quorum, count: witnesses.length }),
          ),
        ),
      ),
    ]);
    if (lines.length === 0) lines.push(el("p", {}, words.say("page.trust.none")));
    return el(
      "section",
      { class: "sub", "aria-labelledby": "relies" },
      el("h2", { id: "relies" }, words.say("page.trust")),
      ...lines,
    );
  }

  private languages(): HTMLElement {
    const choice = (language: Language, name: string) => {
      const chosen = language === this.words.language;
      const button = el(
        "button",
        { type: "button", class: "btn quiet", lang: language, "aria-pressed": `${chosen}` },
        name,
      );
      button.addEventListener("click", () => {
        this.words = new Words(language);
        this.draw();
        this.root.querySelector<HTMLElement>(`[lang=${language}]`)?.focus();
      });
      return button;
    };
    const label = this.words.say("page.language");
    return el(
      "div",
      { class: "tools", role: "group", "aria-label": label },
      choice("en", "English"),
      choice("de", "Deutsch"),
    );
  }
}

/** Adds what came, once. */
function keep(came: Sheet[], name: string, kind: Kind, bytes: Bytes): void {
  if (came.some((sheet) => hex(sheet.bytes) === hex(bytes))) return;
  came.push({ name, kind, bytes, outcome: null });
}

/** From what holds to what does not. */
const GRAVE = ["unchanged", "unknown", "changed"];
const MAX_PICTURE = 64 << 20;

const root = document.getElementById("page");
if (root !== null) void new Page(root).start();
