//! What the log shows: entries, tiles, proofs.

use super::Sqlite;
use crate::log::{node, read_tile};
use crate::store::{FoundEntry, LogReads};
use crate::{Error, Refusal, Result};
use vitalwitness_domain::wire::{Hash32, Id16, LogEntry, Logged};
use vitalwitness_proof::Hash;
use vitalwitness_proof::merkle::{PathError, consistency_proof, log_path, log_root};

impl LogReads for Sqlite {
    fn by_recordhash(&self, recordhash: Hash32) -> Result<Vec<FoundEntry>> {
        self.read(|db| {
            let mut statement = db.prepare_cached(
                "SELECT channel, seq, type, receiver, bytes, idx FROM entry
                 WHERE recordhash = ?1 ORDER BY idx LIMIT 1000",
            )?;
            let rows = statement.query_map([recordhash.0], |row| {
                Ok(FoundEntry {
                    channel: Id16(row.get(0)?),
                    seq: row.get(1)?,
                    kind: row.get(2)?,
                    receiver: row.get::<_, Option<[u8; 16]>>(3)?.map(Id16),
                    logged: Logged {
                        entry: row.get::<_, Vec<u8>>(4)?.into(),
                        index: row.get(5)?,
                    },
                })
            })?;
            Ok(rows.collect::<Result<Vec<_>, _>>()?)
        })
    }

    fn log_entries(&self, from: u64, end: u64) -> Result<Vec<LogEntry>> {
        // a column holds no larger number
        if from > i64::MAX as u64 || end > i64::MAX as u64 {
            return Ok(Vec::new());
        }
        self.read(|db| {
            let mut statement = db.prepare_cached(
                "SELECT e.idx, e.bytes, k.spki FROM entry e LEFT JOIN channel_key k
                 ON k.idx = e.idx WHERE e.idx >= ?1 AND e.idx < ?2 ORDER BY e.idx LIMIT 1000",
            )?;
            let rows = statement.query_map([from, end], |row| {
                Ok(LogEntry {
                    index: row.get(0)?,
                    entry: row.get::<_, Vec<u8>>(1)?.into(),
                    spki: row.get::<_, Option<Vec<u8>>>(2)?.map(Into::into),
                })
            })?;
            Ok(rows.collect::<Result<Vec<_>, _>>()?)
        })
    }

    fn tile(&self, level: u32, n: u64) -> Result<Vec<u8>> {
        self.read(|db| read_tile(db, level, n))
    }

    fn inclusion(&self, index: u64, size: u64) -> Result<Vec<Hash32>> {
        self.read(|db| hashes(log_path(index, size, |level, index| node(db, level, index))))
    }

    fn consistency(&self, from: u64, to: u64) -> Result<Vec<Hash32>> {
        self.read(|db| {
            hashes(consistency_proof(from, to, |level, index| {
                node(db, level, index)
            }))
        })
    }

    fn root(&self, size: u64) -> Result<Hash32> {
        self.read(|db| log_root(size, |level, index| node(db, level, index)).map(Hash32))
    }

    fn ping(&self) -> Result<()> {
        self.read(|db| Ok(db.query_row("SELECT 1", [], |_| Ok(()))?))?;
        self.write(|_| Ok(()))
    }
}

fn hashes(proof: Result<Vec<Hash>, PathError<Error>>) -> Result<Vec<Hash32>> {
    match proof {
        Ok(nodes) => Ok(nodes.into_iter().map(Hash32).collect()),
        Err(PathError::OutOfRange) => Err(Refusal::bad_request("the log is not that large").into()),
        Err(PathError::Source(error)) => Err(error),
    }
}
