//! Leak tracing: whose copy of the records is this?
//!
//! Each delivery gives each row an id that only its grantee and the owner can compute:
//! HMAC-SHA256(tracing key of the grant, leaf of the ACCESS entry || rid)[0..16]. A leaked file that
//! kept some of them names the delivery, whatever became of order, format and the other rows. Where
//! none survived, times and values say which deliveries could have been the source; that is a
//! ranking, not a proof. `docs/tracing.md` has the format, and how often the ranking is wrong.
//!
//! Invariant: a row id says nothing of its row to who has not the tracing key.

use crate::Secret32;
use crate::decimal::Decimal;
use crate::record::{Body, Dose, Hash, Id, Record, Value};
use ring::hmac;
use std::collections::HashSet;
use std::fmt;
use std::hash::BuildHasher;

mod leak;

pub use leak::{Leak, Row, When, delimited, read};

/// The id of a row in one delivery; exports write it as 32 lower-case hex digits.
pub type RowId = [u8; 16];

/// Gives rows their ids in one delivery.
pub struct Marker {
    key: hmac::Key,
    leaf: Hash,
}

impl Marker {
    /// Of the delivery whose ACCESS entry has this leaf hash, under the grant's tracing key.
    pub fn new(tracing_key: &Secret32, access_leaf: &Hash) -> Self {
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, tracing_key.expose()),
            leaf: *access_leaf,
        }
    }

    /// The id of the row whose record has this rid.
    pub fn row(&self, rid: &Id) -> RowId {
        let mut message = [0; 48];
        message[..32].copy_from_slice(&self.leaf);
        message[32..].copy_from_slice(rid);
        let tag = hmac::sign(&self.key, &message);
        let mut id = [0; 16];
        id.copy_from_slice(&tag.as_ref()[..16]);
        id
    }
}

impl fmt::Debug for Marker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Marker")
    }
}

/// What of a record a leaked row can be recognised by.
#[derive(Clone, PartialEq, Eq)]
pub struct Known {
    start_ms: i64,
    offset_min: i16,
    numbers: Vec<Decimal>,
    words: Vec<String>,
}

impl Known {
    /// Of a record: its start, its numbers, its words.
    pub fn of(record: &Record) -> Self {
        let (mut numbers, mut words) = (Vec::new(), Vec::new());
        match &record.body {
            Body::Observation { value, .. } => match value {
                Value::Quantity(number, _) => numbers.push(*number),
                Value::Components(parts) => numbers.extend(parts.iter().map(|part| part.1)),
                Value::Text(text) => words.push(text.to_lowercase()),
                Value::Waveform { .. } => {}
            },
            Body::Medicine { name, dose, .. } => {
                words.push(name.to_lowercase());
                match dose {
                    Dose::Quantity(number, _) => numbers.push(*number),
                    Dose::Text(text) => words.push(text.to_lowercase()),
                    Dose::Unsaid => {}
                }
            }
            Body::Note { kind, .. } => words.push(kind.to_lowercase()),
            Body::Episode { title, .. } => words.push(title.to_lowercase()),
            Body::Offer { plan, .. } => words.push(plan.to_lowercase()),
            Body::Cover { policy, .. } => words.push(policy.to_lowercase()),
            Body::Claim { amount, .. } => numbers.push(amount.amount),
            Body::Decision { amount, .. } => numbers.extend(amount.as_ref().map(|it| it.amount)),
        }
        Self {
            start_ms: record.start_ms,
            offset_min: record.offset_min,
            numbers,
            words,
        }
    }

    fn is_told_by(&self, row: &Row) -> bool {
        row.times.iter().any(|when| self.began(*when))
            && (row
                .numbers
                .iter()
                .any(|told| self.numbers.iter().any(|own| own.compare(*told).is_eq()))
                || row.words.iter().any(|told| self.words.contains(told)))
    }

    fn began(&self, when: When) -> bool {
        let within =
            |ms: i64, from: i64, step: i64| (from..from.saturating_add(step)).contains(&ms);
        match when {
            When::Instant { ms, step_ms } => within(self.start_ms, ms, step_ms),
            // on the wall there and then, or in UTC
            When::Wall { ms, step_ms } => {
                let wall = self.start_ms + i64::from(self.offset_min) * 60_000;
                within(wall, ms, step_ms) || within(self.start_ms, ms, step_ms)
            }
        }
    }
}

impl fmt::Debug for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Known(..)")
    }
}

/// The records that each leaked row may be: positions in `known`, which ascends by start.
pub fn candidates(rows: &[Row], known: &[Known]) -> Vec<Vec<usize>> {
    debug_assert!(known.is_sorted_by_key(|known| known.start_ms));
    let of_row = |row: &Row| {
        let mut found = Vec::new();
        for when in &row.times {
            let (from, to) = match *when {
                When::Instant { ms, step_ms } => (ms, ms.saturating_add(step_ms)),
                When::Wall { ms, step_ms } => (
                    ms.saturating_sub(WIDEST_MS),
                    ms.saturating_add(step_ms).saturating_add(WIDEST_MS),
                ),
            };
            let first = known.partition_point(|known| known.start_ms < from);
            let end = known.partition_point(|known| known.start_ms < to);
            found.extend((first..end.max(first)).filter(|at| known[*at].is_told_by(row)));
        }
        found.sort_unstable();
        found.dedup();
        found
    };
    rows.iter().map(of_row).collect()
}

/// How well a delivery explains a leak.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranked {
    /// Which delivery, by its place in what was ranked.
    pub delivery: usize,
    /// Rows of the leak that it held.
    pub covered: usize,
    /// Rows of the leak that are the owner's at all.
    pub of: usize,
    /// Log likelihood of the leak, were it drawn from this delivery.
    pub score: f64,
    /// Another delivery explains it nearly as well, or this one the best one's: less than twenty
    /// times likelier. They cannot be told apart.
    pub tied: bool,
}

/// Ranks deliveries, best first. `candidates` are those of each row among `total` records.
///
/// A leak is taken for rows drawn at random from one delivery, one in ten thousand from elsewhere:
/// of two deliveries that hold all its rows, the smaller one is the likelier source.
#[allow(
    clippy::cast_precision_loss,
    reason = "counts of records, far below 2^53"
)]
pub fn rank<S: BuildHasher>(
    candidates: &[Vec<usize>],
    deliveries: &[HashSet<usize, S>],
    total: usize,
) -> Vec<Ranked> {
    let rows: Vec<&Vec<usize>> = candidates.iter().filter(|row| !row.is_empty()).collect();
    let mut ranked: Vec<Ranked> = deliveries
        .iter()
        .enumerate()
        .map(|(delivery, held)| {
            let (mut covered, mut score) = (0, 0.0);
            for row in &rows {
                let inside = row.iter().filter(|at| held.contains(at)).count();
                covered += usize::from(inside > 0);
                let drawn = inside as f64 / (held.len().max(1) as f64);
                let elsewhere = row.len() as f64 / (total.max(1) as f64);
                score += ((1.0 - STRAY) * drawn + STRAY * elsewhere).ln();
            }
            Ranked {
                delivery,
                covered,
                of: rows.len(),
                score,
                tied: false,
            }
        })
        .filter(|ranked| ranked.covered > 0)
        .collect();
    ranked.sort_by(|a, b| {
        b.score
            .total_cmp(&a.score)
            .then(a.delivery.cmp(&b.delivery))
    });
    let best = ranked.first().map(|first| first.score);
    let ties = ranked
        .iter()
        .filter(|one| best.is_some_and(|best| (one.score - best).abs() < SAME))
        .count();
    if ties > 1 {
        for one in ranked.iter_mut().take(ties) {
            one.tied = true;
        }
    }
    ranked
}

/// Widest offset from UTC of a record.
const WIDEST_MS: i64 = 18 * 3_600_000;
/// How likely a row is not from the delivery that leaked.
const STRAY: f64 = 1e-4;
/// Natural logarithm of twenty, rounded: scores this near are not told apart.
const SAME: f64 = 3.0;

#[cfg(test)]
mod tests;
