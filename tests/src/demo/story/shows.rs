//! What is shown at the end: the activity, the charts, what the cloud holds, the figures.

use super::{FIRST_TYPED_MS, Story, TYPED, when};
use crate::demo::cloud_view;
use crate::demo::page::{Act, DayChart, Figure, Mark, thousands};
use crate::demo::people::{Patient, Trouble};
use crate::demo::processes::Site;
use std::collections::BTreeMap;
use vitalwitness_domain::record::{Body, Value};
use vitalwitness_vault::share::{Activity, Done};
use vitalwitness_vault::{Found, Query};

impl Story {
    pub(super) fn activity(&mut self, robin: &Patient) -> Result<(), Trouble> {
        self.narrator
            .step("Robin's activity: every request, answer, look and refusal");
        let rows = robin.vault.activity(i64::MIN, i64::MAX)?;
        let logged = rows
            .iter()
            .filter(|r| matches!(r.done, Done::Logged { .. }))
            .count();
        for row in &rows {
            let Some((mark, text)) = told(row) else {
                continue;
            };
            let who = match (&row.person, &row.organisation, mark) {
                (Some(person), Some(organisation), _) => {
                    format!("{}, {}", person.name, organisation.name)
                }
                (None, Some(organisation), Mark::Asked) => organisation.name.clone(),
                (None, Some(organisation), _)
                    if matches!(row.done, Done::Refused { .. } | Done::Accessed { .. }) =>
                {
                    organisation.name.clone()
                }
                _ => "Robin".to_owned(),
            };
            let about = match (&row.done, &row.organisation) {
                (Done::Granted | Done::Denied | Done::Revoked, Some(o)) => {
                    format!("{text} {}", o.name)
                }
                _ => text,
            };
            self.narrator
                .say(&format!("{}  {who}: {about}", when(row.time_ms)));
            self.page.activity.push(Act {
                time: when(row.time_ms),
                who,
                what: about,
                mark,
            });
        }
        self.narrator.say(&format!(
            "and {} entries for records of Robin's own",
            thousands(logged)
        ));
        let has = |wanted: fn(&Done) -> bool| rows.iter().any(|r| wanted(&r.done));
        if !(has(|d| matches!(d, Done::Asked))
            && has(|d| matches!(d, Done::Granted))
            && has(|d| matches!(d, Done::Denied))
            && has(|d| matches!(d, Done::Accessed { .. }))
            && has(|d| matches!(d, Done::Refused { .. }))
            && has(|d| matches!(d, Done::Revoked)))
        {
            return Err("the activity is not complete".into());
        }
        Ok(())
    }

    pub(super) fn charts(&mut self, robin: &Patient) -> Result<(), Trouble> {
        let from = CHART_DAY_MS;
        let heart = all(robin, "loinc|8867-4", from, from + DAY_MS)?;
        let mut points: Vec<(f64, f64)> = heart
            .iter()
            .filter_map(|f| Some((minutes(f.record.start_ms - from), number(f)?)))
            .collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut before: Vec<f64> = all(robin, "loinc|8867-4", from - 28 * DAY_MS, from)?
            .iter()
            .filter_map(number)
            .collect();
        before.sort_by(f64::total_cmp);
        let at = |tenth: usize| before.get(before.len() * tenth / 10).copied();
        let usual = at(1).zip(at(9));
        if !points.is_empty() {
            self.page.heart = Some(DayChart {
                day: "14 January 2026".to_owned(),
                points,
                usual,
            });
        }
        let mut asleep: BTreeMap<i64, f64> = BTreeMap::new();
        for code in ["loinc|93829-0", "loinc|93830-8", "loinc|93831-6"] {
            for found in all(
                robin,
                code,
                from - 14 * DAY_MS + DAY_MS / 2,
                from + DAY_MS / 2,
            )? {
                let night = (found.record.start_ms + DAY_MS / 3).div_euclid(DAY_MS);
                *asleep.entry(night).or_default() += number(&found).unwrap_or_default();
            }
        }
        self.page.sleep = asleep
            .into_iter()
            .map(|(day, minutes)| (day_name(day * DAY_MS), minutes))
            .collect();
        let mut steps: BTreeMap<i64, BTreeMap<Option<[u8; 16]>, f64>> = BTreeMap::new();
        for found in all(robin, "loinc|55423-8", from - 13 * DAY_MS, from + DAY_MS)? {
            let day = (found.record.start_ms + 3_600_000).div_euclid(DAY_MS);
            *steps
                .entry(day)
                .or_default()
                .entry(found.record.source.device)
                .or_default() += number(&found).unwrap_or_default();
        }
        self.page.steps = steps
            .into_iter()
            .map(|(day, sources)| {
                (
                    day_name(day * DAY_MS),
                    sources.into_values().reduce(f64::max),
                )
            })
            .collect();
        let mut pressure = all(robin, "loinc|85354-9", from - 90 * DAY_MS, i64::MAX)?;
        pressure.sort_by_key(|f| f.record.start_ms);
        self.page.pressure = pressure
            .iter()
            .rev()
            .take(14)
            .rev()
            .filter_map(|f| {
                Some((
                    day_name(f.record.start_ms),
                    component(f, "8480-6")?,
                    component(f, "8462-4")?,
                ))
            })
            .collect();
        Ok(())
    }

    pub(super) fn dump(&mut self, site: &Site, robin: &Patient) -> Result<(), Trouble> {
        self.narrator
            .step("What the cloud can see: a dump of everything it holds");
        for holding in cloud_view::holdings(&site.data)? {
            let amount = format!(
                "{} file{}, {} bytes",
                holding.files,
                if holding.files == 1 { "" } else { "s" },
                thousands(usize::try_from(holding.bytes)?)
            );
            self.narrator.say(&format!(
                "{:<22} {amount:<32} {}…",
                holding.kind, holding.sample
            ));
            self.page
                .cloud
                .push([holding.kind, amount, format!("{}…", holding.sample)]);
        }
        let mut markers: Vec<Vec<u8>> = [
            "8867-4",
            "85354-9",
            "93831-6",
            "loinc",
            "heart-rate",
            "mm[Hg]",
            "/min",
            "Robin",
            "Check-up after",
        ]
        .iter()
        .map(|text| text.as_bytes().to_vec())
        .collect();
        for (kind, value) in TYPED {
            if value.len() >= 8 {
                markers.push(value.as_bytes().to_vec());
            }
            if kind.contains('/') {
                markers.push(kind.as_bytes().to_vec());
            }
        }
        let typed = robin.vault.records(&Query {
            from_ms: FIRST_TYPED_MS,
            limit: 50,
            ..Query::default()
        })?;
        for found in &typed.records {
            markers.push(found.record.start_ms.to_be_bytes()[2..].to_vec());
            markers.push(found.record.start_ms.to_string().into_bytes());
        }
        let hits = cloud_view::found(&site.data, &markers)?;
        self.narrator.say(&format!(
            "{} markers of records (codes, units, names, words, exact times) searched in all of it: {} found",
            markers.len(), hits.len()
        ));
        if let Some((path, marker)) = hits.first() {
            return Err(format!(
                "{} holds {}",
                path.display(),
                String::from_utf8_lossy(marker)
            )
            .into());
        }
        self.narrator.say("It does see: how many sets there are and how large, when they come, who shares with whom and until when.");
        Ok(())
    }

    pub(super) fn finish(&mut self, robin: &Patient, sam: &Patient) -> Result<(), Trouble> {
        let (a, b) = (robin.vault.status()?, sam.vault.status()?);
        let figure = |value: String, label: &str| Figure {
            value,
            label: label.to_owned(),
        };
        self.page.figures = vec![
            figure(
                thousands(usize::try_from(a.witnessed + b.witnessed)?),
                "records sealed, listed and witnessed",
            ),
            figure(
                thousands(usize::try_from(a.batches + b.batches)?),
                "sealed sets",
            ),
            figure(
                thousands(super::CONCURRENT),
                "receipts checked with the cloud stopped, all unchanged",
            ),
            figure(
                "0".to_owned(),
                "values, codes, names or times of records found in all the cloud holds",
            ),
        ];
        self.page.made = when(crate::demo::clock::now_ms());
        self.page.limits = LIMITS.iter().map(|l| (*l).to_owned()).collect();
        self.narrator.step("Done");
        for limit in LIMITS {
            self.narrator.say(limit);
        }
        self.narrator.say("Open demo-out/index.html. Check a receipt yourself: target/debug/vitalwitness verify demo-out/heart-rate.vwr --trust demo-out/trust.json");
        Ok(())
    }
}

/// All records of a code in a period.
fn all(patient: &Patient, code: &str, from_ms: i64, to_ms: i64) -> Result<Vec<Found>, Trouble> {
    let mut found = Vec::new();
    let mut query = Query {
        code: Some(code.to_owned()),
        from_ms,
        to_ms,
        limit: 5_000,
        ..Query::default()
    };
    loop {
        let page = patient.vault.records(&query)?;
        found.extend(page.records);
        if page.next.is_none() {
            return Ok(found);
        }
        query.after = page.next;
    }
}

fn told(row: &Activity) -> Option<(Mark, String)> {
    Some(match &row.done {
        Done::Enrolled | Done::Logged { .. } => return None,
        Done::Asked => (Mark::Asked, "asked to see records".to_owned()),
        Done::Granted => (Mark::Seen, "allowed".to_owned()),
        Done::Denied => (Mark::Stopped, "said no to".to_owned()),
        Done::Revoked => (Mark::Stopped, "stopped sharing with".to_owned()),
        Done::Accessed { records, .. } => (
            Mark::Seen,
            records.map_or("got records".to_owned(), |n| {
                format!(
                    "got {} records",
                    thousands(usize::try_from(n).unwrap_or(usize::MAX))
                )
            }),
        ),
        Done::Emergency => (Mark::Seen, "opened in an emergency".to_owned()),
        Done::Refused { code } => (Mark::Stopped, format!("was refused ({code})")),
    })
}

fn number(found: &Found) -> Option<f64> {
    match &found.record.body {
        Body::Observation {
            value: Value::Quantity(number, _),
            ..
        } => number.to_string().parse().ok(),
        _ => None,
    }
}

fn component(found: &Found, code: &str) -> Option<f64> {
    match &found.record.body {
        Body::Observation {
            value: Value::Components(parts),
            ..
        } => {
            let part = parts.iter().find(|part| part.0.ends_with(code))?;
            part.1.to_string().parse().ok()
        }
        _ => None,
    }
}

#[allow(clippy::cast_precision_loss, reason = "milliseconds of one day")]
fn minutes(ms: i64) -> f64 {
    ms as f64 / 60_000.0
}

fn day_name(ms: i64) -> String {
    chrono::DateTime::from_timestamp_millis(ms)
        .map_or_else(String::new, |t| t.format("%-d %b").to_string())
}

const DAY_MS: i64 = 86_400_000;
/// 14 January 2026, local midnight of +01:00.
const CHART_DAY_MS: i64 = 1_768_345_200_000;

/// Where this run ends; said at its end and on the page.
const LIMITS: [&str; 5] = [
    "One operator runs the cloud and both witnesses here. Against that operator, the witnesses prove nothing.",
    "The health export is generated: real format, invented person. The recorded activities are real.",
    "A receipt says \"unchanged since\", never that a measurement was right or whose body it was.",
    "Who has seen a record has seen it. Stopping ends what comes after.",
    "All of it ran on this machine, over loopback.",
];
