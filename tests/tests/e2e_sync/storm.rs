//! Three phones of one account and two clinics under a seeded fate, with the real store and the
//! real cloud: the simulation of `core/domain/tests/sync_simulation` at fewer seeds and with
//! nothing modelled but the line.

use crate::clinic::{Clinic, scope};
use crate::net::{Fate, Line};
use crate::town::{DAY, HEART, HOUR, NOON, PhoneClock, SLEEP, Town, all, series, sync};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use vitalwitness_vault::client::Transport;
use vitalwitness_vault::share::{Done, GrantState, LeaveOut, RequestState};
use vitalwitness_vault::{Env, Seal, Vault};

const SEEDS: u64 = 8;
const TURNS: i64 = 60;

struct Fates(u64);

impl Fates {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }

    fn small(&mut self, end: u64) -> i64 {
        i64::try_from(self.below(end)).unwrap()
    }

    fn pick(&mut self, end: usize) -> usize {
        usize::try_from(self.below(end as u64)).unwrap()
    }
}

struct Member {
    vault: Vault,
    path: PathBuf,
    env: Env,
    line: Arc<dyn Transport>,
}

impl Member {
    fn kill(&mut self) {
        self.vault.lock();
        self.vault = Vault::open(&self.path, self.env.clone()).unwrap();
    }
}

fn line(to: Arc<dyn Transport>, seed: u64) -> Arc<dyn Transport> {
    Line::between(to, move |number| {
        match Fates(seed ^ ((number as u64) << 20)).below(100) {
            0..6 => Fate::Lost,
            6..12 => Fate::AnswerLost,
            12..18 => Fate::Doubled,
            18..23 => Fate::Late,
            _ => Fate::Through,
        }
    })
}

/// Answers what was asked and ends what was granted, as fate has it. Another phone may have
/// answered already: then this one is refused, here or by the cloud.
fn decide(vault: &Vault, fates: &mut Fates) {
    for request in vault.requests().unwrap() {
        if request.state != RequestState::Waiting {
            continue;
        }
        match fates.below(4) {
            0 => vault.deny(&request.id).unwrap(),
            1 | 2 => {
                let end = NOON + 300 * DAY;
                vault.grant(&request.id, &LeaveOut::default(), end).unwrap();
            }
            _ => {}
        }
    }
    for grant in vault.grants().unwrap() {
        if grant.state == GrantState::Live && fates.below(5) == 0 {
            vault.revoke(&grant.id).unwrap();
        }
    }
}

struct Storm {
    fates: Fates,
    town: Town,
    members: Vec<Member>,
    clinics: Vec<Clinic>,
    clock: Arc<PhoneClock>,
    records: usize,
}

impl Storm {
    async fn begin(seed: u64) -> Self {
        let town = Town::new().await;
        let phone = town.phone("first").await;
        phone.sync().await;
        let mut members = Vec::new();
        for name in ["second", "third"] {
            let (vault, env) = crate::devices::pair(&town, &phone, name).await;
            members.push(Member {
                vault,
                path: town.dir.path().join(name),
                env,
                line: line(town.transport(), seed + 1),
            });
        }
        let clock = phone.clock.clone();
        members.push(Member {
            vault: phone.vault,
            path: phone.path,
            env: phone.env,
            line: line(town.transport(), seed + 2),
        });
        let clinics = vec![
            Clinic::enrol(&town, "Seehof Clinic").await,
            Clinic::enrol(&town, "Hafen Practice").await,
        ];
        Self {
            fates: Fates(seed),
            town,
            members,
            clinics,
            clock,
            records: 0,
        }
    }

    async fn turn(&mut self, turn: i64) {
        let at = self.fates.pick(3);
        let fates = &mut self.fates;
        let member = &mut self.members[at];
        match fates.below(13) {
            0..4 => {
                let code = if fates.below(2) == 0 { HEART } else { SLEEP };
                let count = 1 + fates.small(5);
                let start = NOON + (turn - 20) * DAY;
                member.vault.add_many(series(code, start, count)).unwrap();
                self.records += usize::try_from(count).unwrap();
            }
            4 => {
                member.vault.seal(Seal::All).unwrap();
            }
            5 | 6 if turn > 4 => {
                let code = member.vault.share_code(1).unwrap();
                let clinic = &self.clinics[fates.pick(2)];
                let _ = clinic.try_ask(&code, &scope(1, &[])).await;
            }
            7 => member.kill(),
            8 => self.clock.set_off((fates.small(9) - 4) * HOUR),
            _ => decide(&member.vault, fates),
        }
        if fates.below(3) > 0 {
            member.vault.sync_all(&member.line).await.unwrap();
        }
        for clinic in &self.clinics {
            for grant in clinic.grants().await {
                if fates.below(2) == 0 {
                    let _ = clinic.fetch(&grant).await;
                }
            }
        }
        self.town.time.pass(60_000);
    }

    /// Everybody gets an honest line and finishes.
    async fn calm(&self, seed: u64) {
        let honest = self.town.transport();
        for _ in 0..3 {
            for member in &self.members {
                member.vault.seal(Seal::All).unwrap();
                let report = sync(&member.vault, &honest, &self.town.time).await;
                assert_eq!(report.frozen, None, "seed {seed}");
            }
        }
    }

    fn check(&self, seed: u64) -> (usize, usize) {
        let first = all(&self.members[0].vault);
        assert_eq!(first.len(), self.records, "seed {seed}: lost or doubled");
        let distinct: BTreeSet<_> = first.iter().map(|(_, rc)| rc).collect();
        assert_eq!(distinct.len(), self.records, "seed {seed}: doubled");
        for member in &self.members {
            let same = all(&member.vault) == first;
            assert!(same, "seed {seed}: phones differ");
            assert!(member.vault.evidence().unwrap().is_empty(), "seed {seed}");
            let aside = member.vault.set_aside().unwrap();
            assert_eq!(aside, [], "seed {seed}");
        }
        no_access_after_revoke(seed, &self.members[0].vault)
    }
}

/// Before every ACCESS stands a GRANT to the same organisation that is not revoked before it.
/// How many ACCESS and REVOKE there are.
fn no_access_after_revoke(seed: u64, vault: &Vault) -> (usize, usize) {
    let mut rows = vault.activity(i64::MIN, i64::MAX).unwrap();
    rows.retain(|row| row.seq.is_some());
    rows.sort_by_key(|row| row.seq);
    let seqs: Vec<u64> = rows.iter().filter_map(|row| row.seq).collect();
    let whole: Vec<u64> = (1..=seqs.len() as u64).collect();
    assert_eq!(seqs, whole, "seed {seed}: the channel has a gap");
    let mut live = BTreeSet::new();
    let (mut accesses, mut revokes) = (0, 0);
    for row in rows {
        let organisation = row.organisation.map(|party| party.id);
        match row.done {
            Done::Granted => {
                live.insert((organisation, row.recordhash));
            }
            Done::Revoked => {
                revokes += 1;
                live.retain(|(_, grant)| *grant != row.recordhash);
            }
            Done::Accessed { .. } => {
                accesses += 1;
                let may = live.iter().any(|(receiver, _)| *receiver == organisation);
                assert!(may, "seed {seed}: ACCESS without a live GRANT");
            }
            _ => {}
        }
    }
    (accesses, revokes)
}

#[tokio::test]
async fn no_storm_loses_or_doubles_a_record_or_lets_anybody_read_after_a_revoke() {
    let (mut accesses, mut revokes) = (0, 0);
    for seed in 0..SEEDS {
        let mut storm = Storm::begin(seed).await;
        for turn in 0..TURNS {
            storm.turn(turn).await;
        }
        storm.calm(seed).await;
        let (a, r) = storm.check(seed);
        accesses += a;
        revokes += r;
    }
    assert!(accesses > 20 && revokes > 5, "{accesses} and {revokes}");
}
