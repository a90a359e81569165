//! An auditor follows a real log: finds nothing where it is honest, and each violation where it is
//! not. Violations are written into the store itself, by whoever holds the log's key.

use crate::cli::{Ran, run};
use crate::clinic::{Clinic, operator, scope};
use crate::forger::{Forger, Made, key, key_of};
use crate::town::{DAY, HEART, HOUR, NOON, Town, files};
use crate::trace::Office;
use rusqlite::Connection;
use serde_json::Value;
use vitalwitness_domain::wire::{EnrolmentCode, Role, slug};
use vitalwitness_proof::entry::{DIRECTORY, Entry, Event, EventType, Purpose};
use vitalwitness_proof::sha256;
use vitalwitness_vault::client::ClientError;
use vitalwitness_vault::share::LeaveOut;

/// An auditor beside a town, with the command line.
struct Auditor {
    office: Office,
}

impl Auditor {
    async fn new(town: &Town) -> Self {
        let office = Office::enrol_as(town, "Watch", Role::Auditor).await;
        Self { office }
    }

    async fn once(&self, town: &Town, state: &str) -> Ran {
        // a town that was started anew has another address
        let papers = self.office.home.join("work.json");
        let mut own: Value =
            serde_json::from_str(&std::fs::read_to_string(&papers).unwrap()).unwrap();
        own["cloud"] = town.url().into();
        std::fs::write(&papers, own.to_string()).unwrap();
        let state = town.dir.path().join(state);
        let args = ["monitor", "--once", "--json", "--home", self.office.home()];
        run(&[args.as_slice(), &["--state", state.to_str().unwrap()]].concat()).await
    }
}

/// A town with a day's life: records, a grant, a look, a revoke, a denial, a key that ended.
async fn lively() -> (Town, Clinic, Clinic) {
    let town = Town::new().await;
    let phone = town.phone("p").await;
    phone.add(HEART, NOON, 10);
    phone.sync().await;
    let clinic = Clinic::enrol(&town, "Seehof Clinic").await;
    let insurer = Clinic::enrol_as(&town, "Alpine Mutual", Role::Insurer).await;
    let (code, other) = (
        phone.vault.share_code(1).unwrap(),
        phone.vault.share_code(2).unwrap(),
    );
    let id = clinic.ask(&code, &scope(1, &[HEART])).await;
    phone.sync().await;
    let denied = insurer.ask(&other, &scope(2, &[])).await;
    phone.sync().await;
    let grant = phone
        .vault
        .grant(&id, &LeaveOut::default(), NOON + 30 * DAY)
        .unwrap();
    phone.vault.deny(&denied).unwrap();
    phone.sync().await;
    let granted = clinic.grants().await.remove(0);
    clinic.fetch(&granted).await.unwrap();
    town.time.pass(HOUR);
    clinic.fetch(&granted).await.unwrap();
    phone.vault.revoke(&grant).unwrap();
    phone.sync().await;
    assert!(clinic.fetch(&granted).await.is_err());
    (town, clinic, insurer)
}

fn found(ran: &Ran) -> Vec<(u64, String)> {
    let said = ran.json();
    let new = said["new"].as_array().unwrap().iter();
    new.map(|one| {
        let index = one["index"].as_u64().unwrap_or(u64::MAX);
        (index, one["code"].as_str().unwrap().to_owned())
    })
    .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_honest_log_gives_no_finding_and_the_monitor_goes_on_where_it_stopped() {
    let (town, clinic, _) = lively().await;
    let auditor = Auditor::new(&town).await;
    let ran = auditor.once(&town, "watched").await;
    assert_eq!((ran.code, found(&ran).len()), (0, 0), "{ran:?}");
    let (size, read) = (ran.json()["size"].clone(), ran.json()["read"].clone());
    assert_eq!(size, read);
    assert!(size.as_u64().unwrap() > 15, "{size}");
    assert_eq!(ran.json()["unchecked"], 0);
    let again = auditor.once(&town, "watched").await;
    assert_eq!(
        (again.code, &again.json()["read"]),
        (0, &0.into()),
        "{again:?}"
    );
    let more = town.phone("q").await;
    more.add(HEART, NOON, 3);
    more.sync().await;
    let next = auditor.once(&town, "watched").await;
    assert_eq!((next.code, found(&next).len()), (0, 0), "{next:?}");
    assert!(next.json()["read"].as_u64().unwrap() >= 4);
    // whoever takes the head away makes the monitor say so, not begin anew
    let kept = town.dir.path().join("watched/head");
    let head = std::fs::read(&kept).unwrap();
    std::fs::remove_file(&kept).unwrap();
    let headless = auditor.once(&town, "watched").await;
    assert_eq!(headless.json()["error"]["code"], "state_damaged");
    std::fs::write(&kept, head).unwrap();
    assert_eq!(auditor.once(&town, "watched").await.code, 0);
    // entries are the auditor's alone to read: nobody else may, and it may nothing else
    let refused = |answer: Result<Value, ClientError>| match answer {
        Err(ClientError::Refused(problem)) => problem.code,
        other => panic!("{other:?}"),
    };
    let target = "/v1/log/entries?from=0";
    let answer = clinic.client.call("GET", target, None::<&()>).await;
    assert_eq!(refused(answer), slug::FORBIDDEN);
    let client = town.client();
    let answer = client.open("GET", target, None::<&()>).await;
    assert_eq!(refused(answer), slug::SESSION);
    let code = more.vault.share_code(1).unwrap().text();
    let args = [
        "request",
        &code,
        "--codes",
        "heart-rate",
        "--from",
        "2025-05",
        "--to",
        "2025-07",
    ];
    let rest = ["--purpose", "curiosity", "--home", auditor.office.home()];
    let ran = run(&[args.as_slice(), &rest].concat()).await;
    assert_eq!(ran.code, 4, "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[allow(clippy::too_many_lines, reason = "a table of violations")]
async fn each_violation_written_into_a_real_log_is_found_by_its_code() {
    let (mut town, clinic, insurer) = lively().await;
    let auditor = Auditor::new(&town).await;
    let clean = auditor.once(&town, "watched").await;
    assert_eq!(clean.code, 0, "{clean:?}");
    town.stop().await;
    let mut forger = Forger::open(&town.data());
    let mut expect: Vec<(u64, &'static str)> = Vec::new();
    let mut case = |category: u8, build: &dyn Fn(&mut Made<'_>)| {
        let mut made = Made::new(&mut forger, category);
        build(&mut made);
        expect.append(&mut made.expect);
    };
    let stranger = key();
    let org = &clinic.organisation;
    let person = &clinic.person;
    let auditors: Value = serde_json::from_str(
        &std::fs::read_to_string(auditor.office.home.join("work.json")).unwrap(),
    )
    .unwrap();
    let watch: [u8; 16] = hex::decode(auditors["organisation"].as_str().unwrap())
        .unwrap()
        .try_into()
        .unwrap();

    case(1, &|made| {
        // what an honest channel looks like
        made.log(&key_of(&made.device), &made.of(EventType::Batch), &[]);
        made.log(&key_of(&made.granter), &made.granted(org), &[]);
        made.log(person, &made.looked(org), &[]);
    });
    case(1, &|made| {
        let mut entry =
            Entry::decode(&made.entry(&made.device, &made.of(EventType::Batch))).unwrap();
        entry.seq += 1;
        made.raw(&entry.encode(), &["SEQ_GAP"]);
    });
    case(1, &|made| {
        let mut entry =
            Entry::decode(&made.entry(&made.device, &made.of(EventType::Batch))).unwrap();
        entry.prev[3] ^= 1;
        made.raw(&entry.encode(), &["SEQ_GAP"]);
    });
    case(1, &|made| {
        let event = made.of(EventType::Batch);
        made.log(&key_of(&made.device), &event, &[]);
        made.log(&key_of(&made.device), &event, &["REPLAYED"]);
    });
    case(1, &|made| {
        let event = Event {
            owner: [7; 16],
            ..made.of(EventType::Batch)
        };
        made.log(&key_of(&made.device), &event, &["OWNER"]);
    });
    case(1, &|made| {
        let event = Event {
            expiry: Some(NOON),
            ..made.of(EventType::Batch)
        };
        made.log(&key_of(&made.device), &event, &["EXPIRY"]);
    });
    case(1, &|made| {
        let event = Event {
            purpose: Some(Purpose::Grant),
            ..made.event(EventType::Enrol, sha256(&[&made.device.spki()]))
        };
        made.log(&key_of(&made.owner), &event, &["KEY"]);
    });
    case(1, &|made| {
        made.log(&stranger, &made.of(EventType::Batch), &["SIGNER_UNKNOWN"]);
        made.log(
            &stranger,
            &made.looked(org),
            &["NO_GRANT", "SIGNER_UNKNOWN"],
        );
    });
    case(1, &|made| {
        let end = made.event(EventType::Revoke, sha256(&[&made.device.spki()]));
        made.log(&key_of(&made.owner), &end, &[]);
        made.log(
            &key_of(&made.device),
            &made.of(EventType::Batch),
            &["SIGNER_REVOKED"],
        );
        let again = Event {
            time: made.time + 1,
            ..end
        };
        made.log(&key_of(&made.owner), &again, &["REVOKE_NOTHING"]);
    });
    case(1, &|made| {
        // and what such a grant opens is not opened
        made.log(
            &key_of(&made.device),
            &made.granted(org),
            &["SIGNER_PURPOSE"],
        );
        made.log(person, &made.looked(org), &["NO_GRANT"]);
    });
    case(1, &|made| {
        let mut entry =
            Entry::decode(&made.entry(&made.device, &made.of(EventType::Batch))).unwrap();
        entry.signed.signature[9] ^= 1;
        made.raw(&entry.encode(), &["ENTRY_SIGNATURE"]);
    });
    case(1, &|made| {
        let event = Event {
            receiver: Some(insurer.organisation.id()),
            expiry: Some(NOON + DAY),
            ..made.of(EventType::Request)
        };
        made.log(person, &event, &["RECEIVER"]);
    });
    case(2, &|made| {
        // medical history is not the patient's to write, and not the insurer's
        made.log(
            &key_of(&made.device),
            &made.of(EventType::Batch),
            &["TABLE_I"],
        );
        made.log(
            &key_of(&made.granter),
            &made.granted(&insurer.organisation),
            &[],
        );
        let event = Event {
            receiver: Some(insurer.organisation.id()),
            ..made.of(EventType::Batch)
        };
        made.log(&insurer.person, &event, &["TABLE_I"]);
        let to_auditor = Event {
            receiver: Some(watch),
            ..made.granted(org)
        };
        made.log(&key_of(&made.granter), &to_auditor, &["TABLE_I"]);
    });
    case(2, &|made| {
        made.log(&key_of(&made.granter), &made.granted(org), &[]);
        let event = Event {
            receiver: Some(org.id()),
            ..made.of(EventType::Batch)
        };
        made.log(person, &event, &[]);
    });
    case(1, &|made| {
        made.log(person, &made.looked(org), &["NO_GRANT"]);
        made.log(
            &key_of(&made.granter),
            &made.granted(&insurer.organisation),
            &[],
        );
        made.log(person, &made.looked(org), &["NO_GRANT"]);
    });
    case(1, &|made| {
        let grant = made.granted(org);
        made.log(&key_of(&made.granter), &grant, &[]);
        let end = made.event(EventType::Revoke, grant.recordhash);
        made.log(&key_of(&made.granter), &end, &[]);
        made.log(person, &made.looked(org), &["GRANT_REVOKED"]);
    });
    case(1, &|made| {
        let grant = Event {
            expiry: Some(made.time + HOUR),
            ..made.granted(org)
        };
        made.log(&key_of(&made.granter), &grant, &[]);
        made.log(person, &made.looked(org), &[]);
        made.time += 2 * HOUR;
        made.log(person, &made.looked(org), &["GRANT_EXPIRED"]);
    });
    case(1, &|made| {
        let grant = made.granted(org);
        made.log(&key_of(&made.granter), &grant, &[]);
        let again = Event {
            time: made.time + 1,
            ..grant
        };
        made.log(&key_of(&made.granter), &again, &["GRANTED_TWICE"]);
        let nobody = Event {
            receiver: Some([9; 16]),
            ..made.granted(org)
        };
        made.log(&key_of(&made.granter), &nobody, &["RECEIVER"]);
    });
    case(1, &|made| {
        made.log(
            &key_of(&made.granter),
            &made.of(EventType::Deny),
            &["DENY_NOTHING"],
        );
        made.log(
            &key_of(&made.granter),
            &made.of(EventType::Revoke),
            &["REVOKE_NOTHING"],
        );
    });
    // channels that begin wrong, the directory, and what is no entry at all
    let mut made = Made::bare(&mut forger, 1);
    made.log(
        &key_of(&made.device),
        &made.of(EventType::Batch),
        &["OWNER", "SIGNER_UNKNOWN"],
    );
    expect.append(&mut made.expect);
    let mut made = Made::bare(&mut forger, 9);
    let own = made.event(EventType::Enrol, sha256(&[&made.owner.spki()]));
    made.log(&key_of(&made.owner), &own, &["CATEGORY"]);
    expect.append(&mut made.expect);
    let mut made = Made::bare(&mut forger, 0);
    made.channel = DIRECTORY;
    let owner = key_of(&made.owner);
    made.log(&owner, &made.of(EventType::Enrol), &["CERTIFICATE"]);
    made.log(
        &owner,
        &made.of(EventType::Genesis),
        &["ENTRY_SIGNATURE", "GENESIS"],
    );
    made.raw(b"no entry", &["MALFORMED"]);
    expect.append(&mut made.expect);
    forger.finish();

    town.start().await;
    let ran = auditor.once(&town, "watched").await;
    assert_eq!(ran.code, 1, "{ran:?}");
    let mut wanted: Vec<(u64, String)> = expect
        .iter()
        .map(|(index, code)| (*index, (*code).to_owned()))
        .collect();
    let mut said = found(&ran);
    wanted.sort();
    said.sort();
    assert_eq!(said, wanted);
    // every code there is has been provoked
    for code in vitalwitness_domain::audit::Code::ALL {
        let provoked = expect.iter().any(|(_, expected)| *expected == code.code());
        assert!(provoked, "{code:?}");
    }
    // what was found stays found, and is not told as new again
    let again = auditor.once(&town, "watched").await;
    assert_eq!((again.code, found(&again).len()), (1, 0), "{again:?}");
    // from the beginning, by somebody else, the same
    let fresh = auditor.once(&town, "fresh").await;
    let mut said = found(&fresh);
    said.sort();
    assert_eq!(said, wanted);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_shows_other_entries_or_an_older_self_is_found() {
    let (mut town, ..) = lively().await;
    let auditor = Auditor::new(&town).await;
    town.stop().await;
    let old: Vec<_> = files(&town.data());
    town.start().await;
    let more = town.phone("q").await;
    more.add(HEART, NOON, 3);
    more.sync().await;
    let ran = auditor.once(&town, "watched").await;
    assert_eq!(ran.code, 0, "{ran:?}");
    town.stop().await;
    // an entry is shown that is not the one in the signed tree
    let db = Connection::open(town.data().join("cloud.db")).unwrap();
    let bytes: Vec<u8> = db
        .query_row("SELECT bytes FROM entry WHERE idx = 5", [], |row| {
            row.get(0)
        })
        .unwrap();
    let mut entry = Entry::decode(&bytes).unwrap();
    entry.prev[0] ^= 1;
    db.execute(
        "UPDATE entry SET bytes = ?1 WHERE idx = 5",
        [entry.encode()],
    )
    .unwrap();
    drop(db);
    town.start().await;
    let ran = auditor.once(&town, "fresh").await;
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_eq!(found(&ran), [(5, "ENTRY_MISMATCH".to_owned())]);
    town.stop().await;
    // the store of yesterday
    std::fs::remove_dir_all(town.data()).unwrap();
    for (path, bytes) in old {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    town.start().await;
    let ran = auditor.once(&town, "watched").await;
    assert_eq!(ran.code, 1, "{ran:?}");
    let said = ran.json();
    assert_eq!(said["new"][0]["code"], "ROLLBACK");
    let file = std::fs::read_to_string(said["new"][0]["evidence"].as_str().unwrap()).unwrap();
    let trust =
        vitalwitness_domain::wire::trust::parse_trust(&town.settings().await.trust).unwrap();
    let evidence = vitalwitness_domain::evidence::Evidence::parse(&file).unwrap();
    assert!(!evidence.check(&trust).unwrap().proven);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_person_of_an_auditing_organisation_follows_the_log() {
    let (town, ..) = lively().await;
    let first = Auditor::new(&town).await;
    let papers = std::fs::read_to_string(first.office.home.join("work.json")).unwrap();
    let papers: Value = serde_json::from_str(&papers).unwrap();
    let house = papers["organisation"].as_str().unwrap();
    let codes = format!("/v1/operator/organisations/{house}/codes");
    let code: EnrolmentCode = operator(&town, &codes, &()).await;
    let home = town.dir.path().join("second of Watch");
    let (home, url) = (home.to_str().unwrap(), town.url());
    let args = ["enrol", "--home", home, "--cloud", &url, "--json"];
    let more = ["--code", &code.code, "--name", "Nora Watch"];
    let ran = run(&[args.as_slice(), &more].concat()).await;
    assert_eq!((ran.code, &ran.json()["waiting"]), (0, &false.into()));
    let state = town.dir.path().join("second");
    let args = ["monitor", "--once", "--json", "--home", home, "--state"];
    let ran = run(&[args.as_slice(), &[state.to_str().unwrap()]].concat()).await;
    assert_eq!((ran.code, found(&ran).len()), (0, 0), "{ran:?}");
    assert!(ran.json()["read"].as_u64().unwrap() > 15);
}
