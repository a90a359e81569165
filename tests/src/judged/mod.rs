//! Receipts with their verdicts, for another verifier to judge: the same seed, the same file.
//!
//! One JSON object a line. The first holds the trust bundles as texts, the others a receipt (and a
//! disclosure beside it), a bundle or a completeness proof, which trust bundle to judge it by, and
//! what `vitalwitness_proof` said. Receipts are drawn, all they hold signed as it is, then some are
//! mutated; bundles and completeness proofs are mutations of the vectors'.

mod bundle;
mod dice;
mod draft;
mod people;
mod twist;
mod vectors;

use dice::Dice;
use draft::Made;
use people::People;
use serde_json::json;
use std::io::{self, Write};
use vitalwitness_domain::export::{Source, chainpoint::Chainpoint};
use vitalwitness_domain::wire::facts::{BundleVerdict, CompletenessVerdict, Verdict};
use vitalwitness_domain::wire::trust::parse_trust;
use vitalwitness_proof::bundle::Bundle;
use vitalwitness_proof::completeness::Completeness;
use vitalwitness_proof::trust::Trust;
use vitalwitness_proof::verify;

/// Writes `count` judged receipts, and a tenth as many bundles and completeness proofs.
///
/// # Errors
///
/// Those of `out`, and of the vectors' files.
pub fn write(out: &mut impl Write, count: usize, seed: u64) -> io::Result<()> {
    let mut dice = Dice(seed);
    let people = People::new(&mut dice);
    let bundles = vectors::valid("bundle", "bundle")?;
    let mut proofs = vectors::valid("completeness", "proof")?;
    proofs.extend(vectors::valid("completeness-more", "proof")?);

    let mut texts = bundle::texts(&people, &mut dice);
    let drawn = texts.len();
    texts.extend(
        [&bundles, &proofs]
            .into_iter()
            .flatten()
            .map(|case| case.trust.clone()),
    );
    let trusts: Vec<Option<Trust>> = texts.iter().map(|text| parse_trust(text).ok()).collect();
    writeln!(out, "{}", json!({ "trusts": texts }))?;

    for _ in 0..count {
        let trust = if dice.chance(88) {
            // The first is the common one.
            dice.below(bundle::GOOD).min(dice.below(bundle::GOOD))
        } else {
            dice.below(drawn)
        };
        let mut made = draft::receipt(&people, &mut dice);
        while dice.chance(30) {
            draft::mutate(&mut made, &mut dice);
        }
        let verdict = match &trusts[trust] {
            Some(trust) => judged(&made, trust)?,
            None => BAD_TRUST.into(),
        };
        let beside = made.beside.map(hex::encode);
        let receipt = hex::encode(made.receipt);
        let line =
            json!({"trust": trust, "receipt": receipt, "disclosure": beside, "verdict": verdict});
        writeln!(out, "{line}")?;
    }
    for (at, case) in bundles.iter().enumerate().cycle().take(count / 10) {
        let bundle = mutant(&case.bytes, &mut dice);
        let of = drawn + at;
        let Some(Some(trust)) = trusts.get(of) else {
            continue;
        };
        let verdict =
            serde_json::to_value(BundleVerdict::from(&Bundle::verify(&bundle, trust)))?.to_string();
        writeln!(
            out,
            "{}",
            json!({"trust": of, "bundle": hex::encode(bundle), "verdict": verdict})
        )?;
    }
    for (at, case) in proofs.iter().enumerate().cycle().take(count / 10) {
        let proof = mutant(&case.bytes, &mut dice);
        let of = drawn + bundles.len() + at;
        let Some(Some(trust)) = trusts.get(of) else {
            continue;
        };
        let verdict = CompletenessVerdict::from(&Completeness::verify(&proof, trust));
        let verdict = serde_json::to_value(verdict)?.to_string();
        writeln!(
            out,
            "{}",
            json!({"trust": of, "proof": hex::encode(proof), "verdict": verdict})
        )?;
    }
    Ok(())
}

/// Writes `count` drawn receipts as Chainpoint proofs, with the hash and the root that a parser of
/// such proofs should find: a JSON object a line.
///
/// # Errors
///
/// Those of `out`.
pub fn write_chainpoints(out: &mut impl Write, count: usize, seed: u64) -> io::Result<()> {
    let mut dice = Dice(seed);
    let people = People::new(&mut dice);
    let mut written = 0;
    while written < count {
        let made = draft::receipt(&people, &mut dice);
        // some are drawn to be refused
        let Ok(source) = Source::read(&made.receipt) else {
            continue;
        };
        let Ok(proof) = Chainpoint::of(&source, None) else {
            continue;
        };
        written += 1;
        let line = json!({
            "hash": hex::encode(source.hash()),
            "root": hex::encode(source.root),
            "proof": serde_json::to_value(&proof)?,
        });
        writeln!(out, "{line}")?;
    }
    Ok(())
}

fn mutant(bytes: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let mut again = !dice.chance(10);
    while again {
        twist::file(&mut bytes, dice);
        again = dice.chance(25);
    }
    bytes
}

/// The verdict as JSON with its members in order of their names.
fn judged(made: &Made, trust: &Trust) -> io::Result<String> {
    let result = verify(&made.receipt, made.beside.as_deref(), trust);
    Ok(serde_json::to_value(Verdict::from(&result))?.to_string())
}

const BAD_TRUST: &str = "no trust bundle";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that fails should panic")]

    use super::*;

    #[test]
    fn the_same_seed_judges_the_same_receipts_of_every_kind() {
        let written = || {
            let mut out = Vec::new();
            write(&mut out, 300, 7).unwrap();
            String::from_utf8(out).unwrap()
        };
        let text = written();
        assert_eq!(text, written());
        let codes = [
            "facts",
            "MALFORMED",
            "ENTRY_MISMATCH",
            "RECORD_MISMATCH",
            "CHECKPOINT_SIGNATURE",
            "QUORUM_NOT_MET",
        ];
        for code in codes {
            assert!(text.contains(&format!("\\\"{code}\\\"")), "{code}");
        }
        assert_eq!(text.lines().count(), 1 + 300 + 30 + 30);
    }
}
