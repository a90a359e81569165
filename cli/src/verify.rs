//! `verify`: what a receipt proves, offline.
//!
//! Reads the receipt, the trust file and, if it is kept beside, the disclosure; nothing else. No
//! socket is opened and no clock is read: the answer is the same on every machine and every day.

use crate::console::{Console, Tone, read_at_most};
use crate::folder;
use crate::given::{self, Given};
use crate::outcome::{Exit, Failure, Outcome};
use crate::report;
use crate::several;
use clap::Args;
use serde_json::json;
use std::path::{Path, PathBuf};
use vitalwitness_domain::export::foreign;
use vitalwitness_domain::wire::facts::Verdict;
use vitalwitness_domain::wire::trust::parse_trust;
use vitalwitness_proof::Rejection;
use vitalwitness_proof::receipt::MAX_RECEIPT;
use vitalwitness_proof::trust::Trust;

/// Check a receipt against the logs and witnesses you trust.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Verify {
    /// The receipt (.vwr), or the text of its QR code; `-` reads standard input. Also a bundle
    /// (.vwb) or a completeness proof (.vwc), told by the ending of the file's name or its content. Or a folder of
    /// receipts, with `records.json` and `records.csv` beside them as `fetch` writes them (or
    /// `records.json` as `list --json` prints it): changed, missing, added and re-ordered records
    /// are named.
    #[arg(value_name = "FILE", required_unless_present = "evidence")]
    receipt: Option<PathBuf>,
    /// Check evidence that a log contradicts itself, instead of a receipt.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["receipt", "disclosure"])]
    evidence: Option<PathBuf>,
    /// The logs and witnesses you trust (JSON, `vw-trust/1`).
    #[arg(long, value_name = "BUNDLE")]
    trust: PathBuf,
    /// The disclosed fields, when they are kept beside the receipt.
    #[arg(long, value_name = "FILE")]
    disclosure: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  vitalwitness verify morning.vwr --trust trust.json
  vitalwitness verify morning.vwr --trust trust.json --json
  cat morning.vwr | vitalwitness verify - --trust trust.json
  vitalwitness verify week.vwb --trust trust.json
  vitalwitness verify ward-7 --trust trust.json
  vitalwitness verify --evidence fork-1f2e3d4c.json --trust trust.json

Exit codes:
  0  unchanged: the receipt holds
  1  changed or damaged: it does not hold
  2  the command or a file is not usable (also a bad trust file)
  3  cannot tell: a proof of another service (Chainpoint: shown as foreign); no log you trust issued it, too few witnesses saw it, or a newer version is
     needed to read it (ORIGIN_UNKNOWN, KEY_UNKNOWN, QUORUM_NOT_MET, UNSUPPORTED_VERSION,
     SCHEMA_UNKNOWN)
With --evidence:
  0  proven: the log signed two lists    1  no contradiction, or not signed by the log
  3  not proven by this file alone (a rollback, a proof that fails), or the log is not known";

/// Runs it.
pub(crate) fn run(args: &Verify, console: &Console) -> Outcome<Exit> {
    let trust = read_trust(&args.trust)?;
    if let Some(path) = &args.evidence {
        return crate::evidence::verify(path, &trust, console);
    }
    let path = args.receipt.as_deref().unwrap_or(Path::new("-"));
    if path.is_dir() {
        return all_of(path, &trust, console);
    }
    let receipt = match given::read(path)? {
        Given::Receipt(receipt) => receipt,
        Given::Several(kind, bytes) => return Ok(several::check(kind, &bytes, &trust, console)),
        Given::Chainpoint(proof) => return Ok(chainpoint(&proof, Exit::CannotTell, console)),
    };
    let beside = match &args.disclosure {
        Some(path) => Some(read_at_most(path, limit())?),
        None => None,
    };
    let result = vitalwitness_proof::verify(&receipt, beside.as_deref(), &trust);
    if console.json() {
        console.value(&Verdict::from(&result));
    }
    match result {
        Ok(facts) => {
            if !console.json() {
                report::valid(console, &facts);
            }
            Ok(Exit::Done)
        }
        Err(why) => {
            if !console.json() {
                report::rejected(console, why);
            }
            Ok(exit_of(why))
        }
    }
}

/// Checks a folder: its receipts, and every row of the tables beside them.
fn all_of(dir: &Path, trust: &Trust, console: &Console) -> Outcome<Exit> {
    let compared = folder::compare(dir, trust)?;
    if console.json() {
        console.value(&folder::to_json(&compared));
    } else {
        let (word, tone) = match compared.verdict() {
            Exit::Done => ("Unchanged", Tone::Seal),
            Exit::CannotTell => ("Cannot tell", Tone::Strong),
            _ => ("Changed", Tone::Stop),
        };
        console.line(console.paint(tone, word));
        folder::show(console, &compared);
    }
    Ok(compared.verdict())
}

/// Tells of a proof of another service; `read` is how that ends.
pub(crate) fn chainpoint(proof: &[u8], read: Exit, console: &Console) -> Exit {
    match foreign::read(proof) {
        Ok(proof) => {
            if console.json() {
                console.value(&json!({ "foreign": proof }));
            } else {
                given::show(console, &proof);
            }
            read
        }
        Err(why) => {
            if console.json() {
                console.value(&json!({ "reject": why.code() }));
            } else {
                report::rejected(console, why);
            }
            exit_of(why)
        }
    }
}

/// What a rejection says about the receipt: it does not hold, or that cannot be told, because
/// nobody trusted stands behind it or it is of a form only a newer version reads.
pub(crate) fn exit_of(why: Rejection) -> Exit {
    match why {
        Rejection::OriginUnknown
        | Rejection::KeyUnknown
        | Rejection::QuorumNotMet
        | Rejection::UnsupportedVersion
        | Rejection::SchemaUnknown => Exit::CannotTell,
        _ => Exit::NotValid,
    }
}

/// One byte above this is enough for the reader to refuse the size.
pub(crate) fn limit() -> u64 {
    u64::try_from(MAX_RECEIPT).unwrap_or(u64::MAX - 1)
}

/// Reads a trust bundle.
pub(crate) fn read_trust(path: &Path) -> Outcome<Trust> {
    let bytes = read_at_most(path, MAX_TRUST)?;
    let bad = |why: &str| {
        Failure::usage(
            "bad_trust",
            format!("{} is no trust file: {why}.", path.display()),
        )
    };
    if bytes.len() as u64 > MAX_TRUST {
        return Err(bad("it is larger than 4 MiB"));
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| bad("it is not text"))?;
    parse_trust(foreign::without_mark(text)).map_err(|error| bad(&error.to_string()))
}

const MAX_TRUST: u64 = 4 << 20;
