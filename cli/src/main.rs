//! The command line of Vitalwitness: records of a patient, access of a grantee, checks by anyone.
//!
//! Links no server. Every command ends with an exit code ([`outcome::Exit`]) and, when it did not
//! do it, one sentence with a stable code in brackets.

mod args;
#[allow(
    dead_code,
    reason = "the commands that keep and share records use the rest"
)]
mod console;
#[allow(
    dead_code,
    reason = "the commands that keep and share records use the rest"
)]
mod disclosed;
mod inspect;
mod naming;
#[allow(
    dead_code,
    reason = "the commands that keep and share records use the rest"
)]
mod outcome;
mod report;
mod verify;
mod wording;

use crate::args::{Cli, Command};
use crate::console::{Console, Tone};
use crate::outcome::{Exit, Outcome};
use clap::Parser as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let console = Console::new(cli.json);
    match run(&cli, &console) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            let text = failure.to_string();
            console.note(console.paint(Tone::Stop, &text));
            failure.exit.into()
        }
    }
}

fn run(cli: &Cli, console: &Console) -> Outcome<Exit> {
    match &cli.command {
        Command::Verify(args) => verify::run(args, console),
        Command::Inspect(args) => inspect::run(args, console),
    }
}
