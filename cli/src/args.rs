//! What can be typed.

use crate::compare::{Compare, Kept};
use crate::export::Export;
use crate::grantee::colleagues::{Admit, Colleagues};
use crate::grantee::{ask::Ask, enrol::Enrol, fetch::Fetch, shared::Shared, summary::Summary};
use crate::inspect::Inspect;
use crate::monitor::Monitor;
use crate::outcome::Failure;
use crate::patient::add::{Add, Correct, Withdraw};
use crate::patient::complete::Complete;
use crate::patient::devices::{Backup, Devices, Join, Pair, Restore};
use crate::patient::erase::Erase;
use crate::patient::import::Import;
use crate::patient::init::{Confirm, Init};
use crate::patient::look::{Days, List, Standing};
use crate::patient::receipt::Give;
use crate::patient::share::{Code, Deny, Grant, Grants, Looked, Requests, Revoke};
use crate::patient::sync::{Sync, Trust};
use crate::patient::trace::Trace;
use crate::verify::Verify;
use clap::error::ErrorKind;
use clap::{Parser, Subcommand};

/// Health records that stay yours: seal them, share them, and let anyone check that they are unchanged.
#[derive(Parser, Debug)]
#[command(name = "vitalwitness", version, after_help = EXAMPLES, max_term_width = 100)]
pub(crate) struct Cli {
    /// Print one JSON value instead of text: what came of it, or `{"error": ...}`.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands.
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    Init(Init),
    ConfirmKit(Confirm),
    Add(Add),
    Correct(Correct),
    #[command(name = "void")]
    Withdraw(Withdraw),
    List(List),
    #[command(name = "summary")]
    Days(Days),
    #[command(name = "status")]
    Standing(Standing),
    #[command(name = "receipt")]
    Give(Give),
    #[command(name = "completeness")]
    Complete(Complete),
    Trust(Trust),
    Import(Import),
    Sync(Sync),
    #[command(name = "share-code")]
    Code(Code),
    Requests(Requests),
    Grant(Grant),
    Deny(Deny),
    Revoke(Revoke),
    Grants(Grants),
    #[command(name = "activity")]
    Looked(Looked),
    Trace(Trace),
    Backup(Backup),
    Restore(Restore),
    Devices(Devices),
    Pair(Pair),
    Join(Join),
    Erase(Erase),
    Verify(Verify),
    Compare(Compare),
    Evidence(Kept),
    Monitor(Monitor),
    Inspect(Inspect),
    Export(Export),
    Enrol(Enrol),
    Colleagues(Colleagues),
    Admit(Admit),
    #[command(name = "request")]
    Ask(Ask),
    Shared(Shared),
    Fetch(Fetch),
    #[command(name = "report")]
    Summary(Summary),
}

/// What is wrong with the command line, in one sentence.
pub(crate) fn misuse(error: &clap::Error) -> Failure {
    if matches!(
        error.kind(),
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand
    ) {
        return Failure::usage("usage", "Nothing says what to do; see --help.");
    }
    let text = error.to_string();
    // hints and the usage line follow after an empty line
    let text = text.split("\n\n").next().unwrap_or_default();
    let words: Vec<&str> = text.split_whitespace().collect();
    let sentence = words.join(" ");
    let sentence = sentence.strip_prefix("error: ").unwrap_or(&sentence);
    Failure::usage("usage", sentence)
}

const EXAMPLES: &str = "\
Keep your own record:
  vitalwitness init
  vitalwitness add heart-rate 62
  vitalwitness import export.zip
  vitalwitness devices pair \"HR Strap\"
  vitalwitness sync --cloud https://records.example
  vitalwitness receipt 5f3c9a01 -o morning.vwr
  vitalwitness receipt --code blood-pressure --from 2026-05-04 --to 2026-05-10 --bundle -o week.vwb

Check a receipt somebody gave you (no connection needed):
  vitalwitness verify morning.vwr --trust trust.json
  vitalwitness export morning.vwr --as certificate --trust trust.json -o morning.html

At a clinic or an insurer:
  vitalwitness enrol --cloud URL --code CODE --name \"Dr Ada Low\"
  vitalwitness colleagues && vitalwitness admit NAME
  vitalwitness request SHARE-CODE --codes heart-rate --from 2026-01 --to 2026-02 --purpose TEXT
  vitalwitness fetch --out ward-7 && vitalwitness report ward-7

Exit codes:
  0 done    1 not valid    2 usage or unreadable input    3 cannot tell
  4 refused    5 offline    6 storage or another fault

With --json a command that cannot do it prints {\"error\": {\"code\", \"message\", \"exit\"}} on standard
output, and its sentence on standard error as ever. The code is stable, the message is not; a
command line that is not understood has the code usage.";
