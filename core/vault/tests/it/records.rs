//! Records in and out of a vault.
use crate::support::{self, HEART_RATE, Home, MARCH, heart_rate, seconds};
use std::collections::BTreeMap;
use std::sync::Arc;
use vitalwitness_domain::decimal::Decimal;
use vitalwitness_domain::record::{
    Body, Context, Dose, MedStatus, Money, NoteBody, Record, RecordError, Value,
};
use vitalwitness_vault::{Error, Query, Seal, Vault};

fn all(vault: &Vault) -> Vec<vitalwitness_vault::Found> {
    let query = Query {
        limit: usize::MAX,
        voids: true,
        ..Query::default()
    };
    vault.records(&query).unwrap().records
}

/// One of every type a person can enter.
fn entries() -> Vec<Record> {
    let text = |words: &str| Value::Text(words.into());
    let observe = |code: &str, value| Body::Observation {
        code: code.into(),
        value,
    };
    let mut training = Record::typed(
        MARCH,
        60,
        observe(
            "loinc|55411-3",
            Value::Quantity(Decimal::whole(42), "min".into()),
        ),
    );
    training.context = Some(Context {
        notes: BTreeMap::from([("type".to_owned(), "running".to_owned())]),
        ..Context::default()
    });
    let pressure = Value::Components(vec![
        ("loinc|8480-6".into(), Decimal::whole(121), "mm[Hg]".into()),
        ("loinc|8462-4".into(), Decimal::whole(79), "mm[Hg]".into()),
    ]);
    let typed = |body| Record::typed(MARCH, 60, body);
    vec![
        training,
        typed(observe("loinc|85354-9", pressure)),
        typed(observe("loinc|75325-1", text("headache"))),
        typed(observe("vw|mood", text("calm"))),
        typed(Body::Medicine {
            name: "ibuprofen".into(),
            dose: Dose::Quantity(Decimal::whole(400), "mg".into()),
            status: MedStatus::Taken,
        }),
        typed(Body::Note {
            kind: "dentistry".into(),
            text: NoteBody::Text("no caries".into()),
        }),
        typed(Body::Episode {
            kind: "orthopaedics".into(),
            title: "left knee".into(),
        }),
        typed(Body::Claim {
            kind: "dentistry".into(),
            cover: [3; 32],
            amount: Money {
                amount: "120.50".parse().unwrap(),
                currency: "EUR".into(),
            },
        }),
    ]
}

#[test]
fn every_type_reads_back_as_it_was_entered_before_and_after_sealing_and_opening() {
    let home = Home::new(1);
    let vault = home.create();
    let entries = entries();
    for entry in &entries {
        vault.add(entry.clone()).unwrap();
    }
    let check = |vault: &Vault| {
        let found = all(vault);
        assert_eq!(found.len(), entries.len());
        for entry in &entries {
            let same = found.iter().find(|found| {
                found.record.body == entry.body && found.record.context == entry.context
            });
            assert!(same.is_some(), "{entry:?}");
        }
    };
    check(&vault);
    let hashes: Vec<_> = all(&vault).iter().map(|found| found.rc).collect();
    drop(vault);
    let vault = home.open();
    check(&vault);
    assert_eq!(vault.seal(Seal::All).unwrap(), entries.len());
    check(&vault);
    drop(vault);
    let vault = home.open();
    check(&vault);
    let again: Vec<_> = all(&vault).iter().map(|found| found.rc).collect();
    assert_eq!(hashes, again, "a record hash never changes");
    for rc in &hashes {
        assert_eq!(vault.record(rc).unwrap().rc, *rc);
    }
    assert!(matches!(vault.record(&[0; 32]), Err(Error::NotFound)));
}

#[test]
fn a_record_that_cannot_be_is_refused_and_an_implausible_one_is_kept() {
    let vault = Home::new(2).create();
    let mut ends_early = heart_rate(MARCH, 60);
    ends_early.end_ms = Some(MARCH - 1);
    let error = vault.add(ends_early).unwrap_err();
    assert!(
        matches!(error, Error::Record(RecordError::EndBeforeStart)),
        "{error:?}"
    );
    let error = vault.add(heart_rate(-1, 60)).unwrap_err();
    assert!(
        matches!(error, Error::Record(RecordError::Time)),
        "{error:?}"
    );
    let added = vault.add(heart_rate(MARCH, 900)).unwrap();
    assert!(!added.warnings.is_empty());
    assert_eq!(all(&vault).len(), 1);
}

#[test]
fn pages_follow_each_other_without_gap_or_repeat_across_batches() {
    let home = Home::new(3);
    let vault = home.create();
    vault.set_batch_limit(100).unwrap();
    // late records overlap what is sealed already
    for block in [0, 200, 100, 400, 300] {
        vault.add_many(seconds(block, 130)).unwrap();
    }
    let mut query = Query {
        limit: 37,
        code: Some(HEART_RATE.into()),
        from_ms: MARCH + 50_000,
        ..Query::default()
    };
    let mut starts = Vec::new();
    let mut hashes = std::collections::HashSet::new();
    loop {
        let page = vault.records(&query).unwrap();
        for found in &page.records {
            starts.push(found.record.start_ms);
            assert!(hashes.insert(found.rc), "a record came twice");
        }
        let Some(next) = page.next else { break };
        assert_eq!(page.records.len(), 37);
        query.after = Some(next);
    }
    assert_eq!(starts.len(), 650 - 50);
    assert!(starts.is_sorted_by(|a, b| a >= b));
}

#[test]
fn a_batch_is_sealed_when_it_is_full_or_an_hour_old() {
    let home = Home::new(4);
    let vault = home.create();
    vault.add_many(seconds(0, 4_095 + 5)).unwrap();
    let status = vault.status().unwrap();
    assert_eq!((status.queued, status.open), (4_095, 5));
    assert_eq!(vault.seal(Seal::Due).unwrap(), 0);
    home.clock.pass(3_600_000);
    assert_eq!(vault.seal(Seal::Due).unwrap(), 1);
    let status = vault.status().unwrap();
    assert_eq!((status.queued, status.open), (4_100, 0));
}

#[test]
fn what_is_replaced_or_taken_back_is_marked_and_leaves_the_days() {
    let vault = Home::new(5).create();
    let first = vault.add(heart_rate(MARCH, 60)).unwrap().rc;
    let second = vault.add(heart_rate(MARCH + 1000, 70)).unwrap().rc;
    vault.seal(Seal::All).unwrap();
    let better = vault.supersede(&first, heart_rate(MARCH, 62)).unwrap().rc;
    let void = vault.void(&second, Some("not worn".into())).unwrap().rc;

    let old = vault.record(&first).unwrap();
    assert_eq!((old.corrected_by, old.voided), (Some(better), false));
    let taken_back = vault.record(&second).unwrap();
    assert_eq!(
        (taken_back.corrected_by, taken_back.voided),
        (Some(void), true)
    );
    let days = vault.day_summary(HEART_RATE, 0, i32::MAX).unwrap();
    let shown: Vec<_> = days
        .iter()
        .map(|day| (day.count, day.mean.to_string()))
        .collect();
    assert_eq!(shown, [(1, "62.00".to_owned())]);

    let next_month = MARCH + 40 * 86_400_000;
    let moved = vault
        .supersede(&better, heart_rate(next_month, 62))
        .unwrap();
    let old = vault.record(&better).unwrap();
    assert!(old.voided && old.corrected_by.is_some());
    let moved = vault.record(&moved.rc).unwrap().record;
    assert_eq!(moved.context.unwrap().derived_from, [better]);
}

#[test]
fn a_second_dose_within_five_minutes_is_warned_of() {
    let vault = Home::new(6).create();
    let dose = |start| {
        let body = Body::Medicine {
            name: "Ibuprofen".into(),
            dose: Dose::Unsaid,
            status: MedStatus::Taken,
        };
        Record::typed(start, 60, body)
    };
    assert!(vault.add(dose(MARCH)).unwrap().warnings.is_empty());
    assert!(
        vault
            .add(dose(MARCH + 600_000))
            .unwrap()
            .warnings
            .is_empty()
    );
    assert_eq!(vault.add(dose(MARCH + 60_000)).unwrap().warnings.len(), 1);
}

#[test]
fn threads_that_add_at_once_each_get_their_own_answer() {
    let vault = Arc::new(Home::new(7).create());
    let threads: Vec<_> = (0..8)
        .map(|thread| {
            let vault = vault.clone();
            std::thread::spawn(move || {
                (0..25)
                    .map(|at| {
                        let start = MARCH + thread * 1_000_000 + at;
                        let rc = vault.add(heart_rate(start, 60)).unwrap().rc;
                        (start, rc)
                    })
                    .collect::<Vec<_>>()
            })
        })
        .collect();
    for thread in threads {
        for (start, rc) in thread.join().unwrap() {
            assert_eq!(vault.record(&rc).unwrap().record.start_ms, start);
        }
    }
    assert_eq!(all(&vault).len(), 200);
}

#[test]
fn an_erased_record_is_gone_and_the_others_keep_their_hashes() {
    let home = Home::new(8);
    let vault = home.create();
    let added = vault.add_many(seconds(0, 20)).unwrap();
    vault.erase(&added[3].rc).unwrap();
    assert!(matches!(vault.record(&added[3].rc), Err(Error::NotFound)));
    vault.seal(Seal::All).unwrap();
    vault.erase(&added[7].rc).unwrap();
    vault.erase(&added[11].rc).unwrap();
    drop(vault);
    let vault = home.open();
    for (at, added) in added.iter().enumerate() {
        let found = vault.record(&added.rc);
        assert_eq!(found.is_err(), [3, 7, 11].contains(&at), "record {at}");
    }
    assert_eq!(vault.counts().unwrap()[0].records, 17);
    let rid_again = vault.add(heart_rate(MARCH, 60)).unwrap().rid;
    assert!(added.iter().all(|added| added.rid != rid_again));
}

#[test]
fn an_erased_stream_takes_its_keys_along() {
    let home = Home::new(9);
    let vault = home.create();
    vault.add_many(seconds(0, 20)).unwrap();
    vault.seal(Seal::All).unwrap();
    vault.add_many(seconds(20, 5)).unwrap();
    let other = Body::Note {
        kind: "dentistry".into(),
        text: NoteBody::Text("no caries".into()),
    };
    vault.add(Record::typed(MARCH, 60, other)).unwrap();
    let stream = heart_rate(MARCH, 60)
        .stream(vitalwitness_domain::stream::Granularity::Raw)
        .unwrap();
    assert_eq!(vault.erase_stream(&stream).unwrap(), 25);
    drop(vault);
    assert_eq!(all(&home.open()).len(), 1);
}

#[test]
fn a_locked_vault_says_so_until_it_is_opened_again() {
    let home = Home::new(10);
    let vault = home.create();
    vault.add(heart_rate(MARCH, 60)).unwrap();
    vault.lock();
    assert!(!vault.is_open());
    assert!(matches!(
        vault.add(heart_rate(MARCH, 60)),
        Err(Error::Locked)
    ));
    assert!(matches!(vault.counts(), Err(Error::Locked)));
    assert_eq!(all(&home.open()).len(), 1);
}

#[test]
fn an_erased_vault_leaves_neither_file_nor_keys() {
    let home = Home::new(11);
    let vault = home.create();
    vault.add(heart_rate(MARCH, 60)).unwrap();
    vault.erase_all().unwrap();
    assert_eq!(std::fs::read_dir(home.folder.path()).unwrap().count(), 0);
}

#[test]
fn the_kit_is_confirmed_by_three_of_its_words_alone() {
    let home = Home::new(12);
    let (vault, kit) = Vault::create(&home.path(), support::ORIGIN, home.env.clone()).unwrap();
    let words = kit.words().unwrap();
    let words: Vec<&str> = words.split(' ').collect();
    let asked = vault.asked_words().unwrap().unwrap();
    let mut given = asked.map(|position| words[usize::from(position) - 1]);
    let right = given[1];
    given[1] = "wrong";
    let error = vault.confirm_kit(&given).unwrap_err();
    assert_eq!(error.to_string(), format!("word {} is wrong", asked[1]));
    assert!(vault.asked_words().unwrap().is_some());
    given[1] = right;
    vault.confirm_kit(&given).unwrap();
    drop(vault);
    assert_eq!(home.open().asked_words().unwrap(), None);
}

#[test]
fn points_are_the_records_that_stand_whatever_batch_they_are_in() {
    let vault = Home::new(13).create();
    vault.set_batch_limit(64).unwrap();
    let mut records = seconds(0, 300);
    records.swap(10, 250);
    records[77].body = Body::Observation {
        code: HEART_RATE.into(),
        value: Value::Quantity("1.5".parse().unwrap(), "/s".into()),
    };
    let added = vault.add_many(records).unwrap();
    vault.void(&added[20].rc, None).unwrap();
    vault
        .supersede(&added[30].rc, heart_rate(MARCH + 30_000, 200))
        .unwrap();
    for sealed in [false, true] {
        if sealed {
            vault.seal(Seal::All).unwrap();
        }
        let (from, to) = (MARCH + 5_000, MARCH + 290_000);
        let points = vault.points(HEART_RATE, from, to).unwrap();
        let mut expect: BTreeMap<String, Vec<(i64, Decimal)>> = BTreeMap::new();
        for found in all(&vault).iter().rev() {
            let start = found.record.start_ms;
            if let Body::Observation {
                value: Value::Quantity(number, unit),
                ..
            } = &found.record.body
                && found.corrected_by.is_none()
                && (from..to).contains(&start)
            {
                expect
                    .entry(unit.clone())
                    .or_default()
                    .push((start, *number));
            }
        }
        assert_eq!(points.len(), 2);
        for points in points {
            let shown: Vec<_> = points
                .points
                .iter()
                .map(|p| (p.start_ms, p.number))
                .collect();
            assert!(shown == expect[&points.unit], "sealed: {sealed}");
        }
    }
}
