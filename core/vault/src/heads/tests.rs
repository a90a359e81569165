#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails should panic"
)]
use super::*;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use std::convert::Infallible;
use vitalwitness_proof::checkpoint::{KeyKind, NoteKey};
use vitalwitness_proof::merkle::{Frontier, consistency_proof, leaf_hash};

const ORIGIN: &str = "vw.test/log";
const NOW: i64 = 1_700_000_000_000;
const NOW_S: u64 = 1_700_000_000;
const DAY_S: u64 = 86_400;

/// A log that signs what it is told, and one witness that does.
struct Log {
    key: Ed25519KeyPair,
    witness: Ed25519KeyPair,
    leaves: Vec<Hash>,
}

impl Log {
    fn new(entries: &[&str]) -> Self {
        let key = |seed: u8| Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap();
        Self {
            key: key(1),
            witness: key(2),
            leaves: entries
                .iter()
                .map(|entry| leaf_hash(entry.as_bytes()))
                .collect(),
        }
    }

    fn names(&self) -> (NoteKey, NoteKey) {
        let public = |key: &Ed25519KeyPair| key.public_key().as_ref().try_into().unwrap();
        (
            NoteKey::new(ORIGIN, KeyKind::Log, public(&self.key)).unwrap(),
            NoteKey::new("vw.test/w", KeyKind::Witness, public(&self.witness)).unwrap(),
        )
    }

    fn trusted(&self) -> TrustedLog {
        let (log, witness) = self.names();
        TrustedLog {
            origin: ORIGIN.to_owned(),
            keys: vec![log],
            witnesses: vec![witness],
            quorum: 1,
        }
    }

    fn note(&self, size: usize, cosigned_s: Option<u64>) -> String {
        let mut tree = Frontier::new();
        self.leaves[..size]
            .iter()
            .for_each(|leaf| tree.append(*leaf));
        let checkpoint = Checkpoint {
            origin: ORIGIN.to_owned(),
            size: size as u64,
            root: tree.root(),
        };
        let body = checkpoint.body();
        let (log, witness) = self.names();
        let sign = |key: &Ed25519KeyPair, m: &[u8]| key.sign(m).as_ref().try_into().unwrap();
        let mut lines = vec![log.sign(&body, |m| sign(&self.key, m))];
        if let Some(time) = cosigned_s {
            lines.push(witness.cosign(&body, time, |m| sign(&self.witness, m)));
        }
        SignedNote { checkpoint, lines }.to_string()
    }

    fn proof(&self, from: u64, to: u64) -> Vec<Hash> {
        let node = |level: u32, index: u64| {
            let first = usize::try_from(index << level).unwrap();
            let mut tree = Frontier::new();
            self.leaves[first..first + (1 << level)]
                .iter()
                .for_each(|leaf| tree.append(*leaf));
            Ok::<_, Infallible>(tree.root())
        };
        consistency_proof(from, to, node).unwrap()
    }
}

fn head(note: String) -> Head {
    Head {
        note,
        witnessed_s: Some(NOW_S),
        stale: false,
    }
}

#[test]
fn a_note_is_accepted_only_if_it_extends_the_accepted_one() {
    let honest = Log::new(&["a", "b", "c", "d", "e"]);
    let forked = Log::new(&["a", "b", "X", "d", "e"]);
    let at = Some(NOW_S);
    let accepted = head(honest.note(3, at));
    let cases = [
        ("the first note", None, honest.note(3, at), vec![], Ok(3)),
        (
            "the same again",
            Some(&accepted),
            honest.note(3, at),
            vec![],
            Ok(3),
        ),
        (
            "a longer one with its proof",
            Some(&accepted),
            honest.note(5, at),
            honest.proof(3, 5),
            Ok(5),
        ),
        (
            "a longer one without proof",
            Some(&accepted),
            honest.note(5, at),
            vec![],
            Err(Rejection::Inconsistent),
        ),
        (
            "a longer one of another history",
            Some(&accepted),
            forked.note(5, at),
            forked.proof(3, 5),
            Err(Rejection::Inconsistent),
        ),
        (
            "a shorter one",
            Some(&accepted),
            honest.note(2, at),
            vec![],
            Err(Rejection::Rollback),
        ),
        (
            "another one of the same size",
            Some(&accepted),
            forked.note(3, at),
            vec![],
            Err(Rejection::Fork),
        ),
    ];
    for (why, before, note, proof, expect) in cases {
        let verdict = judge(before, &note, &proof, &honest.trusted(), NOW);
        let got = match verdict {
            Verdict::Accept(head) => Ok(head.read().unwrap().checkpoint.size),
            Verdict::Caught(rejection) => Err(rejection),
            Verdict::Refuse(rejection) => panic!("{why}: {rejection}"),
        };
        assert_eq!(got, expect, "{why}");
    }
}

#[test]
fn what_the_log_did_not_sign_is_refused_and_is_no_evidence() {
    let honest = Log::new(&["a", "b", "c"]);
    let mut stranger = Log::new(&["a", "b"]);
    stranger.key = Ed25519KeyPair::from_seed_unchecked(&[9; 32]).unwrap();
    let accepted = head(honest.note(3, Some(NOW_S)));
    let bent = honest.note(2, Some(NOW_S)).replacen("\n2\n", "\n1\n", 1);
    for (note, expect) in [
        (stranger.note(2, None), Rejection::KeyUnknown),
        (bent, Rejection::CheckpointSignature),
        ("nonsense".to_owned(), Rejection::Malformed),
    ] {
        let verdict = judge(Some(&accepted), &note, &[], &honest.trusted(), NOW);
        assert_eq!(verdict, Verdict::Refuse(expect));
    }
}

#[test]
fn a_note_without_its_quorum_is_logged_and_not_witnessed() {
    let log = Log::new(&["a", "b"]);
    let Verdict::Accept(alone) = judge(None, &log.note(2, None), &[], &log.trusted(), NOW) else {
        panic!("refused");
    };
    assert_eq!(alone.witnessed_s, None);
    let seen = log.note(2, Some(NOW_S));
    let Verdict::Accept(seen) = judge(Some(&alone), &seen, &[], &log.trusted(), NOW) else {
        panic!("refused");
    };
    assert_eq!(seen.witnessed_s, Some(NOW_S));
    let again = judge(Some(&seen), &alone.note, &[], &log.trusted(), NOW);
    assert_eq!(
        again,
        Verdict::Accept(seen),
        "what witnesses said stays said"
    );
}

#[test]
fn a_head_that_no_witness_saw_for_a_day_is_stale_and_still_accepted() {
    let log = Log::new(&["a"]);
    for (age_s, stale) in [(0, false), (DAY_S, false), (DAY_S + 1, true)] {
        let note = log.note(1, Some(NOW_S - age_s));
        let Verdict::Accept(head) = judge(None, &note, &[], &log.trusted(), NOW) else {
            panic!("refused");
        };
        assert_eq!(head.stale, stale, "{age_s} s");
    }
}
