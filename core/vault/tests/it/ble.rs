//! Devices over a scripted radio: what they send is there once, whatever happens on the way.

mod air;
mod bonds;
mod faults;
mod gone;
mod history;
mod live;
mod mended;
mod repeats;

use crate::support::{MARCH, ORIGIN, Seeded};
use air::{ADDRESS, FakeRadio, Script, WaitedClock};
use std::sync::Arc;
use vitalwitness_domain::record::{Body, Record, Value};
use vitalwitness_vault::ble::{
    Air, BleError, Confirmed, Found, Goal, Proposal, Sensor, Told, Whose,
};
use vitalwitness_vault::keys::MemoryKeyStore;
use vitalwitness_vault::{Env, Query, Vault};

/// A vault, a device, and what was told.
struct World {
    folder: tempfile::TempDir,
    env: Env,
    vault: Vault,
    radio: FakeRadio,
    told: Vec<Told>,
    zone: fn(i64) -> i16,
}

impl World {
    fn new(script: Script) -> Self {
        let clock = WaitedClock::at(MARCH + 40_000_000);
        let folder = tempfile::tempdir().unwrap();
        let env = Env {
            keystore: Arc::new(MemoryKeyStore::new()),
            clock: clock.clone(),
            random: Arc::new(Seeded::new(7)),
        };
        let path = folder.path().join("vault.db");
        let (vault, _) = Vault::create(&path, ORIGIN, env.clone()).unwrap();
        Self {
            radio: FakeRadio::new(&clock, script),
            folder,
            env,
            vault,
            told: Vec::new(),
            zone: |_| 60,
        }
    }

    async fn pair(&mut self, confirmed: &Confirmed) -> Result<Sensor, BleError> {
        let mut events = self.radio.inbox.events();
        let told = &mut self.told;
        let air = Air {
            radio: &self.radio,
            events: &mut events,
            zone: &self.zone,
            tell: &mut |it| told.push(it),
        };
        self.vault.pair_sensor(confirmed, air).await
    }

    async fn run(&mut self, sensor: &Sensor, goal: Goal) -> Result<(), BleError> {
        let mut events = self.radio.inbox.events();
        let told = &mut self.told;
        let air = Air {
            radio: &self.radio,
            events: &mut events,
            zone: &self.zone,
            tell: &mut |it| told.push(it),
        };
        self.vault.run_sensor(&sensor.id, goal, true, air).await
    }

    /// As after the phone was killed: what is in the file, and nothing else.
    fn reopen(&mut self) {
        self.vault.lock();
        let path = self.folder.path().join("vault.db");
        self.vault = Vault::open(&path, self.env.clone()).unwrap();
    }

    fn records(&self, code: &str) -> Vec<Record> {
        let query = Query {
            code: Some(code.into()),
            limit: 1_000_000,
            ..Query::default()
        };
        let page = self.vault.records(&query).unwrap();
        let mut records: Vec<Record> = page.records.into_iter().map(|it| it.record).collect();
        records.reverse();
        records
    }
}

fn found(name: &str, services: &[u16]) -> Found {
    Found {
        peripheral: ADDRESS.into(),
        name: Some(name.into()),
        services: services.to_vec(),
        rssi: Some(-60),
    }
}

fn mine(name: &str, services: &[u16]) -> Confirmed {
    let proposal = Proposal::of(found(name, services));
    proposal.confirm("Ada", Whose::Mine).unwrap()
}

fn number(record: &Record) -> String {
    let Body::Observation {
        value: Value::Quantity(number, unit),
        ..
    } = &record.body
    else {
        panic!("a record of another kind");
    };
    format!("{number} {unit}")
}
