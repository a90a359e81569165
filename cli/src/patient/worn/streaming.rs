//! `devices stream`: stored readings with a progress line, then live values.

use super::{named, of_ble, open};
use crate::console::{Console, Tone};
use crate::naming;
use crate::outcome::{Exit, Outcome};
use crate::patient::At;
use crate::recorded::{cells, rfc3339};
use crate::{months, wording};
use clap::Args;
use indicatif::ProgressBar;
use serde_json::json;
use std::time::Duration;
use vitalwitness_domain::record::Record;
use vitalwitness_vault::ble::{Air, Counts, Event, Goal, State, Told};

/// Take in what a Bluetooth device has stored, then show its readings as they come.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  vitalwitness devices stream \"HR Strap\"\n  vitalwitness devices stream 5f3c --history\n\nCtrl-C stops cleanly: what was shown is in your record."
)]
pub(crate) struct Stream {
    /// Its name, address, or the beginning of its id.
    #[arg(value_name = "DEVICE")]
    device: String,
    /// Only what it has stored, then end.
    #[arg(long)]
    history: bool,
    /// End after so many seconds.
    #[arg(long, value_name = "N")]
    seconds: Option<u64>,
    #[command(flatten)]
    at: At,
}

/// Runs it.
pub(super) async fn stream(args: &Stream, console: &Console) -> Outcome<Exit> {
    let vault = args.at.open(console)?;
    let sensor = named(&vault, &args.device)?;
    let (radio, inbox) = open(None, console).await?;
    let mut events = inbox.events();
    let (stop, peripheral) = (inbox.clone(), sensor.peripheral.clone());
    let seconds = args.seconds;
    let watch = tokio::spawn(async move {
        let over = async {
            match seconds {
                Some(seconds) => tokio::time::sleep(Duration::from_secs(seconds)).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            () = over => {}
        }
        stop.on_event(Event::Stop { peripheral });
    });
    let mut shown = Shown {
        console,
        bar: console.bar(0, "Reading its memory {wide_bar} {pos} of {len}"),
        counts: Counts::default(),
        last: None,
    };
    let goal = if args.history {
        Goal::History
    } else {
        Goal::Live
    };
    let mut tell = |told: Told| shown.tell(told);
    let air = Air {
        radio: &radio,
        events: &mut events,
        zone: &months::offset_at,
        tell: &mut tell,
    };
    let ran = vault
        .run_sensor(&sensor.id, goal, console.can_ask(), air)
        .await;
    watch.abort();
    shown.bar.finish_and_clear();
    let counts = shown.counts;
    if console.json() {
        console.value(&json!({
            "kept": counts.kept,
            "repeated": counts.repeated,
            "not_readable": counts.refused,
            "of_others": counts.others,
            "missing": counts.missing,
        }));
    } else {
        let kept = wording::count(counts.kept, "reading", "readings");
        console.line(format!(
            "{kept} kept, {} there already.",
            wording::thousands(counts.repeated)
        ));
    }
    ran.map_err(|error| of_ble(&error))?;
    Ok(Exit::Done)
}

/// What was shown so far.
struct Shown<'a> {
    console: &'a Console,
    bar: ProgressBar,
    counts: Counts,
    last: Option<State>,
}

impl Shown<'_> {
    fn tell(&mut self, told: Told) {
        match told {
            Told::State(state) => self.state(state),
            Told::Taken(taken) => {
                let counts = taken.counts;
                self.counts.kept += counts.kept;
                self.counts.repeated += counts.repeated;
                self.counts.refused += counts.refused;
                self.counts.others += counts.others;
                self.counts.missing += counts.missing;
                let stored = matches!(self.last, Some(State::History { .. }));
                // a memory of hundreds is counted, not listed
                if !stored && !self.console.json() {
                    for record in &taken.records {
                        self.console.line(line(record));
                    }
                }
            }
            Told::Learned(_) => {}
        }
    }

    fn state(&mut self, state: State) {
        let said = match state {
            State::Connecting => Some("Connecting.".to_owned()),
            State::Bonding => Some("Pairing.".to_owned()),
            State::Live => Some("Connected; readings come as they are taken.".to_owned()),
            State::Quiet => Some("Connected, but it sends nothing. Wear it.".to_owned()),
            State::Waiting {
                because,
                again_in_ms: 0,
            } => Some(because.words().to_owned()),
            State::Waiting {
                because,
                again_in_ms,
            } => {
                let seconds = again_in_ms.div_ceil(1_000);
                Some(format!("{} Trying again in {seconds} s.", because.words()))
            }
            State::History {
                received,
                announced,
            } => {
                if let Some(announced) = announced {
                    self.bar.set_length(u64::from(announced));
                }
                self.bar.set_position(u64::from(received));
                None
            }
            _ => None,
        };
        let same = self.last == Some(state);
        self.last = Some(state);
        if let (Some(said), false) = (said, same) {
            let said = self.console.paint(Tone::Quiet, &said);
            self.bar.suspend(|| self.console.note(said));
        }
    }
}

/// `12:05:01  Heart rate: 61 per minute`.
fn line(record: &Record) -> String {
    let time = rfc3339(record.start_ms, record.offset_min);
    let time = time.get(11..19).unwrap_or(&time).to_owned();
    let cells = cells(record).into_iter();
    let cells: Vec<String> = cells
        .map(|(_, name, value, unit)| {
            format!("{name}: {value} {}", naming::of_unit(&unit))
                .trim_end()
                .to_owned()
        })
        .collect();
    format!("{time}  {}", cells.join(", "))
}
