//! `devices priority`: which source counts first where several counted the same.

use crate::console::{Console, Tone};
use crate::outcome::{Exit, Failure, Outcome};
use crate::patient::counters::{self, Counters};
use crate::patient::{At, failed};
use crate::{months, naming};
use clap::Args;
use serde_json::{Value, json};

/// Say which source counts first, so that steps seen by two devices count once.
#[derive(Args, Debug)]
#[command(after_help = ORDER)]
pub(crate) struct Priority {
    /// What adds up over a day: steps, distance, energy-active, ...
    #[arg(value_name = "NAME")]
    code: String,
    /// Sources, the one that counts first before the others; without any, the order is shown.
    #[arg(value_name = "SOURCE")]
    sources: Vec<String>,
    /// Forget the order: bonded devices, other devices, files, what was typed.
    #[arg(long, conflicts_with = "sources")]
    clear: bool,
    #[command(flatten)]
    at: At,
}

const ORDER: &str = "\
Examples:
  vitalwitness devices priority steps
  vitalwitness devices priority steps \"Foot Pod\" Watch typed

Every entry stays as it is; only the totals of `vitalwitness summary` follow the order. Sources that
are not named come after, devices before files before what was typed.";

/// Runs it.
pub(super) fn priority(args: &Priority, console: &Console) -> Outcome<Exit> {
    let codes = months::codes(&args.code)?;
    let vault = args.at.open(console)?;
    let counters = Counters::of(&vault)?;
    let [code] = codes.as_slice() else {
        return Err(Failure::usage("which", "Name one thing, such as steps."));
    };
    let known = counters.known(&vault, code)?;
    if args.clear || !args.sources.is_empty() {
        let mut order = Vec::new();
        for text in &args.sources {
            let counter = counters.find(text, &known)?;
            if !order.contains(&counter) {
                order.push(counter);
            }
        }
        vault
            .set_priority(code, &order)
            .map_err(|error| failed(&error))?;
    }
    let order = vault.priority(code).map_err(|error| failed(&error))?;
    let others = known.iter().filter(|counter| !order.contains(counter));
    if console.json() {
        let one =
            |counter| json!({ "source": counters::code(counter), "name": counters.name(counter) });
        console.value(&json!({
            "code": code,
            "order": order.iter().map(|it| one(*it)).collect::<Vec<Value>>(),
            "others": others.map(|it| one(*it)).collect::<Vec<Value>>(),
        }));
        return Ok(Exit::Done);
    }
    console.heading(&naming::of_code(code));
    for (place, counter) in order.iter().enumerate() {
        let name = counters.name(*counter);
        console.line(format!(
            "  {}. {}",
            place + 1,
            console.paint(Tone::Strong, &name)
        ));
    }
    if order.is_empty() {
        console.line("  No order is set: devices count before files before what was typed.");
    }
    for counter in others {
        console.line(console.paint(Tone::Quiet, &format!("  then {}", counters.name(*counter))));
    }
    Ok(Exit::Done)
}
