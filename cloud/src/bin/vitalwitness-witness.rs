//! A witness: `vitalwitness-witness [--config FILE] [--check-config | --print-key]`.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program that answers on the terminal"
)]

use std::path::PathBuf;
use std::process::ExitCode;
use vitalwitness_cloud::witness::{Witness, WitnessConfig};
use vitalwitness_cloud::{Error, log_to_stderr, stop_signal};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("vitalwitness-witness: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Error> {
    let mut file = None;
    let mut task = None;
    let mut rest = std::env::args().skip(1);
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--config" => file = rest.next().map(PathBuf::from),
            "--check-config" | "--print-key" | "--help" | "-h" => task = Some(argument),
            other => {
                return Err(Error::Config(format!(
                    "`{other}` is no option; --help lists them"
                )));
            }
        }
    }
    if matches!(task.as_deref(), Some("--help" | "-h")) {
        println!("{HELP}");
        return Ok(());
    }
    let config = WitnessConfig::load(file.as_deref(), std::env::vars())?;
    match task.as_deref() {
        Some("--check-config") => println!("the settings are in order"),
        Some("--print-key") => println!("{}", Witness::vkey(&config)?),
        _ => {
            log_to_stderr();
            let runtime = tokio::runtime::Runtime::new().map_err(|cause| Error::Io {
                what: "start the runtime",
                cause,
            })?;
            runtime.block_on(async {
                let witness = Witness::start(config).await?;
                stop_signal().await?;
                witness.shutdown().await;
                Ok::<_, Error>(())
            })?;
        }
    }
    Ok(())
}

const HELP: &str = "\
vitalwitness-witness [--config FILE] [--check-config | --print-key]

  --config FILE    settings (TOML): listen, data, name, logs; VW_WITNESS_* variables go over them
  --check-config   say whether the settings are in order, then end
  --print-key      print this witness's key for its logs (made if there is none), then end";
