//! What can be typed.

use crate::inspect::Inspect;
use crate::verify::Verify;
use clap::{Parser, Subcommand};

/// Health records that stay yours: seal them, share them, and let anyone check that they are unchanged.
#[derive(Parser, Debug)]
#[command(name = "vitalwitness", version, after_help = EXAMPLES, max_term_width = 100)]
pub(crate) struct Cli {
    /// Print one JSON value instead of text.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands.
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    Verify(Verify),
    Inspect(Inspect),
}

const EXAMPLES: &str = "\
Check a receipt somebody gave you (no connection needed):
  vitalwitness verify morning.vwr --trust trust.json

Exit codes:
  0 done    1 not valid    2 usage or unreadable input    3 unknown list or not witnessed
  4 refused    5 offline    6 storage or another fault";
