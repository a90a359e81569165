//! The command line of Vitalwitness: records of a patient, access of a grantee, checks by anyone.
//!
//! Links no server. Every command ends with an exit code ([`outcome::Exit`]) and, when it did not
//! do it, one sentence with a stable code in brackets.

mod args;
mod compare;
mod console;
mod disclosed;
mod evidence;
mod export;
mod folder;
mod given;
mod grantee;
mod inspect;
mod monitor;
mod months;
mod naming;
mod outcome;
mod patient;
mod place;
mod recorded;
mod report;
mod several;
mod verify;
mod wording;

use crate::args::{Cli, Command};
use crate::console::{Console, Tone};
use crate::outcome::{Exit, Failure, Outcome};
use clap::Parser as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return misused(&error),
    };
    let console = Console::new(cli.json);
    match run(&cli, &console) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            let text = failure.to_string();
            if console.json() {
                console.value(&failure.to_json());
            }
            console.note(console.paint(Tone::Stop, &text));
            failure.exit.into()
        }
    }
}

/// Help and the version, or what is wrong with the command line.
fn misused(error: &clap::Error) -> ExitCode {
    let mut asked = std::env::args_os().take_while(|it| it != "--");
    if error.use_stderr() && asked.any(|it| it == "--json") {
        Console::new(true).value(&args::misuse(error).to_json());
    }
    // A closed pipe is no error here either.
    let _ = error.print();
    let exit = if error.use_stderr() {
        Exit::Usage
    } else {
        Exit::Done
    };
    exit.into()
}

fn run(cli: &Cli, console: &Console) -> Outcome<Exit> {
    match &cli.command {
        Command::Init(args) => wait(patient::init::init(args, console)),
        Command::ConfirmKit(args) => patient::init::confirm_kit(args, console),
        Command::Add(args) => patient::add::add(args, console),
        Command::Correct(args) => patient::add::correct(args, console),
        Command::Withdraw(args) => patient::add::withdraw(args, console),
        Command::List(args) => patient::look::list(args, console),
        Command::Days(args) => patient::look::days(args, console),
        Command::Standing(args) => patient::look::status(args, console),
        Command::Give(args) => wait(patient::receipt::give(args, console)),
        Command::Complete(args) => patient::complete::complete(args, console),
        Command::Trust(args) => patient::sync::trust(args, console),
        Command::Import(args) => wait(async { patient::import::import(args, console) }),
        Command::Sync(args) => wait(patient::sync::sync(args, console)),
        Command::Code(args) => patient::share::code(args, console),
        Command::Requests(args) => patient::share::requests(args, console),
        Command::Grant(args) => patient::share::grant(args, console),
        Command::Deny(args) => patient::share::deny(args, console),
        Command::Revoke(args) => patient::share::revoke(args, console),
        Command::Grants(args) => patient::share::grants(args, console),
        Command::Looked(args) => patient::share::activity(args, console),
        Command::Trace(args) => patient::trace::trace(args, console),
        Command::Backup(args) => patient::devices::backup(args, console),
        Command::Restore(args) => wait(patient::devices::restore(args, console)),
        Command::Devices(args) => wait(patient::devices::devices(args, console)),
        Command::Pair(args) => wait(patient::devices::pair(args, console)),
        Command::Join(args) => wait(patient::devices::join(args, console)),
        Command::Erase(args) => wait(patient::erase::erase(args, console)),
        Command::Verify(args) => verify::run(args, console),
        Command::Compare(args) => wait(compare::compare(args, console)),
        Command::Evidence(args) => compare::kept(args, console),
        Command::Monitor(args) => wait(monitor::run(args, console)),
        Command::Inspect(args) => inspect::run(args, console),
        Command::Export(args) => export::run(args, console),
        Command::Summary(args) => grantee::summary::run(args, console),
        Command::Ask(args) => wait(grantee::ask::run(args, console)),
        Command::Enrol(args) => wait(grantee::enrol::run(args, console)),
        Command::Colleagues(args) => wait(grantee::colleagues::list(args, console)),
        Command::Admit(args) => wait(grantee::colleagues::admit(args, console)),
        Command::Shared(args) => wait(grantee::shared::run(args, console)),
        Command::Fetch(args) => wait(grantee::fetch::run(args, console)),
    }
}

/// Runs a command that waits for the network.
fn wait<T>(command: impl Future<Output = Outcome<T>>) -> Outcome<T> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|_| Failure::new(Exit::Other, "runtime", "The program cannot start."))?
        .block_on(command)
}
