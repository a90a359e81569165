//! `export`: a receipt in a form that others read.

use crate::console::{Console, write_file};
use crate::given::{self, Given};
use crate::outcome::{Exit, Failure, Outcome};
use crate::report;
use crate::several::Kind;
use crate::verify::{exit_of, read_trust};
use clap::{Args, ValueEnum};
use serde_json::json;
use std::path::PathBuf;
use vitalwitness_domain::export::certificate::{self, Language};
use vitalwitness_domain::export::chainpoint::Chainpoint;
use vitalwitness_domain::export::qr::Symbol;
use vitalwitness_domain::export::{Source, cose, tlog};
use vitalwitness_proof::trust::Trust;
use vitalwitness_proof::{Facts, Rejection};

/// Write a receipt in a form that others read: Chainpoint, tlog-proof, COSE, QR, a page to print.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Export {
    /// The receipt (.vwr); `-` reads standard input.
    #[arg(value_name = "RECEIPT")]
    receipt: PathBuf,
    /// In which form.
    #[arg(long = "as", value_name = "FORM")]
    form: Form,
    /// Where to.
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    /// Check the receipt first, with this trust file; COSE and certificate need it.
    #[arg(long, value_name = "BUNDLE")]
    trust: Option<PathBuf>,
    /// Where the log's roots are served, for Chainpoint: the proof names an address below it. Our
    /// cloud serves it: its address as for `sync`.
    #[arg(long, value_name = "URL", value_parser = web_address)]
    log_url: Option<String>,
    /// The certificate's language: en or de.
    #[arg(long, value_name = "CODE", default_value = "en")]
    language: String,
    /// Pixels of a QR module in PNG.
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = clap::value_parser!(u8).range(1..=64))]
    scale: u8,
    /// Replace the file if it is there.
    #[arg(long)]
    replace: bool,
}

/// An address as Chainpoint takes it, without a slash at its end.
fn web_address(text: &str) -> Result<String, String> {
    let host = ["https://", "http://"]
        .iter()
        .find_map(|scheme| text.strip_prefix(scheme));
    let fits = host.is_some_and(|rest| {
        !rest.is_empty()
            && !rest.starts_with('/')
            && rest
                .chars()
                .all(|it| it.is_ascii_graphic() && !"<>\"\\^`{|}".contains(it))
    });
    if !fits {
        return Err("an address begins with https:// or http://".to_owned());
    }
    Ok(text.trim_end_matches('/').to_owned())
}

/// The forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// Chainpoint v4 JSON.
    Chainpoint,
    /// Chainpoint v4, binary.
    Chp,
    /// C2SP tlog-proof text.
    Tlog,
    /// COSE receipt (RFC 9942).
    Cose,
    /// The whole receipt as QR code, PNG.
    QrPng,
    /// The whole receipt as QR code, SVG.
    QrSvg,
    /// One page to print, HTML.
    Certificate,
}

const EXAMPLES: &str = "\
Examples:
  vitalwitness export morning.vwr --as chainpoint -o morning.chp.json
  vitalwitness export morning.vwr --as chainpoint --log-url https://records.example -o morning.chp.json
  vitalwitness export morning.vwr --as tlog -o morning.tlog-proof
  vitalwitness export morning.vwr --as cose --trust trust.json -o morning.cose
  vitalwitness export morning.vwr --as qr-png -o morning.png
  vitalwitness export morning.vwr --as certificate --trust trust.json --language de -o beleg.html

COSE needs a receipt that carries the log's signature in that form: vitalwitness receipt --for-cose.
Exports say what the receipt says, or less; the receipt stays what is checked.";

/// Runs it.
pub(crate) fn run(args: &Export, console: &Console) -> Outcome<Exit> {
    let trust = args.trust.as_deref().map(read_trust).transpose()?;
    let receipt = match given::read(&args.receipt)? {
        Given::Receipt(receipt) => receipt,
        Given::Several(kind, _) => {
            let what = match kind {
                Kind::Bundle => "a bundle of several records (.vwb)",
                Kind::Completeness => "a completeness proof (.vwc)",
            };
            return Err(Failure::usage(
                "not_one_receipt",
                format!(
                    "This is {what}; only a receipt of one record or event (.vwr) is exported. \
                     `vitalwitness verify` checks it."
                ),
            ));
        }
        Given::Chainpoint(_) => {
            return Err(Failure::usage(
                "not_ours",
                "This is a proof of another service; only receipts of ours are exported.",
            ));
        }
    };
    let written = match write(args, &receipt, trust.as_ref())? {
        Ok(written) => written,
        Err(why) => {
            if console.json() {
                console.value(&json!({ "reject": why.code() }));
            } else {
                report::rejected(console, why);
            }
            return Ok(exit_of(why));
        }
    };
    write_file(&args.output, &written, false, args.replace)?;
    if console.json() {
        console.value(&json!({
            "file": args.output.display().to_string(),
            "bytes": written.len(),
        }));
    } else {
        console.line(format!(
            "Written to {} ({} bytes).",
            args.output.display(),
            written.len()
        ));
        if trust.is_none() {
            console.line("Nobody's signature was checked: no --trust was given.");
        }
    }
    Ok(Exit::Done)
}

/// The export; the inner refusal is the receipt's.
fn write(
    args: &Export,
    receipt: &[u8],
    trust: Option<&Trust>,
) -> Outcome<Result<Vec<u8>, Rejection>> {
    let facts = match trust.map(|trust| vitalwitness_proof::verify(receipt, None, trust)) {
        None => None,
        Some(Ok(facts)) => Some(facts),
        Some(Err(why)) => return Ok(Err(why)),
    };
    let source = match Source::read(receipt) {
        Ok(source) => source,
        Err(why) => return Ok(Err(why)),
    };
    let chainpoint = || Chainpoint::of(&source, args.log_url.as_deref());
    Ok(match args.form {
        Form::Chainpoint => chainpoint().and_then(|it| it.to_json().map(String::into_bytes)),
        Form::Chp => chainpoint().and_then(|it| it.to_binary()),
        Form::Tlog => Ok(tlog::write(&source).into_bytes()),
        Form::Cose => {
            let log = needed(trust, "COSE")?.log(source.receipt.log.origin);
            match log.map(|log| cose::write(&source, log)) {
                Some(Err(Rejection::KeyUnknown)) => {
                    return Err(Failure::new(
                        Exit::CannotTell,
                        "not_for_cose",
                        "The receipt does not carry the log's signature in COSE form; write it with `vitalwitness receipt --for-cose`.",
                    ));
                }
                Some(written) => written,
                None => Err(Rejection::OriginUnknown),
            }
        }
        Form::QrPng => symbol(receipt)?.to_png(args.scale),
        Form::QrSvg => Ok(symbol(receipt)?.to_svg().into_bytes()),
        Form::Certificate => {
            let facts: &Facts = needed(facts.as_ref(), "The certificate")?;
            let language = Language::from_code(&args.language).ok_or_else(|| {
                Failure::usage("language", "The certificate is written in en or de.")
            })?;
            Ok(certificate::page(facts, receipt, language).into_bytes())
        }
    })
}

fn symbol(receipt: &[u8]) -> Outcome<Symbol> {
    Symbol::of(receipt).map_err(|_| {
        Failure::new(
            Exit::Refused,
            "too_large_for_qr",
            "The receipt is too large for a QR code; give it as a file, or show fewer fields.",
        )
    })
}

fn needed<'a, T>(trust: Option<&'a T>, what: &str) -> Outcome<&'a T> {
    trust.ok_or_else(|| {
        Failure::usage(
            "needs_trust",
            format!("{what} needs --trust: only what was checked is written."),
        )
    })
}
