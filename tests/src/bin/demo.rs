//! `make demo`: the whole way on this machine; leaves `demo-out/` and ends by itself.
#![allow(
    clippy::print_stderr,
    reason = "a program that answers on the terminal"
)]

use std::path::Path;
use std::process::ExitCode;
use vitalwitness_tests::demo::story::Story;

fn main() -> ExitCode {
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
