//! Trust bundles: good ones of several kinds, and texts that are nearly bundles.

use super::dice::Dice;
use super::people::People;
use serde_json::{Value, json};

/// Texts to judge by; the first few are good for most receipts.
pub(super) fn texts(people: &People, dice: &mut Dice) -> Vec<String> {
    let good = good(people);
    let mut texts: Vec<String> = good.iter().map(Value::to_string).collect();
    for _ in 0..MUTANTS {
        // Those with Fabric have most to get wrong.
        let of = if dice.chance(30) { 4..6 } else { 0..GOOD };
        let mut bundle = dice.pick(&good[of]).clone();
        let text = if dice.chance(50) {
            let at = dice.below(nodes(&bundle));
            change(&mut bundle, &mut { at }, dice);
            bundle.to_string()
        } else {
            rewritten(&bundle.to_string(), dice)
        };
        texts.push(text);
    }
    texts
}

/// How many of `texts` are good.
pub(super) const GOOD: usize = 9;

fn good(people: &People) -> [Value; GOOD] {
    let log = people.log.vkey();
    let witnesses: Vec<String> = people
        .witnesses
        .iter()
        .map(super::people::NoteSigner::vkey)
        .collect();
    let all: Vec<String> = people
        .keys
        .iter()
        .map(super::people::Person::base64)
        .collect();
    let bundle = |quorum: usize, keys: &[String]| {
        json!({
            "schema": "vw-trust/1",
            "logs": [{"origin": people.log.name(), "keys": [log], "witnesses": witnesses, "quorum": quorum}],
            "keys": keys,
        })
    };
    let mut fabric = bundle(2, &all);
    fabric["fabric"] = json!([{
        "channel": "ch", "chaincode": "anchor", "msps": [{"id": "OrgMSP", "roots": ["AAEC"], "crls": []}],
        "policy": [[1, ["OrgMSP"]]], "certs": ["AAEC"],
    }]);
    fabric["tsa"] = json!(["AAEC"]);
    let mut two_channels = fabric.clone();
    two_channels["fabric"] = json!([
        fabric["fabric"][0],
        {
            "channel": "other", "chaincode": "anchor",
            "msps": [{"id": "OneMSP", "roots": ["AAEC"], "crls": ["AA=="]}, {"id": "TwoMSP", "roots": [], "crls": []}],
            "policy": [[2, ["OneMSP", "TwoMSP"]], [1, ["TwoMSP"]]],
        },
    ]);
    let mut rotated = bundle(1, &all[..2]);
    rotated["logs"][0]["keys"] = json!([people.other_log_key.vkey(), log]);
    let mut no_keys = bundle(1, &[]);
    if let Some(members) = no_keys.as_object_mut() {
        members.remove("keys");
    }
    let mut other = bundle(1, &all);
    other["logs"][0]["origin"] = json!(people.other_log.name());
    other["logs"][0]["keys"] = json!([people.other_log.vkey()]);
    let mut with_ed25519 = bundle(0, &all);
    with_ed25519["keys"] = json!([all[0], people.log.spki_base64(), all[2]]);
    [
        bundle(2, &all),
        no_keys,
        bundle(0, &all),
        bundle(3, &all[..1]),
        fabric,
        two_channels,
        rotated,
        other,
        with_ed25519,
    ]
}

fn nodes(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(nodes).sum(),
        Value::Object(members) => members.values().map(nodes).sum(),
        _ => 0,
    }
}

fn change(value: &mut Value, at: &mut usize, dice: &mut Dice) -> bool {
    if *at > 0 {
        *at -= 1;
        return match value {
            Value::Array(items) => items.iter_mut().any(|item| change(item, at, dice)),
            Value::Object(members) => members.values_mut().any(|item| change(item, at, dice)),
            _ => false,
        };
    }
    match value {
        Value::String(text) => text_changed(text, dice),
        Value::Array(items) if !items.is_empty() && dice.chance(80) => {
            let at = dice.below(items.len());
            if dice.chance(50) {
                items.remove(at);
            } else {
                items.push(items[at].clone());
            }
        }
        Value::Object(members) if dice.chance(80) => {
            let names: Vec<String> = members.keys().cloned().collect();
            match names.get(dice.below(names.len())) {
                Some(name) if dice.chance(60) => drop(members.remove(name)),
                _ => drop(members.insert("more".into(), json!(1))),
            }
        }
        _ => {
            *value = dice
                .pick(&[
                    json!(null),
                    json!(0),
                    json!(3),
                    json!(2.0),
                    json!(-1),
                    json!("x"),
                    json!([]),
                    json!({}),
                ])
                .clone();
        }
    }
    true
}

fn text_changed(text: &mut String, dice: &mut Dice) {
    match dice.below(7) {
        0 => *text = text.to_uppercase(),
        1 => *text = text.trim_end_matches('=').into(),
        2 => text.push('='),
        3 => text.push(' '),
        4 => text.insert(0, '\n'),
        5 => text.clear(),
        // The last letter of base64: other bits, some of them unused.
        _ => {
            let end = text.trim_end_matches('=').len();
            if end > 0 && text.is_char_boundary(end - 1) {
                text.replace_range(end - 1..end, ["B", "/", "9", "h"][dice.below(4)]);
            }
        }
    }
}

/// The same text with another spelling, which JSON may or may not allow.
fn rewritten(text: &str, dice: &mut Dice) -> String {
    let once = |from: &str, to: &str| text.replacen(from, to, 1);
    match dice.below(14) {
        0 => once(":2", ":2.0"),
        1 => once(":2", ":02"),
        2 => once(":2", ": 2e0"),
        3 => once(":0", ":-0"),
        4 => once(":2", ":18446744073709551616"),
        5 => once("vw-trust/1", "vw\\u002dtrust/1"),
        6 => once("vw-trust/1", "vw-trust/1\\ud800"),
        7 => format!("\u{feff}{text}"),
        8 => format!(" \n\t\r{text}\n"),
        9 => once("{", "{\"schema\":\"vw-trust/1\","),
        10 => once("\"quorum\"", "\"quorum\":1,\"\\u0071uorum\""),
        11 => once(",", ",,"),
        12 => once("]", ",]"),
        _ => {
            let mut bytes = text.as_bytes().to_vec();
            let at = dice.below(bytes.len());
            bytes[at] = *dice.pick(b"\"\\ ,}0/'a");
            String::from_utf8(bytes).unwrap_or_default()
        }
    }
}

const MUTANTS: usize = 400;
