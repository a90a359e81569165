//! `judged FILE [COUNT [SEED]]` writes receipts with their verdicts, for another verifier to judge;
//! `judged --chainpoints FILE [COUNT [SEED]]` receipts as Chainpoint proofs with their roots.

use std::env;
use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::process::ExitCode;
use vitalwitness_tests::judged;

fn main() -> ExitCode {
    let mut words: Vec<String> = env::args().skip(1).collect();
    let chainpoints = words.first().is_some_and(|word| word == "--chainpoints");
    if chainpoints {
        words.remove(0);
    }
    let count = words.get(1).map_or(Ok(10_000), |word| word.parse());
    let seed = words.get(2).map_or(Ok(1), |word| word.parse());
    let (Some(file), Ok(count), Ok(seed)) = (words.first(), count, seed) else {
        eprintln!("judged [--chainpoints] FILE [COUNT [SEED]]");
        return ExitCode::from(2);
    };
    match write(file, count, seed, chainpoints) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn write(file: &str, count: usize, seed: u64, chainpoints: bool) -> io::Result<()> {
    let mut out = BufWriter::new(File::create(file)?);
    if chainpoints {
        judged::write_chainpoints(&mut out, count, seed)?;
    } else {
        judged::write(&mut out, count, seed)?;
    }
    out.flush()
}
