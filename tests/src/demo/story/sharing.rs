//! Sharing: asked, seen before it is answered, granted in part, denied, looked at, revoked.

use super::{CLINIC, INSURER, Story, sync, transport};
use crate::demo::page::thousands;
use crate::demo::people::{Patient, Trouble};
use crate::demo::processes::Site;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use vitalwitness_domain::record::{Body, Record, Value};
use vitalwitness_domain::wire::{Bytes, Delivery, Id16, NewAccess, Sig64, SubmittedEvent};
use vitalwitness_proof::Rejection;
use vitalwitness_proof::entry::{Entry, Event, EventType, event_message};
use vitalwitness_proof::keys::spki_id;
use vitalwitness_proof::merkle::Tree;
use vitalwitness_vault::client::{Client, ClientError};
use vitalwitness_vault::clock::SystemClock;
use vitalwitness_vault::keys::{Argon, FileKeyStore, KeyStore as _, OsRandom};
use vitalwitness_vault::share::{GrantView, LeaveOut, RequestState, RequestView};
use vitalwitness_vault::sync::CloudSettings;
use vitalwitness_vault::{Query, Seal};

impl Story {
    pub(super) async fn share(
        &mut self,
        robin: &Patient,
        site: &Site,
        settings: &CloudSettings,
    ) -> Result<(), Trouble> {
        let grant = self.grant_in_part(robin).await?;
        self.clinic_looks(robin, &grant, site, settings).await?;
        self.deny(robin).await?;
        self.revoke(robin, &grant).await
    }

    async fn grant_in_part(&mut self, robin: &Patient) -> Result<GrantView, Trouble> {
        self.narrator
            .step("The cloud is back. The clinic asks for heart rate and sleep of two months");
        let code = robin.vault.share_code(1)?.text();
        let home = self.folder(CLINIC);
        self.tools.must(
            &[
                "request",
                &code,
                "--codes",
                "heart-rate,light-sleep,deep-sleep,rem-sleep",
                "--from",
                "2026-01",
                "--to",
                "2026-02",
                "--purpose",
                "Check-up after the new medicine",
                "--home",
                &home,
            ],
            &mut self.narrator,
        )?;
        let request = self.newest_request(robin).await?;
        self.narrator.say(&format!(
            "Robin sees who asks ({}, {}), why (\"{}\"), that the code came from Robin's own screen ({:?}), and exactly which records a yes would show:",
            request.person.name, request.organisation.name, request.purpose, request.proven
        ));
        for rows in &request.rows {
            self.narrator.say(&format!(
                "  {} {}: {} records",
                rows.stream.code,
                rows.stream.month,
                thousands(usize::try_from(rows.records)?)
            ));
        }
        let codes: BTreeSet<String> = request
            .rows
            .iter()
            .map(|rows| rows.stream.code.clone())
            .filter(|code| code != HEART_RATE)
            .collect();
        if codes.is_empty() {
            return Err("the request shows no sleep to leave out".into());
        }
        self.narrator
            .step("Robin says yes to heart rate and leaves sleep out");
        let left_out = LeaveOut {
            codes,
            ..LeaveOut::default()
        };
        let until = crate::demo::clock::now_ms() + 30 * 86_400_000;
        let id = robin.vault.grant(&request.id, &left_out, until)?;
        sync(robin).await?;
        let grant = robin.vault.grants()?.into_iter().find(|g| g.id == id);
        self.narrator.say("The clinic is not told that something was left out: it looks as if it had never been measured.");
        Ok(grant.ok_or("the grant is not listed")?)
    }

    async fn clinic_looks(
        &mut self,
        robin: &Patient,
        grant: &GrantView,
        site: &Site,
        settings: &CloudSettings,
    ) -> Result<(), Trouble> {
        self.narrator
            .step("The clinic fetches, decrypts and checks everything again");
        let (home, out) = (self.folder(CLINIC), self.in_out("clinic"));
        self.tools.must(
            &["fetch", "--out", &out, "--receipts", "3", "--home", &home],
            &mut self.narrator,
        )?;
        self.tools.must(&["report", &out], &mut self.narrator)?;
        self.narrator.say("Three receipts were taken along: of every other row it says that nothing in the folder vouches for it.");
        let csv = std::fs::read_to_string(Path::new(&out).join("records.csv"))?;
        let (rows, sleep) = (
            csv.lines().count().saturating_sub(1),
            csv.matches("loinc|938").count(),
        );
        let granted: u64 = robin
            .vault
            .requests()?
            .iter()
            .flat_map(|request| &request.rows)
            .filter(|rows| rows.stream.code == HEART_RATE)
            .map(|rows| rows.records)
            .sum();
        if rows == 0 || sleep > 0 || u64::try_from(rows)? != granted {
            return Err(format!(
                "the clinic has {rows} rows, {sleep} of sleep; {granted} were granted"
            )
            .into());
        }
        self.narrator.say(&format!(
            "{} rows of heart rate, 0 of sleep",
            thousands(rows)
        ));
        self.page.files.push((
            "clinic/".to_owned(),
            format!("what the clinic got: {} heart rates", thousands(rows)),
        ));

        self.narrator
            .step("Somebody at the clinic tries to get a set of sleep all the same");
        let refused = self.reach_for_sleep(robin, grant, site, settings).await?;
        self.narrator.say(&format!("The cloud answers: {refused}. No key for it was ever given either; the attempt is a row of Robin's activity."));
        Ok(())
    }

    /// Asks the cloud for a sleep batch under the heart-rate grant, by its true number.
    async fn reach_for_sleep(
        &self,
        robin: &Patient,
        grant: &GrantView,
        site: &Site,
        settings: &CloudSettings,
    ) -> Result<String, Trouble> {
        let keys = FileKeyStore::open(
            &self.work.join(CLINIC).join("keys"),
            "correct horse battery",
            Argon::DEFAULT,
        )?;
        let person = spki_id(&keys.public("person")?);
        let mut client = Client::new(
            transport(&site.cloud.url)?,
            Arc::new(SystemClock),
            Arc::new(OsRandom),
        );
        client
            .sign_in(&settings.origin, person, 600, |message| {
                keys.sign("person", message)
            })
            .await?;
        let sleep = robin.vault.records(&Query {
            code: Some(DEEP_SLEEP.to_owned()),
            limit: 1,
            ..Query::default()
        })?;
        let sleep = sleep.records.first().ok_or("no sleep on the phone")?;
        let batch = Id16(sleep.batch);
        let mine = client.grants().await?;
        let live = mine
            .iter()
            .find(|g| g.terms.grant.0 == grant.id)
            .ok_or("no grant")?;
        let granted = Entry::decode(&live.logged.entry.0).map_err(Rejection::code)?;
        let event = Event {
            kind: EventType::Access,
            channel: granted.event.channel,
            owner: granted.event.owner,
            receiver: Some(grant.organisation.id),
            recordhash: Tree::of_leaves(&[sleep.rc]).root(),
            time: client.server_now_ms(),
            location: None,
            expiry: None,
            purpose: None,
        }
        .encode();
        let signature = keys.sign("person", &event_message(&person, &event))?;
        let access = NewAccess {
            grant: Id16(grant.id),
            event: SubmittedEvent {
                event: Bytes(event),
                signer: Id16(person),
                signature: Sig64(signature),
                spki: None,
            },
            batches: vec![batch],
        };
        match client
            .call::<_, Delivery>("POST", "/v1/access", Some(&access))
            .await
        {
            Err(ClientError::Refused(problem)) => {
                Ok(format!("{} ({})", problem.title, problem.code))
            }
            Err(other) => Err(other.into()),
            Ok(_) => Err("the clinic got a set of sleep".into()),
        }
    }

    async fn deny(&mut self, robin: &Patient) -> Result<(), Trouble> {
        self.narrator
            .step("The insurer asks for everything. Robin says no");
        let code = robin.vault.share_code(1)?.text();
        let home = self.folder(INSURER);
        self.tools.must(
            &[
                "request",
                &code,
                "--codes",
                "all",
                "--from",
                "2025-03",
                "--to",
                "2026-02",
                "--purpose",
                "A quote",
                "--home",
                &home,
            ],
            &mut self.narrator,
        )?;
        let request = self.newest_request(robin).await?;
        robin.vault.deny(&request.id)?;
        sync(robin).await?;
        let kept = robin
            .vault
            .requests()?
            .into_iter()
            .find(|r| r.id == request.id);
        let until = crate::demo::clock::now_ms() + 86_400_000;
        let again = robin.vault.grant(&request.id, &LeaveOut::default(), until);
        if kept.map(|r| r.state) != Some(RequestState::Denied) || again.is_ok() {
            return Err("the no was not kept".into());
        }
        self.narrator.say(
            "The no is kept: it is listed, witnessed, and cannot be turned into a yes by accident.",
        );
        let home = self.folder(INSURER);
        self.tools
            .run(&["shared", "--home", &home], &mut self.narrator)?;
        Ok(())
    }

    async fn revoke(&mut self, robin: &Patient, grant: &GrantView) -> Result<(), Trouble> {
        self.narrator.step("Robin stops sharing with the clinic");
        let before = robin.vault.stream_keys()?;
        robin.vault.revoke(&grant.id)?;
        sync(robin).await?;
        let (home, out) = (self.folder(CLINIC), self.folder("clinic-again"));
        let answer = self.tools.run(
            &["fetch", "--out", &out, "--home", &home],
            &mut self.narrator,
        )?;
        if answer.code != 4 {
            return Err("the clinic was not refused".into());
        }
        let start_ms = FEBRUARY_10_MS;
        let value = Value::Quantity("71".parse()?, "/min".to_owned());
        let body = Body::Observation {
            code: HEART_RATE.to_owned(),
            value,
        };
        robin.vault.add(Record::typed(start_ms, 60, body))?;
        robin.vault.seal(Seal::All)?;
        sync(robin).await?;
        let after = robin.vault.stream_keys()?;
        let new = after.iter().filter(|key| !before.contains(key)).count();
        if new == 0 {
            return Err("new data is under an old key".into());
        }
        self.narrator.say(&format!(
            "A heart rate of February that comes now is sealed under a key that is new ({new} new since the stop): the clinic never had it. What it has seen, it has seen."
        ));
        Ok(())
    }

    async fn newest_request(&mut self, robin: &Patient) -> Result<RequestView, Trouble> {
        sync(robin).await?;
        let open = robin
            .vault
            .requests()?
            .into_iter()
            .find(|request| request.state == RequestState::Waiting);
        if let Some(request) = open {
            return Ok(request);
        }
        let refused = robin.vault.refused_requests()?;
        Err(format!("no open request; refused: {refused:?}").into())
    }
}

const HEART_RATE: &str = "loinc|8867-4";
const DEEP_SLEEP: &str = "loinc|93831-6";
/// 10 February 2026, 08:00 UTC.
const FEBRUARY_10_MS: i64 = 1_770_710_400_000;
