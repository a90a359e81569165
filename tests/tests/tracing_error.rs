//! How often the ranking of `trace` is wrong, measured on recorded and generated records.
//!
//! `docs/tracing.md` keeps the figures; `cargo test -p vitalwitness-tests --test tracing_error --
//! --nocapture` prints them.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that fails should panic; the figures are what it is for"
)]

use std::collections::HashSet;
use std::io::Cursor;
use std::ops::ControlFlow;
use vitalwitness_domain::import::{self, Event};
use vitalwitness_domain::record::{Body, Record, Value};
use vitalwitness_domain::tracing::{Known, candidates, rank, read};
use vitalwitness_tests::activities;
use vitalwitness_tests::generator::{self, Plan, berlin};

struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end.max(1)
    }
}

/// A look: what a grant to one of twelve grantees showed at one of three times.
struct Look {
    grantee: usize,
    held: HashSet<usize>,
}

/// Twelve grantees with some codes and a part of the time each, each looking up to three times.
fn looks(records: &[Record], dice: &mut Dice) -> Vec<Look> {
    let mut codes: Vec<&str> = records.iter().map(Record::stream_code).collect();
    codes.sort_unstable();
    codes.dedup();
    let (first, last) = (records[0].start_ms, records.last().unwrap().start_ms);
    let span = last - first + 1;
    let at = |tenth: usize| first + span / 10 * i64::try_from(tenth).unwrap();
    let mut looks = Vec::new();
    for grantee in 0..12 {
        let own: Vec<&str> = (0..=dice.below(3))
            .map(|_| codes[dice.below(codes.len())])
            .collect();
        let (from, length) = (dice.below(8), 2 + dice.below(9));
        for _ in 0..=dice.below(3) {
            // a look sees what was there by then
            let then = at(dice.below(10) + 1);
            let to = at((from + length).min(11)).min(then);
            let held: HashSet<usize> = (0..records.len())
                .filter(|place| {
                    let record = &records[*place];
                    own.contains(&record.stream_code()) && (at(from)..to).contains(&record.start_ms)
                })
                .collect();
            if !held.is_empty() {
                looks.push(Look { grantee, held });
            }
        }
    }
    looks
}

/// A row as somebody who took the ids out would leave it.
fn line(record: &Record, exact: bool) -> Option<String> {
    let Body::Observation { value, .. } = &record.body else {
        return None;
    };
    let value = match value {
        Value::Quantity(number, _) => number.to_string(),
        Value::Components(parts) => parts.first()?.1.to_string(),
        _ => return None,
    };
    let wall = record.start_ms + i64::from(record.offset_min) * 60_000;
    let time = chrono::DateTime::from_timestamp_millis(wall)?;
    let form = if exact {
        "%Y-%m-%d %H:%M:%S"
    } else {
        "%Y-%m-%d %H:%M"
    };
    Some(format!("{},{value}", time.format(form)))
}

#[derive(Default, Clone, Copy)]
struct Score {
    right: usize,
    tied: usize,
    wrong: usize,
}

/// Rounds with `rows` leaked rows each: was the grantee that leaked ranked first?
fn measure(records: &[Record], rows: usize, exact: bool, rounds: usize) -> Score {
    let known: Vec<Known> = records.iter().map(Known::of).collect();
    let mut dice = Dice(rows as u64 * 31 + u64::from(exact));
    let mut score = Score::default();
    while score.right + score.tied + score.wrong < rounds {
        let looks = looks(records, &mut dice);
        for _ in 0..4 {
            let leaked = dice.below(looks.len());
            let mut held: Vec<usize> = looks[leaked].held.iter().copied().collect();
            held.sort_unstable();
            // as many as asked, out of one half of what was delivered: the other half is lost
            held.retain(|_| dice.below(2) == 0);
            if held.len() < rows {
                continue;
            }
            let mut table = String::from("when,value\n");
            for _ in 0..rows {
                let one = held.swap_remove(dice.below(held.len()));
                if let Some(line) = line(&records[one], exact) {
                    table.push_str(&line);
                    table.push('\n');
                }
            }
            let found = candidates(&read(table.as_bytes()).rows, &known);
            let sets: Vec<HashSet<usize>> = looks.iter().map(|look| look.held.clone()).collect();
            let ranked = rank(&found, &sets, known.len());
            let Some(first) = ranked.first() else {
                continue;
            };
            let truth = looks[leaked].grantee;
            let tied: Vec<usize> = ranked
                .iter()
                .take_while(|one| one.tied)
                .map(|one| looks[one.delivery].grantee)
                .collect();
            if tied.iter().any(|grantee| *grantee != tied[0]) {
                if tied.contains(&truth) {
                    score.tied += 1;
                } else {
                    score.wrong += 1;
                }
            } else if looks[first.delivery].grantee == truth {
                score.right += 1;
            } else {
                score.wrong += 1;
            }
        }
    }
    score
}

fn table(name: &str, records: &[Record]) -> Vec<(usize, bool, Score)> {
    const ROUNDS: usize = 300;
    println!("{name}: {} records", records.len());
    println!("rows  times to    first  not told apart  wrong   (of {ROUNDS})");
    let mut all = Vec::new();
    for rows in [3, 10, 30, 100] {
        for exact in [true, false] {
            let score = measure(records, rows, exact, ROUNDS);
            let unit = if exact { "seconds" } else { "minutes" };
            println!(
                "{rows:>4}  {unit:<8} {:>8} {:>15} {:>6}",
                score.right, score.tied, score.wrong
            );
            all.push((rows, exact, score));
        }
    }
    all
}

fn check(all: &[(usize, bool, Score)]) {
    for (rows, exact, score) in all {
        let count = score.right + score.tied + score.wrong;
        // who is ranked first alone is the wrong one in at most one of twenty
        assert!(
            score.wrong * 20 <= count,
            "{rows} {exact}: {} of {count}",
            score.wrong
        );
    }
}

fn ordered(mut records: Vec<Record>) -> Vec<Record> {
    records.retain(|record| line(record, true).is_some());
    records.sort_by_key(|record| record.start_ms);
    records
}

#[test]
fn the_ranking_on_generated_records_is_wrong_at_most_once_in_twenty() {
    let plan = Plan {
        days: 60,
        heart_rate_every_s: 1_800,
        ..Plan::year(4)
    };
    let mut bytes = Vec::new();
    generator::write(&plan, &mut bytes).unwrap();
    let mut records = Vec::new();
    import::read(Cursor::new(bytes), &berlin, &mut |event| {
        if let Event::Record(record) = event {
            records.push(record);
        }
        ControlFlow::Continue(())
    })
    .unwrap();
    check(&table("generated, 60 days", &ordered(records)));
}

#[test]
fn the_ranking_on_recorded_activities_is_wrong_at_most_once_in_twenty() {
    let Some(folder) = activities::fetched() else {
        return;
    };
    let mut records = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let known = path
            .extension()
            .is_some_and(|end| end == "fit" || end == "tcx");
        if !known {
            continue;
        }
        let file = std::fs::File::open(&path).unwrap();
        let mut seconds = 0;
        // a file that is no activity gives nothing
        let _ = import::read(file, &|_| 0, &mut |event| {
            if let Event::Record(record) = event {
                seconds += 1;
                // every tenth second: as many as a patient would share, not as a lab
                if seconds % 10 == 0 {
                    records.push(record);
                }
            }
            ControlFlow::Continue(())
        });
    }
    check(&table("recorded activities (sweat)", &ordered(records)));
}
