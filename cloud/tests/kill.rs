//! The server's process is killed between any two writes; nothing acknowledged is lost.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails should panic"
)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use support::{Batch, Client, Patient, fresh};
use vitalwitness_domain::wire::{BatchInfo, BatchStatus, Changes, Hash32, Id16, Proof, What};
use vitalwitness_proof::checkpoint::{Checkpoint, SignedNote};
use vitalwitness_proof::entry::{Entry, EventType};
use vitalwitness_proof::sha256;

const KILLS: u64 = 50;
const PATIENTS: usize = 3;

struct Process {
    child: Child,
    base: String,
}

impl Process {
    fn start(data: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_vitalwitness-cloud"))
            .env("VW_CLOUD_DATA", data)
            .env("VW_CLOUD_LISTEN", "127.0.0.1:0")
            .env("VW_LOG", "info")
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let line = lines
            .by_ref()
            .map(Result::unwrap)
            .find(|line| line.contains("\"listening\""))
            .expect("the server starts on what a kill left");
        // the pipe is read to its end, or a full one would stop the server
        std::thread::spawn(move || lines.for_each(drop));
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        let addr = line["fields"]["addr"].as_str().unwrap();
        Self {
            child,
            base: format!("http://{addr}"),
        }
    }

    /// SIGKILL.
    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// What a patient knows to be stored.
struct Known {
    patient: Patient,
    acknowledged: BTreeMap<Id16, (Hash32, u64)>,
    /// Sent, but not answered: sent again after the restart.
    open: Option<(Batch, vitalwitness_domain::wire::NewBatch)>,
}

impl Known {
    /// Uploads until the server goes away.
    async fn work(&mut self, acks: &AtomicU64, seed: u64) {
        for round in 0.. {
            let (batch, new) = self.open.take().unwrap_or_else(|| {
                let size =
                    100 + usize::try_from((seed * 7919 + round * 104_729) % 400_000).unwrap();
                let batch = Batch::new(
                    Id16(fresh()),
                    vec![u8::try_from(round % 251).unwrap(); size],
                );
                let new = self.patient.announcement(&batch);
                (batch, new)
            });
            let answer = self.patient.upload_as(&new, &batch.bytes).await;
            match answer {
                Some(answer) if answer.status == 200 => {
                    let status: BatchStatus = answer.json();
                    let index = status.logged.unwrap().index;
                    let digest = Hash32(sha256(&[&batch.bytes]));
                    self.acknowledged.insert(batch.id, (digest, index));
                    acks.fetch_add(1, Ordering::SeqCst);
                }
                Some(answer) => {
                    assert!(answer.status >= 500, "{answer:?}");
                    self.open = Some((batch, new));
                    return;
                }
                None => {
                    self.open = Some((batch, new));
                    return;
                }
            }
        }
    }

    /// Everything acknowledged is there, once, under gapless cursors.
    async fn check(&self, fetch: bool) {
        let client = &self.patient.client;
        let mut batches: BTreeMap<Id16, BatchInfo> = BTreeMap::new();
        let mut seqs = Vec::new();
        let mut roots = BTreeSet::new();
        let (mut after, mut latest) = (0, 1);
        while after < latest {
            let page: Changes = client
                .get(&format!("/v1/changes?after={after}"))
                .await
                .json();
            latest = page.latest;
            for change in page.changes {
                assert_eq!(change.cursor, after + 1, "gapless");
                after = change.cursor;
                match change.what {
                    What::Entry { entry, .. } => {
                        let entry = Entry::decode(&entry.0).unwrap();
                        seqs.push(entry.seq);
                        if entry.event.kind == EventType::Batch {
                            assert!(roots.insert(entry.event.recordhash), "logged once");
                        }
                    }
                    What::Batch { info } => {
                        assert!(batches.insert(info.batch, info).is_none(), "stored once");
                    }
                    other => panic!("{other:?}"),
                }
            }
        }
        let count = u64::try_from(seqs.len()).unwrap();
        assert_eq!(seqs, (1..=count).collect::<Vec<_>>());
        assert_eq!(batches.len(), roots.len(), "an entry for each batch");
        for (id, (digest, index)) in &self.acknowledged {
            let info = &batches[id];
            assert_eq!((info.digest, info.index), (*digest, *index));
            if fetch {
                let bytes = client.get(&format!("/v1/objects/{id}")).await.body;
                assert_eq!(Hash32(sha256(&[&bytes])), *digest);
            }
        }
    }
}

async fn checkpoint(client: &Client) -> Option<Checkpoint> {
    let answer = client.send("GET", "/v1/log/checkpoint", None, b"").await?;
    let note = SignedNote::parse(std::str::from_utf8(&answer.body).unwrap()).ok()?;
    Some(note.checkpoint)
}

/// The log extends every head it ever showed.
async fn check_log(client: &Client, heads: &BTreeMap<u64, Checkpoint>) {
    let now = checkpoint(client).await.unwrap();
    for (size, head) in heads {
        assert!(*size <= now.size, "the log has {} of {size}", now.size);
        let path = format!("/v1/log/consistency?from={size}&to={}", now.size);
        let proof: Proof = client.get(&path).await.json();
        let nodes: Vec<[u8; 32]> = proof.nodes.iter().map(|node| node.0).collect();
        now.check_extends(head, &nodes).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_kills_lose_no_acknowledged_batch_and_double_none() {
    let folder = tempfile::tempdir().unwrap();
    let mut process = Process::start(folder.path());
    let mut known = Vec::new();
    for name in 0..PATIENTS {
        known.push(Known {
            patient: Patient::new(&process.base, &format!("patient {name}")).await,
            acknowledged: BTreeMap::new(),
            open: None,
        });
    }
    let mut heads: BTreeMap<u64, Checkpoint> = BTreeMap::new();
    let acks = Arc::new(AtomicU64::new(0));
    for kill in 0..KILLS {
        let client = Client::new(process.base.clone());
        // the seed alone decides after how many answers, of which kind, the process dies
        let wanted = acks.load(Ordering::SeqCst) + kill % 5;
        let more_heads = (kill * 2_654_435_761) % 23;
        let (seen, watched) = (Arc::clone(&acks), client.clone());
        let killer = tokio::spawn(async move {
            let mut heads = Vec::new();
            let mut late = 0;
            while seen.load(Ordering::SeqCst) < wanted || late < more_heads {
                heads.extend(checkpoint(&watched).await);
                if seen.load(Ordering::SeqCst) >= wanted {
                    late += 1;
                }
            }
            process.kill();
            heads
        });
        let mut working = Vec::new();
        for mut patient in known {
            let acks = Arc::clone(&acks);
            working.push(tokio::spawn(async move {
                patient.work(&acks, kill).await;
                patient
            }));
        }
        for head in killer.await.unwrap() {
            heads.insert(head.size, head);
        }
        known = Vec::new();
        for work in working {
            known.push(work.await.unwrap());
        }
        process = Process::start(folder.path());
        for patient in &mut known {
            patient.patient.client.base.clone_from(&process.base);
            patient.check(false).await;
        }
        let client = Client::new(process.base.clone());
        check_log(&client, &heads).await;
    }
    for patient in &known {
        patient.check(true).await;
    }
    let total: usize = known.iter().map(|known| known.acknowledged.len()).sum();
    assert!(total > 50, "{total} batches were acknowledged");
    process.kill();
}
