//! The server: `vitalwitness-cloud [--config FILE] [--check-config | --print-key]`.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program that answers on the terminal"
)]

use std::path::PathBuf;
use std::process::ExitCode;
use vitalwitness_cloud::{Config, Error, Server, log_to_stderr, stop_signal};

enum Task {
    Serve,
    CheckConfig,
    PrintKey,
    Help,
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("vitalwitness-cloud: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Error> {
    let (file, task) = arguments()?;
    if matches!(task, Task::Help) {
        println!("{HELP}");
        return Ok(());
    }
    let config = Config::load(file.as_deref(), std::env::vars())?;
    match task {
        Task::CheckConfig => println!("the settings are in order"),
        Task::PrintKey => println!("{}", Server::log_vkey(&config)?),
        _ => {
            log_to_stderr();
            let runtime = tokio::runtime::Runtime::new().map_err(|cause| Error::Io {
                what: "start the runtime",
                cause,
            })?;
            runtime.block_on(async {
                let server = Server::start(config).await?;
                stop_signal().await?;
                server.shutdown().await;
                Ok::<_, Error>(())
            })?;
        }
    }
    Ok(())
}

fn arguments() -> Result<(Option<PathBuf>, Task), Error> {
    let mut file = None;
    let mut task = Task::Serve;
    let mut rest = std::env::args().skip(1);
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--config" => file = rest.next().map(PathBuf::from),
            "--check-config" => task = Task::CheckConfig,
            "--print-key" => task = Task::PrintKey,
            "--help" | "-h" => task = Task::Help,
            other => {
                return Err(Error::Config(format!(
                    "`{other}` is no option; --help lists them"
                )));
            }
        }
    }
    Ok((file, task))
}

const HELP: &str = "\
vitalwitness-cloud [--config FILE] [--check-config | --print-key]

  --config FILE    settings (TOML); VW_CLOUD_* variables go over them
  --check-config   say whether the settings are in order, then end
  --print-key      print the log's key for its witnesses (made if there is none), then end

All settings: docs/operations.md. Logs: JSON on standard error, filter in VW_LOG.";
