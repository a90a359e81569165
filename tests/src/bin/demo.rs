//! `make demo`: the whole way on this machine; leaves `demo-out/` and ends by itself.
#![allow(
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a program that answers on the terminal"
)]

use std::path::Path;
use std::process::ExitCode;
use vitalwitness_tests::demo::story::Story;

const USAGE: &str = "\
Usage: demo

Runs a record's whole way on this machine, with a cloud, a patient and a clinic of its own, and
leaves what it made in demo-out/ of this folder. It takes no arguments and asks for nothing.";

fn main() -> ExitCode {
    if let Some(argument) = std::env::args_os().nth(1) {
        if argument == "--help" || argument == "-h" {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    }
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("the demonstration cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(Story::run(Path::new("demo-out"))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("the demonstration did not come out as told: {error}");
            ExitCode::FAILURE
        }
    }
}
