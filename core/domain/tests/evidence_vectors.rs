//! The vectors of evidence files: what two notes of one log show.
//!
//! `VW_WRITE_VECTORS=1` writes them anew; otherwise they must be as they are.
#![allow(clippy::unwrap_used, reason = "a test that fails should panic")]

mod world;

use serde_json::{Value as Json, json};
use vitalwitness_domain::evidence::{Evidence, Place, Seen, Under};
use vitalwitness_domain::wire::trust::{parse_trust, write_trust};
use vitalwitness_proof::checkpoint::{Checkpoint, SignedNote};
use vitalwitness_proof::entry::{EventType, entry_leaf};
use vitalwitness_proof::merkle::{Hash, consistency_proof};
use vitalwitness_proof::{Rejection, sha256};
use world::{Actor, CHANNEL, ORIGIN, TIME, World, event, keep_vectors};

/// A log of `size` entries that from `fork` on tells another history.
fn history(size: usize, fork: usize) -> World {
    let owner = Actor::named("owner");
    let mut world = World::new();
    while world.entries.len() < size {
        let at = world.entries.len();
        let told = if at < fork { "one" } else { "two" };
        let hash = sha256(&[told.as_bytes(), &at.to_be_bytes()]);
        let event = event(EventType::Batch, owner.id(), hash).encode();
        world.append(CHANNEL, &owner.sign_event(&event));
    }
    world
}

fn note(world: &World) -> String {
    let (size, root) = (world.entries.len() as u64, world.tree().root());
    note_of(world, size, root)
}

fn note_of(world: &World, size: u64, root: Hash) -> String {
    let checkpoint = Checkpoint {
        origin: ORIGIN.into(),
        size,
        root,
    };
    let lines = world.lines(size, root);
    SignedNote { checkpoint, lines }.to_string()
}

fn place(world: &World, under: Under, index: usize) -> Place {
    Place {
        under,
        index: index as u64,
        leaf: entry_leaf(&world.entries[index]),
        path: world.tree().path(index).unwrap().copied().collect(),
    }
}

fn proof(world: &World, old: u64) -> Vec<Hash> {
    let tree = world.tree();
    let node = |level, index| tree.node(level, index).copied().ok_or(());
    let new = world.entries.len() as u64;
    consistency_proof(old, new, node).unwrap()
}

fn evidence(before: &World, after: &World) -> Evidence {
    Evidence {
        origin: ORIGIN.into(),
        before: note(before),
        after: note(after),
        proof: Vec::new(),
        paths: Vec::new(),
        found_ms: TIME,
    }
}

/// What a verifier says of a file, as the vectors write it.
fn verdict(file: &str, trust: &str) -> Json {
    let trust = parse_trust(trust).unwrap();
    let found = Evidence::parse(file)
        .map_err(Into::into)
        .and_then(|evidence| evidence.check(&trust));
    match found {
        Ok(found) => json!({
            "code": found.code.code(),
            "proven": found.proven,
            "before": [found.before.size, hex::encode(found.before.root)],
            "after": [found.after.size, hex::encode(found.after.root)],
            "range": found.range,
        }),
        Err(why) => json!({ "reject": why.code() }),
    }
}

#[test]
fn vectors_are_current() {
    keep_vectors("evidence", NOTE, &cases());
}

#[test]
fn each_verdict_is_the_one_its_case_is_named_for() {
    for case in cases() {
        let id = case["id"].as_str().unwrap();
        let expect = &case["expect"];
        let said = expect["reject"].as_str().or(expect["code"].as_str());
        let said = said.unwrap().to_lowercase().replace('_', "-");
        assert!(id.starts_with(&said), "{id}: {expect}");
        if let Some(proven) = expect["proven"].as_bool() {
            let claim = id.ends_with("-claimed");
            assert_ne!(proven, claim, "{id}: {expect}");
        }
    }
}

#[test]
fn every_code_has_three_cases_at_least() {
    let mut seen = std::collections::BTreeMap::<String, usize>::new();
    for case in cases() {
        let expect = &case["expect"];
        let said = expect["reject"].as_str().or(expect["code"].as_str());
        *seen.entry(said.unwrap().to_owned()).or_default() += 1;
    }
    assert_eq!(seen.len(), 13, "{seen:?}");
    assert!(seen.values().all(|count| *count >= 3), "{seen:?}");
}

#[test]
fn whatever_two_honest_notes_are_no_file_accuses_the_log() {
    let log = history(40, 40);
    let trust = write_trust(&log.trust()).unwrap();
    for (old, new) in [(2, 3), (7, 20), (16, 33), (39, 40), (40, 40)] {
        let (small, large) = (history(old, 40), history(new, 40));
        let mut file = evidence(&small, &large);
        file.proof = proof(&large, old as u64);
        file.paths = vec![
            place(&small, Under::Before, old - 1),
            place(&large, Under::After, new - 1),
        ];
        let said = verdict(&file.to_json(), &trust);
        assert_eq!(said["reject"], "NO_CONTRADICTION", "{old} {new}");
        // without the proof, or turned round, it is a claim and says so
        file.proof.clear();
        let said = verdict(&file.to_json(), &trust);
        assert_ne!(said["proven"], true, "{old} {new}: {said}");
        std::mem::swap(&mut file.before, &mut file.after);
        for place in &mut file.paths {
            place.under = match place.under {
                Under::Before => Under::After,
                Under::After => Under::Before,
            };
        }
        let said = verdict(&file.to_json(), &trust);
        assert_ne!(said["proven"], true, "{old} {new}: {said}");
    }
}

#[test]
fn paths_show_a_fork_between_any_two_sizes_once_they_meet() {
    let trust = history(4, 4).trust();
    let log = &trust.logs[0];
    let mut shown = 0;
    for fork in [2_usize, 5, 8, 13] {
        for (a, b) in [(14_usize, 21_usize), (16, 32), (15, 15), (20, 17)] {
            let (one, two) = (history(a, 99), history(b, fork));
            for (i, j) in [(a - 1, b - 1), (fork, fork), (fork, b - 1), (1, fork)] {
                let seen = |world: &World, index| {
                    Seen::of_receipt(&world.receipt(index, None, &[], None), log).unwrap()
                };
                let found = seen(&one, i).contradicts(&seen(&two, j), TIME);
                if let Some(evidence) = &found {
                    assert!(evidence.check(&trust).unwrap().proven);
                    shown += 1;
                }
                // the same entry's place under both is always enough
                assert!(found.is_some() || (i, j) != (fork, fork), "{fork} {a} {b}");
            }
        }
    }
    assert!(shown > 30, "{shown}");
}

#[test]
fn honest_receipts_never_contradict_each_other() {
    let trust = history(4, 4).trust();
    let log = &trust.logs[0];
    let worlds: Vec<World> = [2, 3, 8, 11, 16, 23].map(|size| history(size, 99)).into();
    let mut seen = Vec::new();
    for world in &worlds {
        for index in 0..world.entries.len() {
            let receipt = world.receipt(index, None, &[], None);
            seen.push(Seen::of_receipt(&receipt, log).unwrap());
        }
    }
    for (one, other) in seen.iter().flat_map(|a| seen.iter().map(move |b| (a, b))) {
        assert_eq!(one.contradicts(other, TIME), None);
    }
}

#[test]
fn a_note_that_the_log_did_not_sign_is_not_seen() {
    let world = history(9, 9);
    let trust = world.trust();
    let receipt = world.receipt(5, None, &[], None);
    let at = receipt.len() - 1;
    let mut seen = 0;
    for bit in 0..64 {
        let mut bad = receipt.clone();
        bad[at / 64 * bit] ^= 1;
        match Seen::of_receipt(&bad, &trust.logs[0]) {
            Ok(found) => {
                // a cosignature or what the note does not cover
                assert_eq!(found.note.checkpoint.root, world.tree().root());
                seen += 1;
            }
            Err(why) => assert!(Rejection::ALL.contains(&why)),
        }
    }
    assert!(seen < 40, "{seen}");
}

const NOTE: &str = "Evidence files (docs/evidence.md): what two notes of one log show to whoever trusts its key. Input: the file's text and the trust bundle's.";

#[allow(clippy::too_many_lines, reason = "a table of cases")]
fn cases() -> Vec<Json> {
    let (one, two) = (history(13, 99), history(13, 7));
    let (small, large) = (history(9, 99), history(13, 7));
    let trust = write_trust(&one.trust()).unwrap();
    let mut cases = Vec::new();
    let mut case = |id: &str, why: &str, file: &str| {
        let expect = verdict(file, &trust);
        let input = json!({ "file": file, "trust": trust });
        cases.push(json!({ "id": id, "why": why, "input": input, "expect": expect }));
    };
    let file = |change: &dyn Fn(&mut Evidence)| {
        let mut file = evidence(&small, &large);
        file.proof = proof(&large, 9);
        file.paths = vec![
            place(&small, Under::Before, 8),
            place(&large, Under::After, 12),
        ];
        change(&mut file);
        file.to_json()
    };
    let fork = evidence(&one, &two);
    case("fork", "one size, two roots", &fork.to_json());
    let turned = evidence(&two, &one);
    case(
        "fork-turned",
        "the order does not matter",
        &turned.to_json(),
    );
    let mut alone = fork.clone();
    let mut note = SignedNote::parse(&alone.before).unwrap();
    note.lines.truncate(1);
    alone.before = note.to_string();
    case(
        "fork-unwitnessed",
        "the log's signature is enough",
        &alone.to_json(),
    );
    case(
        "inconsistent-paths",
        "entries 0..8 have two hashes: one path ends behind them, the other too",
        &file(&|_| {}),
    );
    case(
        "inconsistent-entry",
        "two entries at one index",
        &file(&|file| {
            file.paths = vec![
                place(&small, Under::Before, 7),
                place(&large, Under::After, 7),
            ];
        }),
    );
    case(
        "inconsistent-claimed",
        "the proof does not hold, and no path shows more",
        &file(&|file| file.paths.clear()),
    );
    case(
        "inconsistent-no-proof-claimed",
        "the log gave no proof, says the finder",
        &file(&|file| {
            file.paths.clear();
            file.proof.clear();
        }),
    );
    case(
        "rollback-claimed",
        "the smaller note after the larger one, says the finder",
        &evidence(&one, &small).to_json(),
    );
    case(
        "rollback-by-one-claimed",
        "a list one entry shorter, says the finder",
        &evidence(&one, &history(12, 99)).to_json(),
    );
    case(
        "rollback-to-genesis-claimed",
        "a list that begins anew, says the finder",
        &evidence(&one, &history(1, 99)).to_json(),
    );
    let honest = |change: &dyn Fn(&mut Evidence)| {
        let mut file = evidence(&small, &one);
        file.proof = proof(&one, 9);
        change(&mut file);
        file.to_json()
    };
    case(
        "no-contradiction",
        "the larger note extends the smaller one",
        &honest(&|_| {}),
    );
    case(
        "no-contradiction-same",
        "one note twice",
        &evidence(&one, &one).to_json(),
    );
    case(
        "no-contradiction-paths",
        "paths that agree",
        &honest(&|file| {
            file.paths = vec![
                place(&small, Under::Before, 3),
                place(&one, Under::After, 12),
            ];
        }),
    );
    let line_changed = |text: &str| {
        let mut note = SignedNote::parse(text).unwrap();
        note.lines[0].blob[20] ^= 1;
        note.to_string()
    };
    for (id, which) in [("before", 0), ("after", 1)] {
        let mut bad = fork.clone();
        let note = if which == 0 {
            &mut bad.before
        } else {
            &mut bad.after
        };
        *note = line_changed(note);
        case(
            &format!("checkpoint-signature-{id}"),
            "the log did not sign this note",
            &bad.to_json(),
        );
    }
    let mut resized = fork.clone();
    resized.after = resized.after.replacen("\n13\n", "\n12\n", 1);
    case(
        "checkpoint-signature-size",
        "another size than the signed one",
        &resized.to_json(),
    );
    let mut unsigned = fork.clone();
    unsigned.after = {
        let mut note = SignedNote::parse(&unsigned.after).unwrap();
        note.lines.remove(0);
        note.to_string()
    };
    case(
        "key-unknown",
        "witnesses alone did not speak for the log",
        &unsigned.to_json(),
    );
    let mut unsigned = fork.clone();
    unsigned.before = {
        let mut note = SignedNote::parse(&unsigned.before).unwrap();
        note.lines.remove(0);
        note.to_string()
    };
    case(
        "key-unknown-before",
        "the log signed the second note alone",
        &unsigned.to_json(),
    );
    let mut rekeyed = fork.clone();
    rekeyed.after = {
        let mut note = SignedNote::parse(&rekeyed.after).unwrap();
        note.lines[0].blob[0] ^= 1;
        note.to_string()
    };
    case(
        "key-unknown-id",
        "signed with a key of the log that nobody trusts",
        &rekeyed.to_json(),
    );
    let mut elsewhere = fork.clone();
    elsewhere.before = elsewhere.before.replacen(ORIGIN, "log.example/other", 1);
    case(
        "origin-unknown-note-before",
        "the first note of another log",
        &elsewhere.to_json(),
    );
    case(
        "entry-mismatch-leaf",
        "another entry than the path is of",
        &file(&|file| file.paths[0].leaf[0] ^= 1),
    );
    case(
        "entry-mismatch-index",
        "the place of its neighbour",
        &file(&|file| {
            file.paths[0] = place(&small, Under::Before, 7);
            file.paths[0].index = 6;
        }),
    );
    case(
        "path-length-short",
        "a node too few",
        &file(&|file| {
            file.paths[1].path.pop();
        }),
    );
    case(
        "path-length-none",
        "no path where one is needed",
        &file(&|file| file.paths[0].path.clear()),
    );
    case(
        "index-out-of-range-after",
        "an entry behind the second note",
        &file(&|file| file.paths[1].index = 13),
    );
    case(
        "index-out-of-range-far",
        "an entry far behind the note",
        &file(&|file| file.paths[0].index = 1 << 40),
    );
    let mut other = fork.clone();
    other.origin = "log.example/other".into();
    case("origin-unknown", "a log nobody trusts", &other.to_json());
    let mut elsewhere = fork.clone();
    elsewhere.after = elsewhere.after.replacen(ORIGIN, "log.example/other", 1);
    case(
        "origin-unknown-note",
        "a note of another log",
        &elsewhere.to_json(),
    );
    case(
        "entry-mismatch",
        "a path that does not lead to its note",
        &file(&|file| file.paths[1].path[0][5] ^= 4),
    );
    case(
        "path-length",
        "a node too many",
        &file(&|file| file.paths[0].path.push([0; 32])),
    );
    case(
        "index-out-of-range",
        "an entry behind the note",
        &file(&|file| file.paths[0].index = 9),
    );
    let text = fork.to_json();
    for (id, why, bad) in [
        ("malformed", "no JSON", text.replacen('{', "", 1)),
        (
            "malformed-member",
            "a member nobody knows",
            text.replacen('{', "{\"code\": \"FORK\",", 1),
        ),
        (
            "malformed-twice",
            "a member twice",
            text.replacen("\"proof\"", "\"origin\": \"x\", \"proof\"", 1),
        ),
        ("malformed-array", "an array of files", format!("[{text}]")),
        (
            "malformed-note",
            "a note that is none",
            text.replacen("\\n\\n", "\\n", 1),
        ),
        (
            "unsupported-version",
            "a later form",
            text.replacen("vw-evidence/1", "vw-evidence/2", 1),
        ),
        (
            "unsupported-version-0",
            "an earlier form",
            text.replacen("vw-evidence/1", "vw-evidence/0", 1),
        ),
        (
            "unsupported-version-other",
            "a form of something else",
            text.replacen("vw-evidence/1", "vw-trust/1", 1),
        ),
        (
            "limit-exceeded-path",
            "more than 64 nodes of a path",
            file(&|file| file.paths[0].path = vec![[0; 32]; 65]),
        ),
        (
            "limit-exceeded-paths",
            "more than 16 paths",
            file(&|file| file.paths = vec![place(&small, Under::Before, 8); 17]),
        ),
        (
            "limit-exceeded",
            "more than 64 nodes",
            file(&|file| file.proof = vec![[0; 32]; 65]),
        ),
    ] {
        case(id, why, &bad);
    }
    cases
}
