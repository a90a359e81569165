//! Notes that others show, compared with the list as the organisation was shown it.
//!
//! ```text
//! DIR/seen/       receipts without their record, that wait for an answer of the log
//! DIR/evidence/   what was found
//! ```

use super::cloud::connect;
use super::home::{Papers, read_papers};
use super::list::newest_head;
use crate::compare::Met;
use crate::evidence;
use crate::outcome::{Exit, Failure, Outcome};
use crate::place::replace;
use std::fs;
use std::path::{Path, PathBuf};
use vitalwitness_domain::evidence::{Evidence, Meeting, Seen, meet};
use vitalwitness_proof::checkpoint::SignedNote;
use vitalwitness_proof::receipt::Receipt;
use vitalwitness_proof::trust::TrustedLog;
use vitalwitness_proof::{Rejection, sha256};
use vitalwitness_vault::client::Client;
use vitalwitness_vault::clock::{Clock as _, SystemClock};

/// Compares a receipt's note with the newest checkpoint, or the last accepted of `dir` if the
/// service does not answer, and with those that wait.
pub(crate) async fn compare(dir: &Path, receipt: &[u8], offline: bool) -> Outcome<Met> {
    let mut papers = read_papers(dir)?;
    let log = papers.log(dir)?;
    let seen = match Seen::of_receipt(receipt, &log) {
        Ok(seen) => seen,
        Err(Rejection::OriginUnknown) => return Ok(Met::Other),
        Err(why) => return Ok(Met::Refused(why)),
    };
    let now_ms = SystemClock.now_ms();
    for (_, other) in waiting(dir, &log)? {
        if let Some(found) = seen.contradicts(&other, now_ms) {
            evidence::write(&dir.join(EVIDENCE), &found)?;
            return Ok(Met::Two(found));
        }
    }
    let path = keep(dir, receipt, &seen)?;
    let client = if offline {
        None
    } else {
        connect(&papers.cloud).await.ok()
    };
    if let Some(client) = &client
        && let Err(failure) = newest_head(client, dir, &mut papers).await
        && failure.exit == Exit::NotValid
    {
        return Err(failure);
    }
    let Some(head) = &papers.head else {
        return Ok(Met::Later);
    };
    let head = SignedNote::parse(head).map_err(super::list::distrust)?;
    let met = ask(client.as_ref(), &head, &seen, now_ms).await;
    if let Met::Same = met {
        let _ = fs::remove_file(path);
    }
    if let Met::Two(found) = &met {
        evidence::write(&dir.join(EVIDENCE), found)?;
    }
    Ok(met)
}

/// Compares what waits with a checkpoint that was just accepted.
pub(super) async fn settle(client: &Client, dir: &Path, papers: &Papers) -> Outcome<()> {
    let Some(head) = &papers.head else {
        return Ok(());
    };
    let head = SignedNote::parse(head).map_err(super::list::distrust)?;
    for (path, seen) in waiting(dir, &papers.log(dir)?)? {
        match ask(Some(client), &head, &seen, SystemClock.now_ms()).await {
            Met::Same => {
                let _ = fs::remove_file(path);
            }
            Met::Two(found) => {
                evidence::write(&dir.join(EVIDENCE), &found)?;
                return Err(super::list::distrust(found.code()));
            }
            _ => break,
        }
    }
    Ok(())
}

/// Keeps two notes of which one does not extend the other.
pub(super) fn keep_evidence(dir: &Path, found: &Evidence) -> Outcome<()> {
    evidence::write(&dir.join(EVIDENCE), found).map(drop)
}

async fn ask(client: Option<&Client>, head: &SignedNote, seen: &Seen, now_ms: i64) -> Met {
    let mut meeting = meet(head, seen, None, now_ms);
    if let (Meeting::NeedsProof { from, to }, Some(client)) = (&meeting, client)
        && let Ok(proof) = vitalwitness_vault::consistency(client, *from, *to).await
    {
        meeting = meet(head, seen, Some(proof), now_ms);
    }
    match meeting {
        Meeting::Same => Met::Same,
        Meeting::NeedsProof { .. } => Met::Later,
        Meeting::Contradiction(found) => Met::Two(found),
    }
}

/// Receipts that wait, without their record; one that cannot be read any more is passed over.
fn waiting(dir: &Path, log: &TrustedLog) -> Outcome<Vec<(PathBuf, Seen)>> {
    let dir = dir.join(SEEN);
    let listed = match fs::read_dir(&dir) {
        Ok(listed) => listed,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Failure::unreadable(&dir.display().to_string(), &error)),
    };
    let mut paths: Vec<PathBuf> = listed.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let seen = paths.into_iter().filter_map(|path| {
        let bytes = fs::read(&path).ok()?;
        Some((path, Seen::of_receipt(&bytes, log).ok()?))
    });
    Ok(seen.collect())
}

/// Keeps the receipt from the entry up: what it says of a record is none of this folder's business.
fn keep(dir: &Path, receipt: &[u8], seen: &Seen) -> Outcome<PathBuf> {
    let dir = dir.join(SEEN);
    fs::create_dir_all(&dir)
        .map_err(|error| Failure::unwritable(&dir.display().to_string(), &error))?;
    let name = hex::encode(&sha256(&[seen.note.checkpoint.body().as_bytes()])[..8]);
    let path = dir.join(format!("{name}.vwr"));
    let mut receipt = Receipt::decode(receipt).map_err(super::list::distrust)?;
    receipt.record = None;
    receipt.disclosure = None;
    receipt.author = None;
    replace(&path, &receipt.encode())?;
    Ok(path)
}

const SEEN: &str = "seen";
const EVIDENCE: &str = "evidence";
