//! A leaked export is traced to the look it comes from.

use crate::cli::run;
use crate::clinic::operator;
use crate::town::{DAY, HEART, NOON, Phone, Town};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use vitalwitness_domain::wire::{EnrolmentCode, NewOrganisation, Role};
use vitalwitness_vault::share::LeaveOut;
use vitalwitness_vault::tracing::{How, Traced};

/// An organisation that works with the real command line.
pub(crate) struct Office {
    name: &'static str,
    pub(crate) home: PathBuf,
}

impl Office {
    async fn enrol(town: &Town, name: &'static str) -> Self {
        Self::enrol_as(town, name, Role::Provider).await
    }

    pub(crate) async fn enrol_as(town: &Town, name: &'static str, role: Role) -> Self {
        let new = NewOrganisation {
            name: name.to_owned(),
            role,
        };
        let code: EnrolmentCode = operator(town, "/v1/operator/organisations", &new).await;
        let home = town.dir.path().join(name);
        let (url, dir) = (town.url(), home.to_str().unwrap().to_owned());
        let person = format!("Dr {name}");
        let args = [
            "enrol", "--home", &dir, "--cloud", &url, "--code", &code.code, "--name",
        ];
        let ran = run(&[args.as_slice(), &[&person]].concat()).await;
        assert_eq!(ran.code, 0, "{ran:?}");
        Self { name, home }
    }

    pub(crate) fn home(&self) -> &str {
        self.home.to_str().unwrap()
    }

    /// Asks for heart rates and gets them.
    async fn granted(&self, phone: &Phone) {
        let code = phone.vault.share_code(1).unwrap().text();
        let args = [
            "request",
            &code,
            "--codes",
            "heart-rate",
            "--from",
            "2025-03",
        ];
        let more = [
            "--to",
            "2025-07",
            "--purpose",
            "a study",
            "--home",
            self.home(),
        ];
        let ran = run(&[args.as_slice(), &more].concat()).await;
        assert_eq!(ran.code, 0, "{ran:?}");
        phone.sync().await;
        let requests = phone.vault.requests().unwrap();
        let asked = requests
            .iter()
            .find(|asked| asked.organisation.name == self.name);
        let id = asked.unwrap().id;
        let end = NOON + 30 * DAY;
        phone.vault.grant(&id, &LeaveOut::default(), end).unwrap();
        phone.sync().await;
    }

    /// Fetches; gives `records.csv` and `records.json`.
    async fn fetch(&self, out: &Path) -> (String, Vec<Value>) {
        let args = ["fetch", "--home", self.home(), "--receipts", "0", "--out"];
        let ran = run(&[args.as_slice(), &[out.to_str().unwrap()]].concat()).await;
        assert_eq!(ran.code, 0, "{ran:?}");
        let read = |name: &str| std::fs::read_to_string(out.join(name)).unwrap();
        let rows = serde_json::from_str(&read("records.json")).unwrap();
        (read("records.csv"), rows)
    }
}

/// Named by ids: who, and how many rows.
fn named(traced: &Traced) -> BTreeMap<(String, u64), usize> {
    assert_eq!(traced.how, How::RowIds, "{traced:?}");
    let each = traced.suspects.iter();
    each.map(|it| ((it.organisation.name.clone(), it.index), it.rows))
        .collect()
}

/// Every second row in another order.
fn half(rows: &[Value]) -> Vec<&Value> {
    let mut kept: Vec<&Value> = rows.iter().step_by(2).collect();
    kept.sort_by_key(|row| row["row"].as_str().unwrap().to_owned());
    kept
}

#[tokio::test(flavor = "multi_thread")]
async fn half_of_a_leaked_export_in_any_order_and_form_names_its_delivery() {
    let town = Town::new().await;
    let phone = town.phone("p").await;
    phone.add(HEART, NOON - 30 * DAY, 40);
    phone.add(HEART, NOON, 40);
    phone.sync().await;
    let (seehof, riverside) = (
        Office::enrol(&town, "Seehof").await,
        Office::enrol(&town, "Riverside").await,
    );
    seehof.granted(&phone).await;
    riverside.granted(&phone).await;
    let dir = |name: &str| town.dir.path().join(name);
    let (csv, first) = seehof.fetch(&dir("first")).await;
    // at the same millisecond it would be the same event, and one look
    town.time.pass(1_000);
    let (_, second) = seehof.fetch(&dir("second")).await;
    let (_, other) = riverside.fetch(&dir("other")).await;
    phone.sync().await;
    assert_eq!((first.len(), second.len(), other.len()), (80, 80, 80));

    // the whole table as it was written
    let whole = phone.vault.trace(csv.as_bytes()).unwrap();
    let (whom, entry) = named(&whole).into_keys().next().unwrap();
    assert_eq!(
        (whom.as_str(), whole.own, whole.suspects.len()),
        ("Seehof", 80, 1)
    );
    assert_eq!(whole.suspects[0].person.name, "Dr Seehof");
    assert!(whole.suspects[0].exact);

    // half the rows, sorted by their ids, in other forms
    let kept = half(&first);
    let id = |row: &Value| row["row"].as_str().unwrap().to_owned();
    let value = |row: &Value| row["parts"][0]["value"].as_str().unwrap().to_owned();
    let table: Vec<String> = kept
        .iter()
        .map(|row| format!("{};{}", value(row), id(row).to_uppercase()))
        .collect();
    let fhir: Vec<Value> = kept
        .iter()
        .map(|row| json!({"resource": {"resourceType": "Observation", "id": id(row)}}))
        .collect();
    let lines: Vec<String> = kept.iter().map(ToString::to_string).collect();
    let forms = [
        format!("pulse;ref\n{}\n", table.join("\n")),
        json!({"resourceType": "Bundle", "entry": fhir}).to_string(),
        lines.join("\n"),
        json!({"rows": kept, "other": [1, 2]}).to_string(),
    ];
    for form in forms {
        let traced = phone.vault.trace(form.as_bytes()).unwrap();
        let expect = BTreeMap::from([(("Seehof".to_owned(), entry), 40)]);
        assert_eq!(named(&traced), expect, "{}", &form[..60]);
    }
    // thirty rows are enough, and so is one
    for count in [30, 1] {
        let few = serde_json::to_string(&kept[..count]).unwrap();
        let traced = phone.vault.trace(few.as_bytes()).unwrap();
        assert_eq!(named(&traced).into_values().collect::<Vec<_>>(), [count]);
    }
    // another look of the same office, and another office with the same rows, are others
    let again = phone
        .vault
        .trace(json!(second).to_string().as_bytes())
        .unwrap();
    assert_ne!(named(&again).into_keys().next().unwrap().1, entry);
    let theirs = phone
        .vault
        .trace(json!(other).to_string().as_bytes())
        .unwrap();
    assert_eq!(named(&theirs).into_keys().next().unwrap().0, "Riverside");
    // one file out of two looks names both, with the share of each
    let mixed = json!([half(&first), half(&other)].concat());
    let traced = phone.vault.trace(mixed.to_string().as_bytes()).unwrap();
    assert_eq!(named(&traced).into_values().collect::<Vec<_>>(), [40, 40]);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_ids_looks_are_ranked_and_it_is_said() {
    let town = Town::new().await;
    let phone = town.phone("p").await;
    phone.add(HEART, NOON - 30 * DAY, 40);
    phone.sync().await;
    let (early, late) = (
        Office::enrol(&town, "Early").await,
        Office::enrol(&town, "Late").await,
    );
    early.granted(&phone).await;
    let (_, rows) = early.fetch(&town.dir.path().join("early")).await;
    phone.add(HEART, NOON, 200);
    phone.sync().await;
    late.granted(&phone).await;
    let (_, all) = late.fetch(&town.dir.path().join("late")).await;
    phone.sync().await;
    assert_eq!((rows.len(), all.len()), (40, 240));
    let bare = |rows: &[&Value]| {
        let line = |row: &&Value| {
            let start = row["start"].as_str().unwrap();
            format!(
                "{},{}",
                &start[..16],
                row["parts"][0]["value"].as_str().unwrap()
            )
        };
        let lines: Vec<String> = rows.iter().map(line).collect();
        format!("when,pulse\n{}\n", lines.join("\n"))
    };
    // what both had: the look that had little else is the likelier one
    let traced = phone.vault.trace(bare(&half(&rows)).as_bytes()).unwrap();
    assert_eq!(traced.how, How::LoggedAccess);
    let order: Vec<&str> = traced
        .suspects
        .iter()
        .map(|it| it.organisation.name.as_str())
        .collect();
    assert_eq!(order, ["Early", "Late"]);
    assert!(
        traced
            .suspects
            .iter()
            .all(|it| it.rows == 20 && !it.tied && it.grant.is_some())
    );
    // what only one had
    let traced = phone.vault.trace(bare(&half(&all)).as_bytes()).unwrap();
    assert_eq!(traced.suspects[0].organisation.name, "Late");
    assert_eq!((traced.own, traced.suspects[0].rows), (120, 120));
    // somebody else's numbers are nobody's leak; ids that are none of ours are said to be there
    let foreign = "when,pulse,row\n2024-01-01 10:00,62,000102030405060708090a0b0c0d0e0f\n";
    let traced = phone.vault.trace(foreign.as_bytes()).unwrap();
    assert_eq!(
        (traced.how, traced.own, traced.foreign_ids),
        (How::Nothing, 0, 1)
    );
}
