//! Receipts of a real log with two witnesses, in every form. `make test-exports` gives the files
//! to the parsers of others; here ct-merkle judges.

use crate::town::{HEART, HOUR, NOON, SLEEP, Town, value};
use ct_merkle::{ConsistencyProof, InclusionProof, RootHash};
use serde_json::{Value, json};
use sha2::Sha256;
use std::path::Path;
use vitalwitness_cloud::witness::{RunningWitness, Witness, WitnessConfig};
use vitalwitness_cloud::{Server, WitnessSettings};
use vitalwitness_domain::export::certificate::{self, Language};
use vitalwitness_domain::export::chainpoint::Chainpoint;
use vitalwitness_domain::export::qr::Symbol;
use vitalwitness_domain::export::{Source, cose, tlog};
use vitalwitness_domain::wire::Proof;
use vitalwitness_domain::wire::trust::parse_trust;
use vitalwitness_proof::Hash;
use vitalwitness_proof::bundle::Bundle;
use vitalwitness_proof::checkpoint::SignedNote;
use vitalwitness_proof::completeness::Completeness;
use vitalwitness_proof::merkle::Frontier;
use vitalwitness_vault::store::BatchState;
use vitalwitness_vault::{Disclosure, Error, Seal};

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_of_a_witnessed_log_leaves_in_every_form() {
    let folder = tempfile::tempdir().unwrap();
    let mut witnesses = Vec::new();
    let town = Town::with(|config| {
        let log = Server::log_vkey(config).unwrap();
        for name in ["one.example/w", "two.example/w"] {
            let data = folder.path().join(name);
            let witness = tokio::task::block_in_place(|| start(name, &data, &log));
            config.witnesses.push(WitnessSettings {
                url: format!("http://{}", witness.addr()),
                vkey: witness.vkey().to_owned(),
            });
            witnesses.push(witness);
        }
        config.quorum = 2;
    })
    .await;
    let phone = town.phone("p").await;
    for round in 0..4 {
        phone.add(HEART, NOON - HOUR * (30 + round), 20);
        phone.sync().await;
    }
    let typed = phone.vault.add(value(HEART, NOON, 72)).unwrap().rc;
    phone.vault.seal(Seal::All).unwrap();
    while crate::town::in_state(&phone.vault, BatchState::Witnessed) < 81 {
        phone.sync().await;
        town.time.pass(1_000);
        tokio::task::yield_now().await;
    }
    let trust_text = phone.vault.cloud().unwrap().unwrap().trust;
    let trust = parse_trust(&trust_text).unwrap();

    let mut expected = serde_json::Map::new();
    let mut written: Vec<(String, Vec<u8>)> = vec![("trust.json".to_owned(), trust_text.into())];
    for (name, disclosure) in [
        ("whole", Disclosure::Whole),
        ("value-and-time", Disclosure::Fields(vec![1, 2, 3, 5])),
        ("nothing", Disclosure::None),
    ] {
        let receipt = phone.vault.receipt(&typed, &disclosure).unwrap();
        let for_cose = phone.vault.receipt_for_cose(&typed, &disclosure).unwrap();
        assert_eq!(
            for_cose.len(),
            receipt.len() + line_length(&receipt),
            "{name}"
        );
        let facts = vitalwitness_proof::verify(&receipt, None, &trust).unwrap();
        assert_eq!(facts.witnessed.names.len(), 2);
        assert_eq!(
            facts,
            vitalwitness_proof::verify(&for_cose, None, &trust).unwrap()
        );
        let source = Source::read(&receipt).unwrap();
        judged_by_ct_merkle(&source);
        let proof = Chainpoint::of(&source, Some(&town.url())).unwrap();
        let symbol = Symbol::of(&receipt).unwrap();
        let of_cose = Source::read(&for_cose).unwrap();
        let log = trust.log(source.receipt.log.origin).unwrap();
        for (end, bytes) in [
            ("chp.json", proof.to_json().unwrap().into_bytes()),
            ("chp", proof.to_binary().unwrap()),
            ("tlog-proof", tlog::write(&source).into_bytes()),
            ("cose", cose::write(&of_cose, log).unwrap()),
            ("png", symbol.to_png(6).unwrap()),
            ("svg", symbol.to_svg().into_bytes()),
            (
                "en.html",
                certificate::page(&facts, &receipt, Language::English).into_bytes(),
            ),
            (
                "de.html",
                certificate::page(&facts, &receipt, Language::German).into_bytes(),
            ),
        ] {
            written.push((format!("{name}.{end}"), bytes));
        }
        expected.insert(
            name.to_owned(),
            json!({
                "hash": hex::encode(source.hash()),
                "root": hex::encode(source.root),
                "entry": hex::encode(source.receipt.entry),
                "qr_version": symbol.version(),
            }),
        );
        written.push((format!("{name}.vwr"), receipt));
    }
    written.push((
        "expected.json".to_owned(),
        Value::from(expected).to_string().into(),
    ));
    let proofs = consistency(&town).await;
    written.push(("consistency.json".to_owned(), proofs.to_string().into()));
    if let Some(out) = std::env::var_os("VW_EXPORTS_OUT") {
        std::fs::create_dir_all(&out).unwrap();
        for (name, bytes) in written {
            std::fs::write(Path::new(&out).join(name), bytes).unwrap();
        }
    }
    for witness in witnesses {
        witness.shutdown().await;
    }
}

/// What the line in COSE form adds: its array and byte string heads, the origin, id, signature.
fn line_length(receipt: &[u8]) -> usize {
    let source = Source::read(receipt).unwrap();
    1 + 1 + source.receipt.log.origin.len() + 2 + 4 + 64
}

fn judged_by_ct_merkle(source: &Source<'_>) {
    let log = &source.receipt.log;
    let root = RootHash::<Sha256>::new(source.root.into(), log.size);
    let check = |entry: &[u8], index: u64, path: &[Hash]| {
        let proof = InclusionProof::<Sha256>::try_from_bytes(path.as_flattened().to_vec());
        proof.is_ok_and(|proof| root.verify_inclusion(&entry, index, &proof).is_ok())
    };
    let entry = source.receipt.entry;
    assert!(check(entry, log.index, log.path));
    assert!(!check(&entry[1..], log.index, log.path));
    assert!(!check(entry, log.index ^ 1, log.path));
    let mut path = log.path.to_vec();
    path[0][0] ^= 1;
    assert!(!check(entry, log.index, &path));
}

/// The log's own consistency proofs from each size to its newest, judged by ct-merkle.
async fn consistency(town: &Town) -> Value {
    let http = reqwest::Client::new();
    let get = |target: String| http.get(format!("{}{target}", town.url())).send();
    let note = get("/v1/log/checkpoint".to_owned()).await.unwrap();
    let new = SignedNote::parse(&note.text().await.unwrap())
        .unwrap()
        .checkpoint;
    let tile = get(format!("/v1/log/tile/0/000.p/{}", new.size))
        .await
        .unwrap();
    let tile = tile.bytes().await.unwrap();
    let (leaves, _) = tile.as_chunks::<32>();
    let mut edge = Frontier::new();
    let mut proofs = Vec::new();
    let newest = RootHash::<Sha256>::new(new.root.into(), new.size);
    for leaf in leaves {
        edge.append(*leaf);
        if edge.size() == new.size {
            break;
        }
        let target = format!("/v1/log/consistency?from={}&to={}", edge.size(), new.size);
        let proof: Proof =
            serde_json::from_slice(&get(target).await.unwrap().bytes().await.unwrap()).unwrap();
        let nodes: Vec<Hash> = proof.nodes.iter().map(|node| node.0).collect();
        let old = RootHash::<Sha256>::new(edge.root().into(), edge.size());
        let theirs = ConsistencyProof::try_from_bytes(nodes.as_flattened().to_vec()).unwrap();
        assert!(
            newest.verify_consistency(&old, &theirs).is_ok(),
            "from {}",
            edge.size()
        );
        let forked = RootHash::<Sha256>::new([7; 32].into(), edge.size());
        assert!(newest.verify_consistency(&forked, &theirs).is_err());
        proofs.push(json!({
            "size": edge.size(),
            "root": hex::encode(edge.root()),
            "nodes": nodes.iter().map(hex::encode).collect::<Vec<_>>(),
        }));
    }
    assert_eq!(edge.root(), new.root);
    json!({"size": new.size, "root": hex::encode(new.root), "proofs": proofs})
}

fn start(name: &str, data: &Path, log: &str) -> RunningWitness {
    let config = WitnessConfig {
        listen: ([127, 0, 0, 1], 0).into(),
        data: data.to_owned(),
        name: name.to_owned(),
        logs: vec![log.to_owned()],
    };
    tokio::runtime::Handle::current()
        .block_on(Witness::start(config))
        .unwrap()
}

#[tokio::test]
async fn records_listed_at_different_times_become_one_bundle() {
    let town = Town::new().await;
    let phone = town.phone("p").await;
    let mut chosen = Vec::new();
    for day in 0..3 {
        phone.add(HEART, NOON - HOUR * (24 * day + 30), 10);
        phone.sync().await;
    }
    for (_, rc) in crate::town::all(&phone.vault) {
        chosen.push((rc, Disclosure::Fields(vec![1, 5])));
    }
    let records: Vec<_> = chosen.iter().map(|(rc, _)| *rc).collect();
    phone
        .vault
        .renew_proofs(&records, &phone.transport)
        .await
        .unwrap();
    let bundle = phone.vault.bundle(&chosen).unwrap();
    let trust = parse_trust(&phone.vault.cloud().unwrap().unwrap().trust).unwrap();
    let facts = Bundle::verify(&bundle, &trust).unwrap();
    let shown: usize = facts.entries.iter().map(|of| of.records.len()).sum();
    assert_eq!(shown, 30);
    let each = chosen
        .iter()
        .map(|(rc, shown)| phone.vault.receipt(rc, shown).unwrap().len());
    let separate: usize = each.sum();
    assert!(
        bundle.len() * 2 < separate,
        "{} of {separate}",
        bundle.len()
    );
}

#[tokio::test]
async fn a_period_is_proven_whole_or_what_is_missing_is_counted() {
    let town = Town::new().await;
    let phone = town.phone("p").await;
    for day in 0..3 {
        phone.add(HEART, NOON - HOUR * (24 * day + 30), 10);
        phone.add(SLEEP, NOON - HOUR * (24 * day + 30), 4);
        phone.sync().await;
    }
    let trust = parse_trust(&phone.vault.cloud().unwrap().unwrap().trust).unwrap();
    let period = (NOON - HOUR * 60, NOON - HOUR * 50);
    for (codes, shown) in [(vec![], 14), (vec![HEART.to_owned()], 10)] {
        let proof = phone.vault.completeness(1, period, &codes).unwrap();
        let facts = Completeness::verify(&proof.bytes, &trust).unwrap();
        assert_eq!((facts.shown, facts.of, facts.unopened), (shown, 14, 0));
        assert_eq!(facts, proof.facts);
        let withheld = SLEEP.as_bytes();
        let told = proof
            .bytes
            .windows(withheld.len())
            .any(|part| part == withheld);
        assert_eq!(told, codes.is_empty(), "a code of what is withheld");
    }
    let empty = phone.vault.completeness(1, (5, 5), &[]);
    assert!(matches!(empty, Err(Error::NotFound)));
}

#[tokio::test]
async fn a_completeness_proof_opens_no_more_edges_than_its_count_needs() {
    let town = Town::new().await;
    let phone = town.phone("p").await;
    // ten entries, one a minute
    phone.add(HEART, NOON, 10);
    phone.sync().await;
    let trust = parse_trust(&phone.vault.cloud().unwrap().unwrap().trust).unwrap();
    let minute = |number: i64| NOON + number * 60_000;
    // the period in minutes, how many it has, and how many beside it are opened
    for (from, to, of, edges) in [
        (0, 10, 10, 0),
        (-5, 20, 10, 0),
        (-9, -1, 0, 0),
        (10, 20, 0, 0),
        (1, 10, 9, 0),
        (0, 9, 9, 0),
        (1, 9, 8, 0),
        (2, 10, 8, 1),
        (0, 8, 8, 1),
        (2, 8, 6, 2),
        (1, 8, 7, 1),
    ] {
        let case = format!("{from} to {to}");
        let period = (minute(from), minute(to));
        let proof = phone.vault.completeness(1, period, &[]).unwrap();
        let facts = Completeness::verify(&proof.bytes, &trust).unwrap();
        assert_eq!((facts.shown, facts.of), (of, of), "{case}");
        let records = facts.batches.iter().flat_map(|batch| &batch.records);
        let beside = records.filter(|record| !record.shown).count();
        assert_eq!(beside, edges, "{case}");
    }
}
