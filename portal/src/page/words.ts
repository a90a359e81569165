// The page's texts, in the reader's language, with their placeholders filled in.

import de from "./copy.de.json";
import en from "./copy.en.json";

export type Language = "en" | "de";
export type Key = keyof typeof en;
type Values = Readonly<Record<string, string | number | bigint>>;

const DECKS: Record<Language, Record<Key, string>> = { en, de };
const LOCALES: Record<Language, string> = { en: "en-GB", de: "de-DE" };

export class Words {
  readonly language: Language;
  readonly locale: string;

  constructor(language: Language) {
    this.language = language;
    this.locale = LOCALES[language];
  }

  /** The text of a key. Takes `{name}` and `{name, plural, one {...} other {...}}`. */
  say(key: Key, values: Values = {}): string {
    return this.fill(DECKS[this.language][key], values);
  }

  /** As `say`, for a key made of parts; null where there is none. */
  find(key: string, values: Values = {}): string | null {
    return Object.hasOwn(DECKS[this.language], key) ? this.say(key as Key, values) : null;
  }

  count(value: number | bigint): string {
    return new Intl.NumberFormat(this.locale).format(value);
  }

  /** A decimal with all its digits, in the reader's way of writing it. */
  decimal(digits: string): string {
    const places = digits.split(".")[1]?.length ?? 0;
    const format = new Intl.NumberFormat(this.locale, {
      minimumFractionDigits: places,
      maximumFractionDigits: places,
    });
    return format.format(digits as Intl.StringNumericLiteral);
  }

  /** A moment with its zone: the reader's, or with `offset` (minutes) that of the place it was. */
  time(ms: bigint | number, offset?: number): string {
    const shifted = Number(ms) + (offset ?? 0) * 60_000;
    if (Math.abs(shifted) > 8.64e15) return `${ms} ms`;
    const format = new Intl.DateTimeFormat(this.locale, {
      day: "numeric",
      month: this.language === "de" ? "long" : "short",
      year: "numeric",
      hour: "2-digit",
      minute: "2-digit",
      ...(offset === undefined ? { timeZoneName: "short" } : { timeZone: "UTC" }),
    });
    const zone = offset === undefined ? "" : ` ${utc(offset)}`;
    return format.format(new Date(shifted)).replace(" um ", ", ") + zone;
  }

  private fill(text: string, values: Values): string {
    let filled = "";
    let at = 0;
    while (at < text.length) {
      const open = text.indexOf("{", at);
      if (open < 0) return filled + text.slice(at);
      const close = matching(text, open);
      filled += text.slice(at, open) + this.placeholder(text.slice(open + 1, close), values);
      at = close + 1;
    }
    return filled;
  }

  private placeholder(inside: string, values: Values): string {
    const [, name = inside, plural] = /^(\w+), plural,(.*)$/s.exec(inside) ?? [];
    const value = values[name];
    if (plural === undefined) return typeof value === "string" ? value : this.count(value ?? 0);
    const number = Number(value);
    const chosen = new Intl.PluralRules(this.locale).select(number);
    const form = branch(plural, chosen) ?? branch(plural, "other") ?? "";
    return this.fill(form, values).replace("#", this.count(number));
  }
}

/** The language of the first of these that the page has. */
export function preferred(languages: readonly string[]): Language {
  for (const language of languages) {
    const base = language.slice(0, 2);
    if (base === "en" || base === "de") return base;
  }
  return "en";
}

/** `UTC+01:00`: the place itself is not told. */
function utc(offset: number): string {
  const minutes = Math.abs(offset);
  const two = (number: number) => String(number).padStart(2, "0");
  return `UTC${offset < 0 ? "-" : "+"}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
}

function branch(plural: string, name: string): string | null {
  const found = new RegExp(`(?:^|\\s)${name} \\{`).exec(plural);
  if (found === null) return null;
  const open = found.index + found[0].length - 1;
  return plural.slice(open + 1, matching(plural, open));
}

/** Where the brace at `open` is closed. */
function matching(text: string, open: number): number {
  let depth = 0;
  for (let at = open; at < text.length; at++) {
    if (text[at] === "{") depth++;
    if (text[at] === "}" && --depth === 0) return at;
  }
  return text.length;
}
