//! Daily totals where several devices counted the same steps, and the order they count in.

use crate::home::{Home, is_refused};
use crate::program::put;
use serde_json::Value;

/// Two hours of one walk, seen whole by the phone and in its first half by the watch.
const WALK: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<HealthData locale="en_GB">
 <ExportDate value="2026-05-13 20:00:00 +0000"/>
 <Record type="HKQuantityTypeIdentifierStepCount" sourceName="Phone" unit="count" creationDate="2026-05-13 10:00:00 +0000" startDate="2026-05-13 08:00:00 +0000" endDate="2026-05-13 10:00:00 +0000" value="10000"/>
 <Record type="HKQuantityTypeIdentifierStepCount" sourceName="Watch" unit="count" creationDate="2026-05-13 09:00:00 +0000" startDate="2026-05-13 08:00:00 +0000" endDate="2026-05-13 09:00:00 +0000" value="6000"/>
</HealthData>
"#;

fn walked() -> Home {
    let home = Home::made();
    let file = put(home.0.path(), "export.xml", WALK.as_bytes());
    let ran = home.run(&["import", &file, "--json"]);
    assert_eq!(ran.json()["added"], 2, "{ran:?}");
    home
}

/// The total of the day, and what each source gave to it, by name.
fn total(home: &Home) -> (String, Vec<(String, String)>) {
    let summed = home.run(&["summary", "--code", "steps", "--json"]).json();
    let day = &summed[0]["totals"][0];
    assert_eq!(day["day"], "2026-05-13", "{summed}");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let sources = day["sources"].as_array().unwrap().iter();
    let sources = sources.map(|it| (text(&it["said"]), text(&it["counted"])));
    (text(&day["total"]), sources.collect())
}

fn gave(said: &str, counted: &str) -> (String, String) {
    (said.to_owned(), counted.to_owned())
}

#[test]
fn steps_that_two_devices_saw_count_once_in_the_order_a_person_sets() {
    let home = walked();
    let set = home.run(&["devices", "priority", "steps", "Watch", "Phone", "--json"]);
    assert_eq!(set.json()["order"].as_array().unwrap().len(), 2, "{set:?}");
    // the watch's hour, and the phone's for the other
    let (sum, sources) = total(&home);
    assert_eq!(sum, "11000");
    assert_eq!(sources, [gave("6000", "6000"), gave("10000", "5000")]);
    home.run(&["devices", "priority", "steps", "Phone"]);
    let (sum, sources) = total(&home);
    assert_eq!(sum, "10000");
    assert_eq!(sources, [gave("10000", "10000"), gave("6000", "0")]);
    let shown = home.run(&["summary", "--code", "steps"]).out;
    assert!(shown.contains("2026-05-13  10000\n"), "{shown}");
    assert!(shown.contains("0 of 6000 from source "), "{shown}");
    let listed = home.run(&["list", "--code", "steps", "--json"]).json();
    assert_eq!(listed.as_array().unwrap().len(), 2, "both entries stay");
}

#[test]
fn an_order_is_shown_by_id_and_cleared_and_what_does_not_add_up_has_none() {
    let home = walked();
    home.run(&["add", "steps", "500", "--at", "2026-05-13T18:00:00+00:00"]);
    let priority = |more: &[&str]| home.run(&[&["devices", "priority"], more].concat());
    let shown = priority(&["steps", "--json"]).json();
    assert_eq!(shown["order"], serde_json::json!([]));
    let others = shown["others"].as_array().unwrap();
    assert_eq!(others.len(), 3, "{shown}");
    let id = others[0]["source"].as_str().unwrap();
    let set = priority(&["steps", "typed", &id[..8], "--json"]).json();
    assert_eq!(set["order"][0]["source"], "typed");
    assert_eq!(set["order"][1]["source"], id);
    assert!(priority(&["steps"]).out.contains("1. typed\n"));
    let cleared = priority(&["steps", "--clear", "--json"]).json();
    assert_eq!(cleared["order"], serde_json::json!([]));
    is_refused(&priority(&["heart-rate"]), 2, "no_total");
    is_refused(&priority(&["steps", "Ring"]), 2, "no_such_source");
}
