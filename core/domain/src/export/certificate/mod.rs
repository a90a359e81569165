//! A printable certificate: what a receipt says, on one page, in words.
//!
//! One self-contained HTML file: no script, no address that is fetched, A4 or Letter. It says
//! what was checked when it was made and what that does not prove; the code on it is the receipt.

mod fields;
mod words;

pub use words::Language;

use super::qr::Symbol;
use fields::{count, fill, in_words, moment};
use std::fmt::Write as _;
use vitalwitness_proof::verify::{Enrolled, Facts, SignatureStatus};
use words::Words;

/// The page about `receipt`, of which `facts` were found.
pub fn page(facts: &Facts, receipt: &[u8], language: Language) -> String {
    let words = language.words();
    let symbol = Symbol::of(receipt).ok();
    let of = Of {
        facts,
        language,
        words,
        symbol,
    };
    let mut html = format!(
        "<!doctype html>\n<html lang=\"{}\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\
         <title>Vitalwitness: {}</title><style>{STYLE}</style></head><body>",
        words.code, words.title
    );
    let body = [
        format!(
            "<header>{}<b>Vitalwitness</b><span>{}</span></header>",
            seal(3, 26),
            words.title
        ),
        format!(
            "<main class=\"paper\"><section class=\"top\">{}<div>",
            seal(arcs(facts), 76)
        ),
        of.verdict(),
        "</div></section><div class=\"two\"><section>".to_owned(),
        of.shown(),
        "</section><section>".to_owned(),
        of.behind(),
        "</section></div><div class=\"two code\"><section>".to_owned(),
        of.limits(),
        of.check(),
        "</section><section class=\"qr\">".to_owned(),
        of.symbol.as_ref().map(Symbol::to_svg).unwrap_or_default(),
        "</section></div></main>".to_owned(),
        of.footer(),
    ];
    html.extend(body);
    html.push_str("</body></html>\n");
    html
}

struct Of<'a> {
    facts: &'a Facts,
    language: Language,
    words: &'static Words,
    /// None where the receipt is too large for one.
    symbol: Option<Symbol>,
}

impl Of<'_> {
    fn verdict(&self) -> String {
        let words = self.words;
        let what = match (&self.facts.record_hash, &self.facts.disclosed) {
            (Some(_), Some(_)) => words.record,
            (Some(_), None) => words.sealed,
            (None, _) => words.event,
        };
        let since = self
            .facts
            .existed_by
            .and_then(|seconds| i64::try_from(seconds).ok()?.checked_mul(1_000))
            .and_then(|ms| moment(ms, None, words));
        let since = match since {
            Some(time) => fill(words.existed, &[&time]),
            None => words.existed_unknown.to_owned(),
        };
        format!("<h1>{}</h1><p>{what} {since}</p>", words.unchanged)
    }

    fn shown(&self) -> String {
        let words = self.words;
        let mut out = format!("<h2>{}</h2>", words.shown);
        let Some(disclosed) = &self.facts.disclosed else {
            if self.facts.record_hash.is_some() {
                out.push_str(&paragraph(words.nothing_shown));
            }
            out.push_str(&self.event());
            return out;
        };
        let schema = disclosed.schema;
        let all = vitalwitness_proof::record::Schema::ALL;
        let place = all.iter().position(|known| *known == schema);
        if let Some(name) = place.and_then(|place| words.schemas.get(place)) {
            out.push_str(&paragraph(name));
        }
        let (shown, hidden) = in_words(schema, &disclosed.fields, self.language);
        out.push_str("<dl>");
        for (name, text) in &shown {
            out.push_str(&fact(name, &self.short(text)));
        }
        if !hidden.is_empty() {
            out.push_str(&fact(words.not_shown, &hidden.join(", ")));
        }
        out.push_str("</dl>");
        out
    }

    fn event(&self) -> String {
        let event = &self.facts.entry.event;
        let kind = usize::from(event.kind.number());
        let happened = self.words.events.get(kind).copied().unwrap_or_default();
        format!("<dl>{}</dl>", fact(self.words.what_happened, happened))
    }

    fn behind(&self) -> String {
        let (facts, words) = (self.facts, self.words);
        let mut out = format!("<h2>{}</h2><dl>", words.behind);
        out.push_str(&fact(words.listed, &facts.logged.origin));
        let place = [facts.index, facts.logged.size].map(|it| count(it, self.language));
        out.push_str(&fact("", &fill(words.listed_as, &[&place[0], &place[1]])));
        let seen = &facts.witnessed;
        let witnesses = if seen.names.is_empty() {
            words.nobody.to_owned()
        } else {
            let numbers = [seen.names.len(), seen.of].map(|it| it.to_string());
            fill(words.witnessed_by, &[&numbers[0], &numbers[1]])
        };
        out.push_str(&fact(words.witnessed, &witnesses));
        if !seen.names.is_empty() {
            out.push_str(&fact("", &self.short(&seen.names.join(", "))));
        }
        let signed = match (facts.entry.signature, facts.entry.enrolled) {
            (SignatureStatus::Unchecked, _) => words.signed_unchecked,
            (_, Enrolled::ByOwner) => words.signed_by_owner,
            (_, Enrolled::Unchecked) => words.signed_checked,
        };
        out.push_str(&fact(words.signed, signed));
        if let Some(author) = &facts.author {
            out.push_str(&fact(words.author, &hex::encode(author.id)));
        }
        if let Some(time) = moment(facts.entry.event.time, None, words) {
            out.push_str(&fact(words.said_at, &fill(words.said_at_of, &[&time])));
        }
        out.push_str("</dl>");
        if by_one_operator(facts) {
            let _ = write!(out, "<p class=\"note\">{}</p>", words.own_word);
        }
        out
    }

    fn limits(&self) -> String {
        let mut out = format!("<h2>{}</h2><ul>", self.words.not_said);
        for limit in self.words.limits {
            let _ = write!(out, "<li>{limit}</li>");
        }
        out.push_str("</ul>");
        out
    }

    fn check(&self) -> String {
        let body = if self.symbol.is_some() {
            self.words.check_body
        } else {
            self.words.too_large
        };
        format!("<h2>{}</h2><p>{body}</p>", self.words.check)
    }

    fn footer(&self) -> String {
        let (facts, words) = (self.facts, self.words);
        let mut out = String::from("<footer>");
        if let Some(hash) = &facts.record_hash {
            let _ = write!(
                out,
                "<p>{} <code>{}</code></p>",
                words.number,
                hex::encode(hash)
            );
        }
        let _ = write!(
            out,
            "<p>{} <code>{}</code></p><p>{}</p></footer>",
            words.number_list,
            hex::encode(facts.logged.root),
            words.trust
        );
        out
    }

    /// Text that leaves the page its end: the receipt holds the rest.
    fn short(&self, text: &str) -> String {
        match text.char_indices().nth(LONGEST) {
            None => text.to_owned(),
            Some((end, _)) => {
                let start = text.get(..end).unwrap_or_default();
                format!("{start} \u{2026} ({})", self.words.in_full)
            }
        }
    }
}

fn paragraph(text: &str) -> String {
    format!("<p>{}</p>", escaped(text))
}

fn fact(name: &str, text: &str) -> String {
    format!("<dt>{name}</dt><dd><bdi>{}</bdi></dd>", escaped(text))
}

/// Text as it is read, not as a page: no markup, no control or direction characters.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            letter if letter.is_control() => out.push(' '),
            letter if super::misleads(letter) => {}
            letter => out.push(letter),
        }
    }
    out
}

/// How many of the seal's three arcs are solid.
fn arcs(facts: &Facts) -> usize {
    facts.witnessed.names.len().min(3)
}

/// The seal: a tick in a disc, `solid` of three arcs around it drawn in full.
fn seal(solid: usize, size: u32) -> String {
    let mut out = format!(
        "<svg class=\"seal\" width=\"{size}\" height=\"{size}\" viewBox=\"0 0 48 48\" aria-hidden=\"true\">"
    );
    for (place, arc) in ARCS.iter().enumerate() {
        let faint = if place < solid {
            ""
        } else {
            " opacity=\".22\""
        };
        let _ = write!(
            out,
            "<path d=\"{arc}\" fill=\"none\" stroke=\"#17695A\" stroke-width=\"3.6\" stroke-linecap=\"round\"{faint}/>"
        );
    }
    out.push_str(
        "<circle cx=\"24\" cy=\"24\" r=\"15\" fill=\"#17695A\"/><path d=\"M17.1 24.4l4.8 4.8 9.4-9.9\" \
         fill=\"none\" stroke=\"#fff\" stroke-width=\"3.6\" stroke-linecap=\"round\" stroke-linejoin=\"round\"/></svg>",
    );
    out
}

/// Whether list and witnesses are of one host's domain: the last two labels. Erring here says
/// "the operator's own word" too often, never too seldom for hosts of one domain.
fn by_one_operator(facts: &Facts) -> bool {
    let log = operator(&facts.logged.origin);
    facts
        .witnessed
        .names
        .iter()
        .all(|name| operator(name) == log)
}

fn operator(name: &str) -> &str {
    let host = name.split(['/', ':']).next().unwrap_or(name);
    match host.rmatch_indices('.').nth(1) {
        Some((at, _)) => host.get(at + 1..).unwrap_or(host),
        None => host,
    }
}

/// Letters of a field; a page holds twelve of them at this length.
const LONGEST: usize = 180;
const ARCS: [&str; 3] = [
    "M28.61 4.03A20.5 20.5 0 0 1 43.60 29.99",
    "M38.99 37.98A20.5 20.5 0 0 1 9.01 37.98",
    "M4.40 29.99A20.5 20.5 0 0 1 19.39 4.03",
];
const STYLE: &str = include_str!("certificate.css");
