//! Judges a run of the Bluetooth guest: usage: `ble-judge FOLDER`, the folder of its ledgers.
//!
//! A scene is a test; so is the records' way on to a cloud.
#![allow(clippy::print_stdout, reason = "a test runner tells")]

use std::path::Path;
use std::process::ExitCode;
use vitalwitness_tests::bluetooth::judge::{Run, Wrong};

#[tokio::main]
async fn main() -> ExitCode {
    let Some(folder) = std::env::args().nth(1) else {
        println!("usage: ble-judge FOLDER");
        return ExitCode::from(2);
    };
    let run = match Run::open(Path::new(&folder)) {
        Ok(run) => run,
        Err(wrong) => {
            println!("the run left nothing to judge: {wrong}");
            println!("0 passed, 1 failed");
            return ExitCode::FAILURE;
        }
    };
    let (mut passed, mut failed) = (0, 0);
    let mut tell = |name: &str, ms: u64, result: Result<String, Wrong>| match result {
        Ok(facts) => {
            passed += 1;
            println!("ok      {name:<16} {:>5.1} s  {facts}", seconds(ms));
        }
        Err(wrong) => {
            failed += 1;
            println!("FAILED  {name:<16} {:>5.1} s  {wrong}", seconds(ms));
        }
    };
    for played in run.scenes() {
        let mut result = run.scene(played);
        if let (Ok(facts), Some(last)) = (&mut result, played.states.last()) {
            *facts = format!("{facts}, {last}");
        }
        tell(&played.scene, played.ms, result);
    }
    let way = run.rest_of_the_way().await;
    let way = way.map(|count| format!("{count} records sealed, synced, each receipt verifies"));
    tell("to-the-cloud", 0, way);
    println!("{passed} passed, {failed} failed");
    if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn seconds(ms: u64) -> f64 {
    std::time::Duration::from_millis(ms).as_secs_f64()
}
