//! Witnesses cosign what extends what they saw, and nothing else.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails should panic"
)]

mod support;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use std::path::Path;
use support::{Answer, Batch, Client, Patient, base, fresh};
use vitalwitness_cloud::witness::{RunningWitness, Witness, WitnessConfig};
use vitalwitness_cloud::{Config, Server, WitnessSettings};
use vitalwitness_domain::wire::Id16;
use vitalwitness_domain::wire::trust::parse_trust;
use vitalwitness_proof::Hash;
use vitalwitness_proof::checkpoint::{Checkpoint, KeyKind, NoteKey, SignedNote};
use vitalwitness_proof::merkle::{Frontier, consistency_proof, leaf_hash};

async fn witness(folder: &Path, name: &str, logs: &[String]) -> RunningWitness {
    Witness::start(WitnessConfig {
        listen: ([127, 0, 0, 1], 0).into(),
        data: folder.join(name),
        name: name.to_owned(),
        logs: logs.to_vec(),
    })
    .await
    .unwrap()
}

/// Asks for the checkpoint until it satisfies `is_right`; the server's timeout ends it.
async fn checkpoint_when(client: &Client, is_right: impl Fn(&SignedNote) -> bool) -> SignedNote {
    loop {
        let answer = client.get("/v1/log/checkpoint").await;
        let note = SignedNote::parse(std::str::from_utf8(&answer.body).unwrap()).unwrap();
        if is_right(&note) {
            return note;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_witnesses_cosign_and_a_dead_one_blocks_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::new(folder.path().join("cloud"));
    let log = vec![Server::log_vkey(&config).unwrap()];
    let one = witness(folder.path(), "one.example", &log).await;
    let two = witness(folder.path(), "two.example", &log).await;
    config.witnesses = [&one, &two]
        .map(|witness| WitnessSettings {
            url: format!("http://{}", witness.addr()),
            vkey: witness.vkey().to_owned(),
        })
        .to_vec();
    config.quorum = 2;
    let server = Server::start(config.clone()).await.unwrap();
    let patient = Patient::new(&base(&server), "ada").await;
    let trust = parse_trust(&server.trust_bundle()).unwrap();
    let log = trust.log("vitalwitness.local/log").unwrap();
    let note = checkpoint_when(&patient.client, |note| {
        note.checkpoint.size == 4 && note.lines.len() == 4
    })
    .await;
    let witnessed = note.verify(log).unwrap();
    assert_eq!((witnessed.names.len(), witnessed.quorum), (2, 2));

    // one dies: batches are stored and logged all the same
    let (addr, data) = (two.addr(), folder.path().join("two.example"));
    two.shutdown().await;
    for round in 0..3 {
        let batch = Batch::new(Id16(fresh()), vec![round; 50]);
        patient.upload(&batch).await.ok();
    }
    // it comes back at its old place and catches up in one step
    let two = Witness::start(WitnessConfig {
        listen: addr,
        data,
        name: "two.example".to_owned(),
        logs: vec![Server::log_vkey(&config).unwrap()],
    })
    .await
    .unwrap();
    let note = checkpoint_when(&patient.client, |note| {
        note.checkpoint.size == 7 && note.lines.len() == 4
    })
    .await;
    note.verify(log).unwrap();
    server.shutdown().await;
    one.shutdown().await;
    two.shutdown().await;
}

/// A log with a key of its own that says what a test wants.
struct Liar {
    pair: Ed25519KeyPair,
    key: NoteKey,
}

impl Liar {
    fn new(seed: u8) -> Self {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap();
        let public = pair.public_key().as_ref().try_into().unwrap();
        let key = NoteKey::new("liar.example/log", KeyKind::Log, public).unwrap();
        Self { pair, key }
    }

    fn note(&self, size: u64, root: Hash) -> String {
        let checkpoint = Checkpoint {
            origin: "liar.example/log".to_owned(),
            size,
            root,
        };
        let line = self.key.sign(&checkpoint.body(), |body| {
            self.pair.sign(body).as_ref().try_into().unwrap()
        });
        let lines = vec![line];
        SignedNote { checkpoint, lines }.to_string()
    }
}

/// The log whose leaves are `salt` and the index.
struct History(u8);

impl History {
    fn root(&self, size: u64) -> Hash {
        let mut tree = Frontier::new();
        for index in 0..size {
            tree.append(self.leaf(index));
        }
        tree.root()
    }

    fn proof(&self, from: u64, to: u64) -> Vec<Hash> {
        consistency_proof(from, to, |level, index| {
            let mut tree = Frontier::new();
            for leaf in (index << level)..((index + 1) << level) {
                tree.append(self.leaf(leaf));
            }
            Ok::<_, ()>(tree.root())
        })
        .unwrap()
    }

    fn leaf(&self, index: u64) -> Hash {
        // all histories share their first three entries
        let salt = if index < 3 { 0 } else { self.0 };
        leaf_hash(&[&[salt], index.to_be_bytes().as_slice()].concat())
    }
}

async fn ask(client: &Client, old: u64, proof: &[Hash], note: &str) -> Answer {
    let mut body = format!("old {old}\n");
    for node in proof {
        body.push_str(&STANDARD.encode(node));
        body.push('\n');
    }
    body.push('\n');
    body.push_str(note);
    client
        .send("POST", "/add-checkpoint", None, body.as_bytes())
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_witness_refuses_rollbacks_forks_and_what_is_not_signed() {
    let folder = tempfile::tempdir().unwrap();
    let liar = Liar::new(1);
    let logs = [liar.key.vkey()];
    let first = witness(folder.path(), "w.example", &logs).await;
    let client = Client::new(format!("http://{}", first.addr()));
    let (honest, forked) = (History(1), History(2));

    let five = liar.note(5, honest.root(5));
    assert_eq!(ask(&client, 0, &[], &five).await.status, 200);
    let again = ask(&client, 5, &[], &five).await;
    assert_eq!(again.status, 200, "the same head may be cosigned again");
    let nine = liar.note(9, honest.root(9));
    let answer = ask(&client, 5, &honest.proof(5, 9), &nine).await;
    let text = String::from_utf8(answer.body).unwrap();
    let key = NoteKey::parse_vkey(first.vkey()).unwrap();
    assert!(text.starts_with("— w.example "), "{text}");
    let cosigned = SignedNote::parse(&format!("{nine}{text}")).unwrap();
    let trusted = vitalwitness_proof::trust::TrustedLog {
        origin: "liar.example/log".to_owned(),
        keys: vec![liar.key.clone()],
        witnesses: vec![key],
        quorum: 1,
    };
    assert!(cosigned.verify(&trusted).is_ok());

    // what it saw outlives the process
    first.shutdown().await;
    let second = witness(folder.path(), "w.example", &logs).await;
    let client = Client::new(format!("http://{}", second.addr()));
    let cases = [
        ("rollback", 0, vec![], five.clone(), 409),
        ("rollback, old size told", 9, vec![], five.clone(), 400),
        (
            "fork of one size",
            9,
            vec![],
            liar.note(9, forked.root(9)),
            409,
        ),
        (
            "fork that grows",
            9,
            forked.proof(9, 12),
            liar.note(12, forked.root(12)),
            422,
        ),
        ("no proof", 9, vec![], liar.note(12, honest.root(12)), 422),
        (
            "another key",
            9,
            honest.proof(9, 12),
            Liar::new(2).note(12, honest.root(12)),
            403,
        ),
        (
            "another log",
            9,
            honest.proof(9, 12),
            liar.note(12, honest.root(12)).replace("liar", "lier"),
            404,
        ),
        ("no note", 9, vec![], "hello".to_owned(), 400),
    ];
    for (why, old, proof, note, status) in cases {
        let answer = ask(&client, old, &proof, &note).await;
        assert_eq!(answer.status, status, "{why}");
        if status == 409 {
            assert_eq!(answer.body, b"9\n", "{why}");
            assert_eq!(answer.content_type, "text/x.tlog.size");
        }
    }
    let twelve = liar.note(12, honest.root(12));
    let answer = ask(&client, 9, &honest.proof(9, 12), &twelve).await;
    assert_eq!(answer.status, 200, "an honest log goes on");
    assert_eq!(client.get("/healthz").await.status, 200);
    second.shutdown().await;
}
