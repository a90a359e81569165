//! Writes a made-up Apple Health export, or reads one and says what it took.
//!
//! `apple-export write FILE [SEED [DAYS [SECONDS]]]` writes `FILE`, an archive if it ends in `.zip`;
//! `apple-export fill FILE BYTES` writes a year of about that size;
//! `apple-export read FILE` prints `records=... skipped=... peak_kib=...`.

#![allow(clippy::print_stdout, reason = "its output is what it is for")]

use std::env;
use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::ops::ControlFlow;
use std::path::Path;
use std::process::ExitCode;
use vitalwitness_domain::import::{self, Tally};
use vitalwitness_tests::generator::{self, Plan, berlin};

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["write", file, rest @ ..] => plan(rest).map(|plan| write(file, &plan)),
        ["fill", file, bytes] => bytes
            .parse()
            .ok()
            .map(|bytes| write(file, &Plan::of_bytes(1, bytes))),
        ["read", file] => Some(read(file)),
        _ => None,
    };
    match done {
        Some(Ok(line)) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Some(Err(error)) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
        None => {
            eprintln!(
                "apple-export write FILE [SEED [DAYS [SECONDS]]] | fill FILE BYTES | read FILE"
            );
            ExitCode::from(2)
        }
    }
}

fn plan(words: &[&str]) -> Option<Plan> {
    let mut numbers = words.iter().map(|word| word.parse::<u32>().ok());
    let mut plan = Plan::year(1);
    if let Some(seed) = numbers.next() {
        plan.seed = u64::from(seed?);
    }
    if let Some(days) = numbers.next() {
        plan.days = days?;
    }
    if let Some(seconds) = numbers.next() {
        plan.heart_rate_every_s = seconds?;
    }
    Some(plan)
}

fn write(file: &str, plan: &Plan) -> io::Result<String> {
    let to = File::create(file)?;
    let expected = if Path::new(file)
        .extension()
        .is_some_and(|ending| ending == "zip")
    {
        generator::write_zip(plan, BufWriter::new(to))?
    } else {
        generator::write(plan, BufWriter::with_capacity(1 << 16, to))?
    };
    let bytes = fs::metadata(file)?.len();
    Ok(format!(
        "records={} bytes={bytes}",
        expected.records_in_all()
    ))
}

fn read(file: &str) -> Result<String, io::Error> {
    let mut tally = Tally::default();
    let end = import::read(File::open(file)?, &berlin, &mut |event| {
        tally.count(&event);
        ControlFlow::Continue(())
    });
    if let Err(error) = end {
        return Err(io::Error::other(format!("{}: {error}", error.code())));
    }
    Ok(format!(
        "records={} skipped={} peak_kib={}",
        tally.records,
        tally.skipped_in_all(),
        peak_kib()?
    ))
}

/// The most memory this process ever held, by the kernel's count; Linux only.
fn peak_kib() -> io::Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    number.ok_or_else(|| io::Error::other("no VmHWM"))
}
