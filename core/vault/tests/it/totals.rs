//! Totals of a day that six sources counted: the one right number, and every record still there.

use crate::support::{Home, MARCH};
use vitalwitness_domain::decimal::Decimal;
use vitalwitness_domain::record::{Body, Grade, Record, Source, Value};
use vitalwitness_vault::{Counter, Query, Vault};

const STEPS: &str = "loinc|55423-8";
const STEPS_OF_A_DAY: &str = "loinc|41950-7";
/// 2026-03-02, on a wall an hour ahead of UTC.
const DAY: i32 = 20_514;
const HOUR: i64 = 3_600_000;
const MIDNIGHT: i64 = MARCH + 23 * HOUR;

const WATCH: Source = Source {
    grade: Grade::Bonded,
    device: Some([1; 16]),
};
const BAND: Source = Source {
    grade: Grade::Unbonded,
    device: Some([2; 16]),
};
const PHONE: Source = Source {
    grade: Grade::VendorFile,
    device: Some([3; 16]),
};
const SHOE: Source = Source {
    grade: Grade::VendorFile,
    device: Some([4; 16]),
};
const PORTAL: Source = Source {
    grade: Grade::VendorFile,
    device: None,
};
const PERSON: Source = Source {
    grade: Grade::Typed,
    device: None,
};

/// Steps from one hour of the day to another.
fn walked(source: Source, from: i64, to: i64, steps: i64) -> Record {
    let body = Body::Observation {
        code: STEPS.into(),
        value: Value::Quantity(Decimal::whole(steps), "1".into()),
    };
    Record {
        end_ms: Some(MIDNIGHT + to * HOUR),
        source,
        ..Record::typed(MIDNIGHT + from * HOUR, 60, body)
    }
}

/// One walk of 6,000 steps an hour from 8 to 12, and one of 1,000 from 20 to 21, as each saw it.
fn six_sources() -> Vec<Record> {
    let mut all = vec![
        // worn from 8 to 10, then charged
        walked(WATCH, 8, 9, 6_000),
        walked(WATCH, 9, 10, 6_000),
        // worn from 9 to 11
        walked(BAND, 9, 11, 12_100),
        // in the pocket all morning
        walked(PHONE, 8, 12, 23_600),
        walked(SHOE, 8, 12, 24_800),
        // the evening walk, remembered
        walked(PERSON, 20, 21, 1_000),
    ];
    let mut portal = walked(PORTAL, 0, 24, 30_000);
    portal.body = Body::Observation {
        code: STEPS_OF_A_DAY.into(),
        value: Value::Quantity(Decimal::whole(30_000), "1".into()),
    };
    portal.end_ms = None;
    all.push(portal);
    all
}

fn total(vault: &Vault) -> String {
    let days = vault.day_totals(STEPS, DAY, DAY + 1).unwrap();
    let [day] = days.as_slice() else {
        panic!("{} days", days.len());
    };
    day.total.to_string()
}

#[test]
fn six_sources_of_one_day_give_the_single_right_count_and_keep_every_record() {
    let vault = Home::new(1).create();
    vault.add_many(six_sources()).unwrap();
    // 12,000 of the watch, 6,050 of the band's second hour, 5,900 of the phone's last, 1,000 typed;
    // the portal's count of the whole day stands for nothing beside them
    assert_eq!(total(&vault), "24950");
    let days = vault.day_totals(STEPS, DAY, DAY + 1).unwrap();
    assert_eq!(days[0].parts.len(), 6);
    assert_eq!(vault.records(&Query::default()).unwrap().records.len(), 7);
}

#[test]
fn the_person_says_which_source_counts_first() {
    let vault = Home::new(2).create();
    vault.add_many(six_sources()).unwrap();
    let order = [Counter::of(SHOE), Counter::of(PERSON)];
    vault.set_priority(STEPS, &order).unwrap();
    assert_eq!(vault.priority(STEPS).unwrap(), order);
    assert_eq!(total(&vault), "25800");
    let days = vault.day_totals(STEPS, DAY, DAY + 1).unwrap();
    let watch = days[0]
        .parts
        .iter()
        .find(|it| it.counter == Counter::of(WATCH));
    assert_eq!(watch.unwrap().counted, Decimal::whole(0));
    assert_eq!(watch.unwrap().raw, Decimal::whole(12_000));
}

#[test]
fn a_count_of_the_whole_day_stands_where_nobody_else_measured() {
    let vault = Home::new(5).create();
    vault.add_many(six_sources().split_off(6)).unwrap();
    assert_eq!(total(&vault), "30000");
    // what a person remembers of that day is in it
    vault.add(walked(PERSON, 20, 21, 1_000)).unwrap();
    assert_eq!(total(&vault), "30000");
}

#[test]
fn a_walk_over_midnight_counts_for_each_day_by_its_part() {
    let vault = Home::new(3).create();
    vault.add(walked(WATCH, 23, 27, 4_000)).unwrap();
    vault.add(walked(PHONE, 23, 27, 5_000)).unwrap();
    let days = vault.day_totals(STEPS, DAY, DAY + 2).unwrap();
    let totals: Vec<String> = days.iter().map(|day| day.total.to_string()).collect();
    assert_eq!(totals, ["1000", "3000"]);
}

#[test]
fn what_was_taken_back_does_not_count_and_what_does_not_add_up_has_no_total() {
    let vault = Home::new(4).create();
    let watch = vault.add(walked(WATCH, 8, 9, 6_000)).unwrap();
    vault.add(walked(PHONE, 8, 9, 5_000)).unwrap();
    vault.void(&watch.rc, None).unwrap();
    assert_eq!(total(&vault), "5000");
    assert!(vault.day_totals("loinc|8867-4", DAY, DAY + 1).is_err());
}
