//! `trace`: whose copy of the owner's records a leaked file is.
//!
//! First by row ids, which name the delivery; where none survived, by times and values, which rank
//! the deliveries that the log holds. Which of the two it was is part of the answer.
//!
//! Invariant: a delivery is called named only if an id of it stands in the file.

use crate::Error;
use crate::share::{Party, activity::Delivered, kept::KeptGrant};
use crate::vault::{Core, Vault};
use std::collections::{HashMap, HashSet};
use std::fmt;
use vitalwitness_domain::Secret32;
use vitalwitness_domain::record::{Hash, Id};
use vitalwitness_domain::tracing::{Known, Marker, candidates, rank, read};
use vitalwitness_proof::entry::entry_leaf;

/// How the deliveries were found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// Ids of rows stand in the file: this is where it comes from.
    RowIds,
    /// No id survived: these looks, as logged, cover the rows; the likeliest first. No proof.
    LoggedAccess,
    /// Neither an id nor a row is the owner's.
    Nothing,
}

/// What was found out of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Traced {
    /// How.
    pub how: How,
    /// Rows of the file that have a time, so that a heading is none.
    pub rows: usize,
    /// What is the owner's: records by their ids; without ids, rows by time and value.
    pub own: usize,
    /// Strings of the form of a row id that are none of the owner's deliveries.
    pub foreign_ids: usize,
    /// Deliveries, best first.
    pub suspects: Vec<Suspect>,
}

/// A delivery that the file may come from.
#[derive(Clone, PartialEq)]
pub struct Suspect {
    /// The grant it was under; none where it is not kept here.
    pub grant: Option<Id>,
    /// To whom.
    pub organisation: Party,
    /// Who looked: the signer of the ACCESS.
    pub person: Party,
    /// When, as the looker says, ms UTC.
    pub time_ms: i64,
    /// Its ACCESS entry: place in the channel.
    pub seq: u64,
    /// Its ACCESS entry: index in the log.
    pub index: u64,
    /// Its ACCESS entry: recordhash, by which its receipt is found.
    pub recordhash: Hash,
    /// Rows of the file that it delivered.
    pub rows: usize,
    /// Records that it delivered.
    pub delivered: usize,
    /// What it delivered is known exactly, not only what it could have seen.
    pub exact: bool,
    /// Another delivery explains the file nearly as well as this one.
    pub tied: bool,
}

impl fmt::Debug for Suspect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Suspect({} rows, entry {})", self.rows, self.index)
    }
}

/// A batch's records as tracing needs them.
struct Records {
    rids: Vec<Id>,
    /// Their places in the list of all known records.
    places: Vec<usize>,
}

impl Vault {
    /// Finds out which delivery a file comes from, whatever its form.
    ///
    /// # Errors
    ///
    /// [`Error::Locked`]; as [`Error`] when batches cannot be opened.
    pub fn trace(&self, file: &[u8]) -> Result<Traced, Error> {
        self.with(|core| core.trace(file))
    }
}

impl Core {
    fn trace(&mut self, file: &[u8]) -> Result<Traced, Error> {
        let leak = read(file);
        let deliveries = self.deliveries()?;
        let grants = KeptGrant::all(&self.store.reader())?;
        let (known, batches) = self.known(&deliveries)?;
        let mut traced = Traced {
            how: How::Nothing,
            rows: leak.rows.iter().filter(|row| !row.times.is_empty()).count(),
            own: 0,
            foreign_ids: leak.ids.len(),
            suspects: Vec::new(),
        };
        let leaked: HashSet<Id> = leak.ids.iter().copied().collect();
        if !leaked.is_empty() {
            let mut own = HashSet::new();
            for delivery in &deliveries {
                let found = marked(delivery, &grants, &batches, &leaked);
                if let Some((grant, ids)) = found {
                    let rows = ids.len();
                    own.extend(ids);
                    let suspect = self.suspect(delivery, Some(grant), &batches, rows)?;
                    traced.suspects.push(suspect);
                }
            }
            traced.suspects.sort_by_key(|it| std::cmp::Reverse(it.rows));
            traced.own = own.len();
            traced.foreign_ids = leaked.len() - own.len();
            if traced.own > 0 {
                traced.how = How::RowIds;
                return Ok(traced);
            }
        }
        let candidates = candidates(&leak.rows, &known);
        traced.own = candidates.iter().filter(|row| !row.is_empty()).count();
        let held: Vec<HashSet<usize>> = deliveries
            .iter()
            .map(|delivery| {
                let batches = delivery.batches.iter().filter_map(|id| batches.get(id));
                batches
                    .flat_map(|batch| batch.places.iter().copied())
                    .collect()
            })
            .collect();
        for ranked in rank(&candidates, &held, known.len()) {
            let delivery = &deliveries[ranked.delivery];
            let grant = of_receiver(delivery, &grants).find(|grant| {
                let shows = |id: &Id| {
                    let row = self.index.row_of(id).and_then(|row| self.index.get(row));
                    row.is_some_and(|batch| grant.shows(&batch.stream))
                };
                delivery.batches.iter().all(shows)
            });
            let grant = grant.map(|grant| grant.document.id);
            let mut suspect = self.suspect(delivery, grant, &batches, ranked.covered)?;
            suspect.tied = ranked.tied;
            traced.suspects.push(suspect);
        }
        if !traced.suspects.is_empty() {
            traced.how = How::LoggedAccess;
        }
        Ok(traced)
    }

    /// Every record that was ever delivered, by start, and the batches they stand in.
    fn known(&self, deliveries: &[Delivered]) -> Result<(Vec<Known>, HashMap<Id, Records>), Error> {
        let wanted: HashSet<Id> = deliveries
            .iter()
            .flat_map(|it| &it.batches)
            .copied()
            .collect();
        let mut all = Vec::new();
        let mut batches = HashMap::new();
        for id in wanted {
            let row = self.index.row_of(&id).ok_or(Error::NotFound)?;
            let mut rids = Vec::new();
            for stored in self.read_records(row)? {
                all.push((stored.record.start_ms, id, Known::of(&stored.record)));
                rids.push(stored.rid);
            }
            let places = Vec::new();
            batches.insert(id, Records { rids, places });
        }
        all.sort_by_key(|(start_ms, id, _)| (*start_ms, *id));
        let mut known = Vec::with_capacity(all.len());
        for (at, (_, id, one)) in all.into_iter().enumerate() {
            if let Some(batch) = batches.get_mut(&id) {
                batch.places.push(at);
            }
            known.push(one);
        }
        Ok((known, batches))
    }

    fn suspect(
        &self,
        delivery: &Delivered,
        grant: Option<Id>,
        batches: &HashMap<Id, Records>,
        rows: usize,
    ) -> Result<Suspect, Error> {
        let names = self.names()?;
        let party = |id: Id| Party {
            id,
            name: names.get(&id).cloned().unwrap_or_default(),
        };
        let event = &delivery.entry.event;
        let of_batch = |id: &Id| batches.get(id).map_or(0, |batch| batch.rids.len());
        Ok(Suspect {
            grant,
            organisation: party(event.receiver.unwrap_or_default()),
            person: party(delivery.entry.signed.signer),
            time_ms: event.time,
            seq: delivery.entry.seq,
            index: delivery.index,
            recordhash: event.recordhash,
            rows,
            delivered: delivery.batches.iter().map(of_batch).sum(),
            exact: delivery.exact,
            tied: false,
        })
    }
}

fn of_receiver<'a>(
    delivery: &Delivered,
    grants: &'a [KeptGrant],
) -> impl Iterator<Item = &'a KeptGrant> {
    let receiver = delivery.entry.event.receiver;
    grants.iter().filter(move |grant| {
        let document = &grant.document;
        receiver == Some(document.person.unwrap_or(document.organisation))
    })
}

/// The grant under whose tracing key ids of this delivery stand in the file, and which.
fn marked(
    delivery: &Delivered,
    grants: &[KeptGrant],
    batches: &HashMap<Id, Records>,
    leaked: &HashSet<Id>,
) -> Option<(Id, Vec<Id>)> {
    let leaf = entry_leaf(&delivery.bytes);
    let of_grant = |key: &Secret32| {
        let marker = Marker::new(key, &leaf);
        let delivered = delivery.batches.iter().filter_map(|id| batches.get(id));
        let rows = delivered.flat_map(|batch| &batch.rids);
        let ids = rows.map(|rid| marker.row(rid));
        ids.filter(|id| leaked.contains(id)).collect::<Vec<_>>()
    };
    of_receiver(delivery, grants)
        .map(|grant| (grant.document.id, of_grant(&grant.tracing_key)))
        .max_by_key(|(_, ids)| ids.len())
        .filter(|(_, ids)| !ids.is_empty())
}
