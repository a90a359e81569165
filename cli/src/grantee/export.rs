//! What was fetched, as files: `records.csv`, `records.json`, `fetch.json`, `trust.json`, receipts.
//!
//! Invariant: a receipt file is written only after the whole receipt was verified against the
//! pinned trust.

use super::granted::Granted;
use super::home::Home;
use super::list::{List, Listed, distrust};
use super::shared;
use crate::console::write_file;
use crate::folder;
use crate::outcome::{Failure, Outcome};
use crate::recorded::record_json;
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::Path;
use vitalwitness_domain::record::Record;
use vitalwitness_domain::sealed::{Leaf, Opened, RecordRef};
use vitalwitness_domain::tracing::{Marker, RowId};
use vitalwitness_proof::checkpoint::SignedNote;
use vitalwitness_proof::keys::{PublicKey, Signature};
use vitalwitness_proof::receipt::{self, LogPlace, Receipt};
use vitalwitness_proof::trust::Trust;
use vitalwitness_proof::{Hash, Rejection};

/// All of one fetch.
pub(crate) struct Book {
    grant: Value,
    organisation: String,
    person: String,
    sets: Vec<(Opened, Evidence)>,
    rows: Vec<Row>,
    erased: u64,
    unreadable: u64,
    receipts: usize,
}

/// From a BATCH entry to the signed checkpoint.
pub(crate) struct Evidence {
    entry: Vec<u8>,
    index: u64,
    head: SignedNote,
    path: Vec<Hash>,
    keys: Vec<PublicKey>,
    enrolment: Option<(Vec<u8>, Signature)>,
}

struct Row {
    set: usize,
    leaf: usize,
    rc: Hash,
    record: Record,
    state: &'static str,
    /// Its id in this delivery: who finds the row elsewhere can tell from which look it is.
    id: RowId,
}

impl Evidence {
    /// Of a listed batch.
    pub(crate) fn new(list: &List, listed: &Listed, head: &SignedNote, path: Vec<Hash>) -> Self {
        let (keys, enrolment) = list.papers_of(&listed.entry);
        Self {
            entry: listed.bytes.clone(),
            index: listed.index,
            head: head.clone(),
            path,
            keys,
            enrolment: enrolment.map(|(event, signature)| (event.to_vec(), signature)),
        }
    }
}

impl Book {
    /// Nothing yet, under that grant.
    pub(crate) fn new(granted: &Granted, home: &Home) -> Self {
        Self {
            grant: shared::to_json(granted, granted.document.not_before_ms),
            organisation: home.papers.organisation_name.clone(),
            person: home.papers.person_name.clone(),
            sets: Vec::new(),
            rows: Vec::new(),
            erased: 0,
            unreadable: 0,
            receipts: 0,
        }
    }

    /// How many records.
    pub(crate) fn len(&self) -> u64 {
        self.rows.len() as u64
    }

    /// How many sealed sets.
    pub(crate) fn batches(&self) -> u64 {
        self.sets.len() as u64
    }

    /// Takes an opened batch in.
    pub(crate) fn add(&mut self, opened: Opened, evidence: Evidence, marker: &Marker) {
        let set = self.sets.len();
        for leaf in opened.leaves() {
            match leaf {
                Leaf::Erased { .. } => self.erased += 1,
                Leaf::Record(found) => {
                    match Record::from_slots(found.schema().name(), &found.values()) {
                        Ok(record) => self.rows.push(Row {
                            set,
                            leaf: found.index(),
                            rc: found.record_hash(),
                            record,
                            state: "current",
                            id: marker.row(&found.rid()),
                        }),
                        Err(_) => self.unreadable += 1,
                    }
                }
            }
        }
        self.sets.push((opened, evidence));
    }

    /// Writes everything to `out`, replacing what an earlier fetch wrote there.
    pub(crate) fn write(&mut self, out: &Path, receipts: usize, home: &Home) -> Outcome {
        let made = |error| Failure::unwritable(&out.display().to_string(), &error);
        fs::create_dir_all(out.join("receipts")).map_err(made)?;
        self.order();
        let trust = home.trust()?;
        let names = self.write_receipts(out, receipts, &trust)?;
        let rows = self.json(&names);
        let csv = Self::csv(&rows);
        write_file(&out.join("records.csv"), csv.as_bytes(), true, true)?;
        let text = |value: &Value| value.to_string().into_bytes();
        let json = text(&Value::Array(rows));
        write_file(&out.join("records.json"), &json, true, true)?;
        write_file(&out.join("fetch.json"), &text(&self.summary()), true, true)?;
        let trust = home.papers.trust.as_bytes();
        write_file(&out.join("trust.json"), trust, false, true)
    }

    /// By time; what was corrected or taken back says so.
    fn order(&mut self) {
        let mut corrected: HashMap<Hash, &'static str> = HashMap::new();
        for row in &self.rows {
            if let Some(context) = &row.record.context {
                corrected.extend(context.supersedes.map(|rc| (rc, "replaced")));
                corrected.extend(context.voids.map(|rc| (rc, "withdrawn")));
            }
        }
        for row in &mut self.rows {
            row.state = if row.record.is_void() {
                "withdrawal"
            } else {
                corrected.get(&row.rc).copied().unwrap_or("current")
            };
        }
        self.rows.sort_by_key(|row| (row.record.start_ms, row.rc));
    }

    fn write_receipts(
        &mut self,
        out: &Path,
        most: usize,
        trust: &Trust,
    ) -> Outcome<HashMap<Hash, String>> {
        let mut names = HashMap::new();
        for row in self.rows.iter().rev().take(most) {
            let bytes = self
                .receipt(row)
                .ok_or_else(|| distrust(Rejection::Malformed))?;
            vitalwitness_proof::verify(&bytes, None, trust).map_err(distrust)?;
            let name = format!("receipts/{}.vwr", hex::encode(&row.rc[..8]));
            write_file(&out.join(&name), &bytes, true, true)?;
            names.insert(row.rc, name);
        }
        remove_others(&out.join("receipts"), &names)?;
        self.receipts = names.len();
        Ok(names)
    }

    fn receipt(&self, row: &Row) -> Option<Vec<u8>> {
        let (opened, evidence) = self.sets.get(row.set)?;
        let Some(Leaf::Record(found)) = opened.leaf(row.leaf) else {
            return None;
        };
        let path = opened.path(row.leaf)?;
        let disclosure = found.disclose_whole();
        let head = &evidence.head;
        let receipt = Receipt {
            record: Some(receipt::Record {
                record_hash: row.rc,
                size: u64::from(opened.place().leaves),
                index: row.leaf as u64,
                path: path.as_chunks::<32>().0,
            }),
            entry: &evidence.entry,
            log: LogPlace {
                origin: &head.checkpoint.origin,
                size: head.checkpoint.size,
                index: evidence.index,
                path: &evidence.path,
            },
            lines: head
                .lines
                .iter()
                .map(|line| (line.name.as_str(), line.blob.as_slice()))
                .collect(),
            anchors: Vec::new(),
            disclosure: Some(&disclosure),
            keys: evidence.keys.clone(),
            author: author_of(&found),
            enrolment: evidence
                .enrolment
                .as_ref()
                .map(|(event, signature)| (event.as_slice(), *signature)),
        };
        Some(receipt.encode())
    }

    /// What was fetched, without a value.
    pub(crate) fn summary(&self) -> Value {
        let head = self.sets.last().map(|(_, evidence)| &evidence.head);
        json!({
            "grant": self.grant,
            "organisation": self.organisation,
            "person": self.person,
            "records": self.rows.len(),
            "sealed_sets": self.sets.len(),
            "erased": self.erased,
            "unreadable": self.unreadable,
            "receipts": self.receipts,
            "list": head.map(|head| json!({
                "origin": head.checkpoint.origin,
                "size": head.checkpoint.size,
            })),
        })
    }

    fn csv(rows: &[Value]) -> String {
        let heading = folder::HEADING.map(str::to_owned);
        let rows = rows.iter().filter_map(Value::as_object);
        let lines = std::iter::once(heading.to_vec()).chain(rows.flat_map(folder::lines_of));
        lines.map(|line| folder::joined(&line) + "\n").collect()
    }

    fn json(&self, names: &HashMap<Hash, String>) -> Vec<Value> {
        self.rows
            .iter()
            .map(|row| {
                let mut value = record_json(&row.record, &row.rc);
                value["state"] = json!(row.state);
                value["receipt"] = json!(names.get(&row.rc));
                value["row"] = json!(hex::encode(row.id));
                value
            })
            .collect()
    }
}

/// Receipts of an earlier fetch into the same folder, of rows that may not be there any more.
fn remove_others(dir: &Path, names: &HashMap<Hash, String>) -> Outcome {
    let kept: HashSet<&str> = names
        .values()
        .filter_map(|name| name.strip_prefix("receipts/"))
        .collect();
    let failed = |error| Failure::unwritable(&dir.display().to_string(), &error);
    for entry in fs::read_dir(dir).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        let ours = name.and_then(|name| name.strip_suffix(".vwr"));
        let ours = ours.is_some_and(|it| it.len() == 16 && hex::decode(it).is_ok());
        if ours && !name.is_some_and(|name| kept.contains(name)) {
            fs::remove_file(&path).map_err(failed)?;
        }
    }
    Ok(())
}

fn author_of(found: &RecordRef<'_>) -> Option<(PublicKey, Signature)> {
    let author = found.author()?;
    let key = PublicKey::from_spki(&author.key).ok()?;
    Some((key, author.signature))
}
