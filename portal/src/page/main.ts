// The check page: files, text and codes in; one verdict out. It asks nothing of anybody.

import { type Bytes, hex } from "../receipt/bytes";
import { BadTrust, parseTrust, type Trust } from "../receipt/trust";
import { fromBase45 } from "./base45";
import { el, ICONS, icon } from "./dom";
import { type FileKind, judge, kindOf, type Outcome } from "./judge";
import { paper } from "./result";
import { textOfCamera, textOfPicture } from "./scan";
import { seal } from "./seal";
import { type Key, type Language, preferred, Words } from "./words";

interface Relied {
  /** Null: named when the page was made. */
  readonly name: string | null;
  readonly trust: Trust;
}

class Page {
  private words = new Words(preferred(navigator.languages));
  private readonly relied: Relied[] = [];
  private file: { name: string; kind: Outcome["kind"]; bytes: Bytes } | null = null;
  private beside: Bytes | null = null;
  private outcome: Outcome | null = null;
  private message: { key: Key; name: string } | null = null;
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
      void this.takeFiles([...(event.dataTransfer?.files ?? [])]);
    });
    addEventListener("paste", (event) => {
      if (event.target instanceof HTMLTextAreaElement) return;
      const files = [...(event.clipboardData?.files ?? [])];
      if (files.length > 0) void this.takeFiles(files);
      else void this.takeText(event.clipboardData?.getData("text/plain") ?? "");
    });
  }

  private async takeFiles(files: readonly File[]): Promise<void> {
    this.message = null;
    for (const file of files) {
      if (file.size > MAX_FILE) this.complain("page.file.big", file.name);
      else if (file.type.startsWith("image/")) await this.takePicture(file);
      else await this.takeBytes(file.name, new Uint8Array(await file.arrayBuffer()));
    }
    await this.check();
  }

  private async takePicture(picture: File): Promise<void> {
    const text = await textOfPicture(picture);
    const bytes = text === null ? null : fromBase45(text);
    if (bytes === null) this.complain("page.picture.bad", picture.name);
    else this.keep(picture.name, bytes);
  }

  private async takeText(text: string): Promise<void> {
    this.message = null;
    const trimmed = text.replace(/^[\r\n\t]+|[\r\n\t]+$/g, "");
    if (trimmed === "") return;
    const bytes = fromBase45(trimmed) ?? fromBase45(trimmed.trim());
    if (trimmed.trimStart().startsWith("{")) await this.takeTrust("", trimmed);
    else if (bytes === null) this.complain("page.text.bad", "");
    else this.keep("", bytes);
    if (this.message === null) this.close();
    await this.check();
  }

  private async takeBytes(name: string, bytes: Bytes): Promise<void> {
    const text = new TextDecoder().decode(bytes.subarray(0, MAX_TRUST));
    if (/^\s*\{/.test(text)) return this.takeTrust(name, text);
    const code = /^[0-9A-Z $%*+\-./:\r\n]+$/.test(text) ? fromBase45(text.replace(/[\r\n]+$/, "")) : null;
    this.keep(name, code ?? bytes);
  }

  private async takeTrust(name: string, text: string): Promise<void> {
    try {
      this.relied.unshift({ name, trust: await parseTrust(text) });
    } catch (error) {
      if (!(error instanceof BadTrust)) throw error;
      this.complain("page.trust.bad", name);
    }
  }

  private keep(name: string, bytes: Bytes): void {
    const kind: FileKind = kindOf(bytes);
    if (kind === "disclosure") {
      this.beside = bytes;
      return;
    }
    if (this.file === null || hex(this.file.bytes) !== hex(bytes)) this.beside = null;
    this.file = { name, kind, bytes };
  }

  private complain(key: Key, name: string): void {
    this.message = { key, name: name || "…" };
  }

  private async check(): Promise<void> {
    if (this.file !== null) {
      const { kind, bytes } = this.file;
      const beside = kind === "receipt" ? this.beside : null;
      const trusts = this.relied.map((relied) => relied.trust);
      try {
        this.outcome = await judge(kind, bytes, beside, trusts);
      } catch (error) {
        if (!(error instanceof DOMException)) throw error;
        this.complain("page.browser.old", "");
      }
    }
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
          this.message &&
            el("p", { class: "note decide" }, words.say(this.message.key, { name: this.message.name })),
        ),
        el(
          "div",
          { "aria-live": "polite" },
          this.outcome && paper(this.outcome, words, () => this.chooser("trust")?.click()),
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
      el("b", { class: "num name" }, this.file?.name ?? ""),
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
    trust.addEventListener("change", () => void this.takeFiles([...(trust.files ?? [])]));
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
      if (text !== null) await this.takeText(text);
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

const MAX_FILE = 64 << 20;
const MAX_TRUST = 4 << 20;

const root = document.getElementById("page");
if (root !== null) void new Page(root).start();
