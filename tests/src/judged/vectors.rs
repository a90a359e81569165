//! The files that the shared vectors say hold.

use serde_json::Value;
use std::{fs, io};

pub(super) struct Case {
    pub(super) bytes: Vec<u8>,
    pub(super) trust: String,
}

/// Of `tests/vectors/NAME.json` the cases with facts; `member` holds their bytes.
pub(super) fn valid(name: &str, member: &str) -> io::Result<Vec<Case>> {
    let path = format!("{}/vectors/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let file: Value = serde_json::from_str(&fs::read_to_string(path)?)?;
    let cases: Vec<&Value> = file["cases"].as_array().into_iter().flatten().collect();
    Ok(cases
        .iter()
        .filter(|case| !case["expect"]["facts"].is_null())
        .filter_map(|case| {
            Some(Case {
                bytes: joined(&cases, member, &case["input"][member])?,
                trust: resolved(&cases, &case["input"]["trust"])?.to_string(),
            })
        })
        .collect())
}

/// Hex, or parts in order: hex, `[hex, count]`, or `[id, from, to]` of another case.
fn joined(cases: &[&Value], member: &str, parts: &Value) -> Option<Vec<u8>> {
    if let Some(text) = parts.as_str() {
        return hex::decode(text).ok();
    }
    let mut bytes = Vec::new();
    for part in parts.as_array()? {
        let number = |at: usize| usize::try_from(part[at].as_u64()?).ok();
        match part.as_array().map(Vec::as_slice) {
            Some([text, _]) => bytes.extend(hex::decode(text.as_str()?.repeat(number(1)?)).ok()?),
            Some([id, ..]) => {
                let other = joined(cases, member, &find(cases, id.as_str()?)?["input"][member])?;
                bytes.extend(other.get(number(1)?..number(2)?)?);
            }
            _ => bytes.extend(hex::decode(part.as_str()?).ok()?),
        }
    }
    Some(bytes)
}

fn resolved<'a>(cases: &[&'a Value], trust: &'a Value) -> Option<&'a Value> {
    match trust.as_str() {
        Some(id) => resolved(cases, &find(cases, id)?["input"]["trust"]),
        None => Some(trust),
    }
}

fn find<'a>(cases: &[&'a Value], id: &str) -> Option<&'a Value> {
    cases.iter().copied().find(|case| case["id"] == id)
}
