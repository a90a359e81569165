//! Asks each witness to cosign the newest note, beside the appends and never before them.
//!
//! One round is one note. A witness that does not answer is left out for a while, longer each
//! time; when it is back it is asked for the newest note and catches up in one step.

use super::message::AddCheckpoint;
use crate::config::WitnessSettings;
use crate::log::{Head, Notes};
use crate::{Error, Result};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;
use vitalwitness_proof::checkpoint::{NoteLine, SignedNote};

/// Where consistency proofs come from. Blocks.
pub(crate) trait ProofSource: Send + Sync + 'static {
    /// That the log of `to` entries extends that of `from`.
    fn consistency(&self, from: u64, to: u64) -> Result<Vec<[u8; 32]>>;
}

/// Runs until `stopped`.
pub(crate) async fn collect(
    notes: Arc<Notes>,
    witnesses: Vec<WitnessSettings>,
    proofs: Arc<dyn ProofSource>,
    mut stopped: watch::Receiver<bool>,
) {
    if witnesses.is_empty() {
        return;
    }
    // a second installation in one process changes nothing
    let _ = rustls::crypto::ring::default_provider().install_default();
    let Ok(http) = reqwest::Client::builder()
        .timeout(ANSWER)
        .connect_timeout(ANSWER)
        .build()
    else {
        tracing::error!(code = "witness_client", "no witness will be asked");
        return;
    };
    let witnesses: Vec<Arc<Mutex<Asked>>> = witnesses
        .into_iter()
        .map(|settings| {
            Arc::new(Mutex::new(Asked {
                url: format!("{}/add-checkpoint", settings.url),
                size: 0,
                cosigned: 0,
                failures: 0,
                wait_until: None,
            }))
        })
        .collect();
    let mut newest = notes.watch();
    loop {
        let missing = round(&notes, &witnesses, &http, &proofs).await;
        tokio::select! {
            _ = newest.changed() => {}
            () = tokio::time::sleep(RETRY), if missing => {}
            _ = stopped.changed() => return,
        }
    }
}

/// One witness, as this log sees it.
struct Asked {
    url: String,
    /// What it cosigned last, as far as known.
    size: u64,
    /// Size of the newest note that has its line.
    cosigned: u64,
    failures: u32,
    wait_until: Option<tokio::time::Instant>,
}

/// Asks all that are due for the newest note; whether one did not cosign it.
async fn round(
    notes: &Arc<Notes>,
    witnesses: &[Arc<Mutex<Asked>>],
    http: &reqwest::Client,
    proofs: &Arc<dyn ProofSource>,
) -> bool {
    let Some(head) = notes.newest() else {
        return false;
    };
    let mut asking = JoinSet::new();
    let mut missing = false;
    for witness in witnesses {
        // one that is still being asked from a round before is not asked twice
        let Ok(mut witness) = Arc::clone(witness).try_lock_owned() else {
            missing = true;
            continue;
        };
        if witness.cosigned == head.size {
            continue;
        }
        if witness
            .wait_until
            .is_some_and(|until| tokio::time::Instant::now() < until)
        {
            missing = true;
            continue;
        }
        let (notes, http, proofs) = (Arc::clone(notes), http.clone(), Arc::clone(proofs));
        let head = head.clone();
        asking.spawn(async move {
            let added = ask(&mut witness, &head, &http, &proofs)
                .await
                .map_or(0, |lines| notes.add_cosignatures(head.size, lines));
            if added > 0 {
                witness.size = head.size;
                witness.cosigned = head.size;
                witness.failures = 0;
                witness.wait_until = None;
            } else {
                metrics::counter!("vw_witness_failures_total").increment(1);
                witness.failures = witness.failures.saturating_add(1);
                let wait = RETRY * 2_u32.saturating_pow(witness.failures.min(6));
                witness.wait_until = Some(tokio::time::Instant::now() + wait);
            }
            added > 0
        });
    }
    while let Some(cosigned) = asking.join_next().await {
        missing |= !cosigned.unwrap_or(false);
        if notes.is_witnessed(head.size) {
            // who is slower goes on by itself; its line is still added
            asking.detach_all();
        }
    }
    missing
}

async fn ask(
    witness: &mut Asked,
    head: &Head,
    http: &reqwest::Client,
    proofs: &Arc<dyn ProofSource>,
) -> Result<Vec<NoteLine>> {
    for _ in 0..2 {
        let (from, to) = (witness.size.min(head.size), head.size);
        let source = Arc::clone(proofs);
        let proof = tokio::task::spawn_blocking(move || {
            if from == 0 {
                Ok(Vec::new())
            } else {
                source.consistency(from, to)
            }
        })
        .await
        .map_err(|_| Error::Unavailable)??;
        let message = AddCheckpoint {
            old_size: from,
            proof,
            note: head.note.to_string(),
        };
        let answer = http
            .post(&witness.url)
            .body(message.write())
            .send()
            .await
            .map_err(|_| Error::Unavailable)?;
        let status = answer.status().as_u16();
        let text = answer.text().await.map_err(|_| Error::Unavailable)?;
        match status {
            200 => return Ok(read_lines(head, &text)),
            // it tells what it cosigned last: ask again from there
            409 => match text.trim().parse::<u64>() {
                Ok(size) if size <= head.size && size != from => witness.size = size,
                _ => {
                    tracing::error!(code = "witness_conflict", "a witness knows a larger log");
                    return Err(Error::Unavailable);
                }
            },
            _ => {
                tracing::warn!(code = "witness_refused", status, "a witness did not cosign");
                return Err(Error::Unavailable);
            }
        }
    }
    Err(Error::Unavailable)
}

/// The answer's lines, as lines of a note with this body.
fn read_lines(head: &Head, text: &str) -> Vec<NoteLine> {
    let note = format!("{}\n{text}", head.note.checkpoint.body());
    SignedNote::parse(&note).map_or_else(|_| Vec::new(), |note| note.lines)
}

const ANSWER: Duration = Duration::from_secs(3);
const RETRY: Duration = Duration::from_millis(250);
