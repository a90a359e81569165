//! Vectors in the making: files that hold, and files refused after one change.

use super::mutate::parts;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use vitalwitness_domain::wire::trust::{parse_trust, write_trust};
use vitalwitness_proof::trust::Trust;

/// Cases of one kind of file.
pub struct Cases {
    /// The member of `input` that holds the file.
    member: &'static str,
    judge: fn(&[u8], &Trust) -> Json,
    trust: Json,
    pub bases: BTreeMap<&'static str, Vec<u8>>,
    pub made: Vec<Json>,
}

impl Cases {
    pub fn new(member: &'static str, judge: fn(&[u8], &Trust) -> Json, trust: &Trust) -> Self {
        Self {
            member,
            judge,
            trust: json_of(trust),
            bases: BTreeMap::new(),
            made: Vec::new(),
        }
    }

    /// A file that holds, and may be changed later.
    pub fn holds(&mut self, id: &'static str, why: &str, file: Vec<u8>) {
        self.add(id, why, ("", &file), "FACTS", &Json::Null, None);
        self.bases.insert(id, file);
    }

    /// One change of base `base`, refused with `code` and nothing named.
    pub fn refuse(&mut self, code: &str, base: &str, what: &str, why: &str, file: &[u8]) {
        self.refuse_at(code, &Json::Null, base, what, why, file);
    }

    pub fn refuse_at(
        &mut self,
        code: &str,
        at: &Json,
        base: &str,
        what: &str,
        why: &str,
        file: &[u8],
    ) {
        let id = format!("{base}-{what}");
        assert_ne!(file, self.bases[base], "{id} changes nothing");
        self.add(&id, why, (base, file), code, at, None);
    }

    /// The base itself, refused by who trusts otherwise.
    pub fn distrust(&mut self, code: &str, base: &str, what: &str, why: &str, trust: &Trust) {
        let file = self.bases[base].clone();
        let id = format!("{base}-{what}");
        self.add(
            &id,
            why,
            (base, &file),
            code,
            &Json::Null,
            Some(json_of(trust)),
        );
    }

    fn add(
        &mut self,
        id: &str,
        why: &str,
        (base, file): (&str, &[u8]),
        code: &str,
        at: &Json,
        trust: Option<Json>,
    ) {
        let first = self.made.first().map(|case| case["id"].clone());
        let known = trust.clone().unwrap_or_else(|| self.trust.clone());
        let expect = (self.judge)(file, &parse_trust(&known.to_string()).unwrap());
        let got = expect["reject"].as_str().unwrap_or("FACTS");
        assert_eq!(got, code, "{id}");
        assert_eq!(expect["at"], *at, "{id}");
        let stored = match self.bases.get(base) {
            Some(of) => parts(base, of, file),
            None => json!(hex::encode(file)),
        };
        let trust = trust.or(first).unwrap_or(known);
        assert!(self.made.iter().all(|case| case["id"] != id), "{id} twice");
        self.made.push(json!({ "id": id, "why": why,
            "input": { self.member: stored, "trust": trust }, "expect": expect }));
    }

    /// Each of `codes` is there three times, no other, and of refusals fifteen times the files that hold.
    pub fn check_codes(&self, codes: &[&str]) {
        let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
        for case in &self.made {
            let code = case["expect"]["reject"].as_str().unwrap_or("FACTS");
            *seen.entry(code).or_default() += 1;
        }
        let held = seen.remove("FACTS").unwrap_or_default();
        assert!(self.made.len() - held >= 15 * held, "{held} hold: {seen:?}");
        assert!(seen.values().all(|count| *count >= 3), "{seen:?}");
        let mut codes = codes.to_vec();
        codes.sort_unstable();
        assert_eq!(seen.into_keys().collect::<Vec<_>>(), codes);
    }
}

fn json_of(trust: &Trust) -> Json {
    serde_json::from_str(&write_trust(trust).unwrap()).unwrap()
}
