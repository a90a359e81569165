//! The story of `make demo`, step by step.
//!
//! Everything that is said is the outcome of a call; a step that does not come out as told ends
//! the run with an error.

use super::narrator::Narrator;
use super::page::{Page, thousands};
use super::people::{Patient, Trouble};
use super::processes::Site;
use super::proofs;
use super::tools::Tools;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use vitalwitness_domain::decimal::Decimal;
use vitalwitness_domain::record::{Body, Grade, Record, Source, Value};
use vitalwitness_domain::wire::trust::parse_trust;
use vitalwitness_proof::cbor;
use vitalwitness_proof::locate::{Differences, locate};
use vitalwitness_proof::merkle::Tree;
use vitalwitness_proof::receipt::Receipt;
use vitalwitness_proof::trust::Trust;
use vitalwitness_proof::{Rejection, verify};
use vitalwitness_vault::client::{Client, Transport};
use vitalwitness_vault::clock::SystemClock;
use vitalwitness_vault::keys::OsRandom;
use vitalwitness_vault::sync::CloudSettings;
use vitalwitness_vault::{Disclosure, Query, Seal};

mod collecting;
mod sharing;
mod shows;

/// The records of the paper's largest case.
pub const CONCURRENT: usize = 10_000;

/// One run.
#[derive(Debug)]
pub struct Story {
    /// Says and keeps what happens.
    pub narrator: Narrator,
    /// The page that is written at the end.
    pub page: Page,
    tools: Tools,
    out: PathBuf,
    work: PathBuf,
}

impl Story {
    /// Runs everything; `out` is made anew.
    ///
    /// # Errors
    ///
    /// The first thing that did not come out as told.
    pub async fn run(out: &Path) -> Result<(), Trouble> {
        if out.exists() {
            std::fs::remove_dir_all(out)?;
        }
        std::fs::create_dir_all(out)?;
        let scratch = tempfile::tempdir()?;
        let mut story = Self {
            narrator: Narrator::new(),
            page: Page::default(),
            tools: Tools::beside_me()?,
            out: out.to_owned(),
            work: scratch.path().to_owned(),
        };
        let told = story.tell().await;
        std::fs::write(out.join("transcript.txt"), story.narrator.transcript())?;
        told?;
        std::fs::write(out.join("index.html"), story.page.html())?;
        Ok(())
    }

    async fn tell(&mut self) -> Result<(), Trouble> {
        self.narrator.say(PREAMBLE);
        let mut site = self.start_site()?;
        let settings = self.pin(&site).await?;
        self.enrol(&site).await?;

        let robin = self.patient("Robin", &settings)?;
        self.import(&robin)?;
        let reading = self.type_values(&robin)?;
        let sam = self.patient("Sam", &settings)?;
        let batch = self.ten_thousand(&sam)?;
        self.seal_and_sync(&[&robin, &sam]).await?;
        self.write_receipts(&robin, &reading)?;
        let trust = self.write_trust(&settings)?;

        site.stop_cloud()?;
        self.check_alone(&trust)?;
        self.check_all(&sam, &batch, &trust)?;
        self.time_proofs()?;
        site.restart_cloud()?;

        self.share(&robin, &site, &settings).await?;
        self.activity(&robin)?;
        self.charts(&robin)?;
        self.dump(&site, &robin)?;
        self.finish(&robin, &sam)?;
        site.stop()?;
        Ok(())
    }

    fn start_site(&mut self) -> Result<Site, Trouble> {
        self.narrator.step("A cloud and two witnesses start");
        let site = Site::start(&self.tools.programs, &self.work.join("site"), 2, "")?;
        self.narrator.say(&format!(
            "cloud {} (process {}), witnesses {} (processes {})",
            site.cloud.url,
            site.cloud.pid(),
            site.witnesses
                .iter()
                .map(|w| w.url.as_str())
                .collect::<Vec<_>>()
                .join(" and "),
            site.witnesses
                .iter()
                .map(|w| w.pid().to_string())
                .collect::<Vec<_>>()
                .join(", "),
        ));
        self.narrator.say(
            "One operator runs all three here: the witnesses add processes, not independence.",
        );
        Ok(site)
    }

    async fn pin(&mut self, site: &Site) -> Result<CloudSettings, Trouble> {
        let transport = transport(&site.cloud.url)?;
        let client = Client::new(transport, Arc::new(SystemClock), Arc::new(OsRandom));
        Ok(CloudSettings::fetch(&site.cloud.url, &client).await?)
    }

    async fn enrol(&mut self, site: &Site) -> Result<(), Trouble> {
        self.narrator.step("A clinic and an insurer enrol");
        let token = std::fs::read_to_string(site.data.join("operator.token"))?;
        for (folder, name, role, person) in [
            (
                CLINIC,
                "Willowbrook Sample Clinic",
                "provider",
                "Dr Ada Sample",
            ),
            (
                INSURER,
                "Northwind Sample Insurance",
                "insurer",
                "Lee Sample",
            ),
        ] {
            let answer: serde_json::Value = reqwest::Client::new()
                .post(format!("{}/v1/operator/organisations", site.cloud.url))
                .bearer_auth(token.trim())
                .json(&serde_json::json!({"name": name, "role": role}))
                .send()
                .await?
                .error_for_status()?
                .json()
                .await?;
            let code = answer["code"].as_str().ok_or("no code")?.to_owned();
            let home = self.folder(folder);
            self.tools.must(
                &[
                    "enrol",
                    "--cloud",
                    &site.cloud.url,
                    "--code",
                    &code,
                    "--name",
                    person,
                    "--home",
                    &home,
                ],
                &mut self.narrator,
            )?;
        }
        Ok(())
    }

    fn patient(
        &mut self,
        name: &'static str,
        settings: &CloudSettings,
    ) -> Result<Patient, Trouble> {
        let patient = Patient::new(name, &self.work.join(name), &settings.origin)?;
        patient.vault.connect(settings)?;
        Ok(patient)
    }

    fn type_values(&mut self, robin: &Patient) -> Result<[u8; 32], Trouble> {
        self.narrator.step("Robin types values by hand");
        let mut reading = [0; 32];
        let mut at = FIRST_TYPED_MS;
        for (kind, value) in TYPED {
            let rc = robin.types(kind, value, at)?;
            if *kind == "blood-pressure" {
                reading = rc;
            }
            at += 3 * 3_600_000 + 7 * 60_000;
        }
        self.narrator.say(&format!(
            "{} entries of every kind: vitals, medicine, training, symptom, mood, note, treatment",
            TYPED.len()
        ));
        Ok(reading)
    }

    fn ten_thousand(&mut self, sam: &Patient) -> Result<Vec<[u8; 32]>, Trouble> {
        self.narrator
            .step("Sam's strap gives 10,000 readings, one a second");
        sam.vault.set_batch_limit(16_383)?;
        let mut heart = Heart {
            state: 2017,
            drift: 0,
        };
        let records = (0..i64::try_from(CONCURRENT)?)
            .map(|i| {
                let beats = 118 + i / 700 + drift(&mut heart);
                let code = "loinc|8867-4".to_owned();
                let value = Value::Quantity(beats.to_string().parse()?, "/min".to_owned());
                let mut record =
                    Record::typed(STRAP_MS + i * 1000, 60, Body::Observation { code, value });
                record.source = Source {
                    grade: Grade::Bonded,
                    device: Some([0x5a; 16]),
                };
                Ok(record)
            })
            .collect::<Result<Vec<_>, Trouble>>()?;
        let added = sam.vault.add_many(records)?;
        sam.vault.seal(Seal::All)?;
        self.narrator.say(&format!(
            "{} records are durable, sealed as one set",
            thousands(added.len())
        ));
        if added.len() != CONCURRENT || sam.vault.status()?.batches != 1 {
            return Err("10,000 records should be one batch".into());
        }
        Ok(added.iter().map(|a| a.rc).collect())
    }

    async fn seal_and_sync(&mut self, patients: &[&Patient]) -> Result<(), Trouble> {
        self.narrator
            .step("Seal and sync: ciphertext up, entries and witnesses' signatures down");
        for patient in patients {
            let sealed = patient.vault.seal(Seal::All)?;
            sync(patient).await?;
            let status = patient.vault.status()?;
            let quota = patient.vault.quota()?.0;
            self.narrator.say(&format!(
                "{}: {sealed} sets sealed now; {} records in {} sets are in the list and witnessed, {} bytes of ciphertext, {} of {} bytes of storage used",
                patient.name,
                thousands(usize::try_from(status.witnessed)?),
                status.batches,
                thousands(usize::try_from(status.sealed_bytes)?),
                quota.map_or(0, |q| q.used),
                quota.map_or(0, |q| q.limit),
            ));
            if status.open + status.queued + status.stored + status.logged + status.waiting > 0 {
                return Err(format!("{} has records that are not witnessed", patient.name).into());
            }
        }
        Ok(())
    }

    fn write_receipts(&mut self, robin: &Patient, reading: &[u8; 32]) -> Result<(), Trouble> {
        let heart = robin.vault.records(&Query {
            code: Some("loinc|8867-4".to_owned()),
            limit: 1,
            ..Query::default()
        })?;
        let heart = heart.records.first().ok_or("no heart rate")?.rc;
        for (name, rc, disclosure, what) in [
            (
                "heart-rate.vwr",
                heart,
                Disclosure::Whole,
                "a heart rate with everything shown",
            ),
            (
                "blood-pressure.vwr",
                *reading,
                Disclosure::Fields(vec![1, 3, 4, 5]),
                "a blood pressure: time and value shown, device and note not",
            ),
            (
                "hidden.vwr",
                heart,
                Disclosure::None,
                "the heart rate with nothing shown",
            ),
        ] {
            let receipt = robin.vault.receipt(&rc, &disclosure)?;
            std::fs::write(self.out.join(name), &receipt)?;
            self.page
                .files
                .push((name.to_owned(), format!("{what}, {} bytes", receipt.len())));
        }
        Ok(())
    }

    fn write_trust(&mut self, settings: &CloudSettings) -> Result<Trust, Trouble> {
        std::fs::write(self.out.join("trust.json"), &settings.trust)?;
        self.page.files.push((
            "trust.json".to_owned(),
            "whom a checker trusts: the log and its witnesses".to_owned(),
        ));
        self.page
            .files
            .push(("transcript.txt".to_owned(), "what was said".to_owned()));
        Ok(parse_trust(&settings.trust)?)
    }

    fn check_alone(&mut self, trust: &Trust) -> Result<(), Trouble> {
        self.narrator
            .step("The cloud is stopped. A stranger checks a receipt");
        let (trust_file, file) = (self.in_out("trust.json"), self.in_out("heart-rate.vwr"));
        self.tools.must(
            &["verify", &file, "--trust", &trust_file],
            &mut self.narrator,
        )?;
        let file = self.in_out("blood-pressure.vwr");
        let answer = self
            .tools
            .quietly(&["verify", &file, "--trust", &trust_file, "--json"])?;
        let facts: serde_json::Value = serde_json::from_str(&answer.out)?;
        let facts = &facts["facts"];
        let bytes = std::fs::read(self.out.join("blood-pressure.vwr"))?;
        let held = verify(&bytes, None, trust).map_err(Rejection::code)?;
        let existed = held
            .existed_by
            .and_then(|s| i64::try_from(s).ok())
            .unwrap_or_default();
        self.page.receipt = vec![
            (
                "Blood pressure".to_owned(),
                shown_pressure(facts).ok_or("no value is shown")?,
            ),
            (
                "Measured".to_owned(),
                shown_start(facts).map(when).ok_or("no time is shown")?,
            ),
            ("Came from".to_owned(), "not shown by its owner".to_owned()),
            ("Existed by".to_owned(), when(existed * 1000)),
        ];
        self.page.checks = vec![
            "Record fits the receipt".to_owned(),
            "Belongs to the sealed set".to_owned(),
            format!(
                "Listed by {}",
                facts["logged"]["origin"].as_str().unwrap_or_default()
            ),
            format!(
                "Witnessed by {} of {}, both run by the log's operator",
                facts["witnessed"]["valid"], facts["witnessed"]["of"]
            ),
        ];
        self.narrator
            .say("The same receipt with one bit of its value flipped:");
        let mut changed = std::fs::read(self.out.join("heart-rate.vwr"))?;
        flip_value(&mut changed)?;
        let path = self.work.join("changed.vwr");
        std::fs::write(&path, changed)?;
        let answer = self.tools.run(
            &["verify", &path.to_string_lossy(), "--trust", &trust_file],
            &mut self.narrator,
        )?;
        if answer.code != 1 {
            return Err("a changed receipt was not called changed".into());
        }
        Ok(())
    }

    fn check_all(
        &mut self,
        sam: &Patient,
        batch: &[[u8; 32]],
        trust: &Trust,
    ) -> Result<(), Trouble> {
        self.narrator
            .step("Every one of the 10,000 receipts is made and checked, still without the cloud");
        let id = sam.vault.record(&batch[0])?.batch;
        let mut receipts = sam.vault.receipts(&id, &Disclosure::Whole)?;
        let held = receipts
            .iter()
            .filter(|r| verify(r, None, trust).is_ok())
            .count();
        let size = receipts.iter().map(Vec::len).sum::<usize>() / receipts.len().max(1);
        self.narrator.say(&format!(
            "{} of {} hold; {size} bytes each on average",
            thousands(held),
            thousands(receipts.len())
        ));
        if held != CONCURRENT {
            return Err("not every receipt holds".into());
        }

        self.narrator.step("One bit of one record is flipped");
        let victim = 6_202;
        let hashes = |receipts: &[Vec<u8>]| -> Result<Vec<[u8; 32]>, Rejection> {
            receipts.iter().map(|r| shown_hash(r)).collect()
        };
        let before = Tree::of_leaves(&hashes(&receipts).map_err(Rejection::code)?);
        flip_value(&mut receipts[victim])?;
        let after = Tree::of_leaves(&hashes(&receipts).map_err(Rejection::code)?);
        let found = locate(&before, &after);
        let refused: Vec<usize> = (0..receipts.len())
            .filter(|i| verify(&receipts[*i], None, trust) == Err(Rejection::RecordMismatch))
            .collect();
        let only = Differences {
            changed: vec![(victim, victim)],
            ..Differences::default()
        };
        if found != only || refused != [victim] {
            return Err("another record was named".into());
        }
        let text = format!(
            "Record {} of {} was changed by one bit: walking the tree names record {} and no other, and only its receipt is refused (RECORD_MISMATCH).",
            thousands(victim + 1),
            thousands(CONCURRENT),
            thousands(found.changed[0].0 + 1)
        );
        self.narrator.say(&text);
        self.page.tamper = text;
        Ok(())
    }

    fn time_proofs(&mut self) -> Result<(), Trouble> {
        self.narrator
            .step("Time to make and to check one proof, by batch size");
        self.narrator.say("processor time on this machine, average, in the profile of the tests (`make bench` measures the release build beside its peers)");
        self.narrator.say("  records    make one    check one");
        for size in proofs::SIZES {
            let timing = proofs::measure(size).ok_or("a proof did not hold")?;
            self.narrator.say(&format!(
                "{:>9} {:>8.2} µs {:>9.2} µs",
                thousands(size),
                timing.generate_us,
                timing.validate_us
            ));
            self.page.timings.push(timing);
        }
        Ok(())
    }

    fn folder(&self, name: &str) -> String {
        self.work.join(name).to_string_lossy().into_owned()
    }

    fn in_out(&self, name: &str) -> String {
        self.out.join(name).to_string_lossy().into_owned()
    }
}

async fn sync(patient: &Patient) -> Result<(), Trouble> {
    let transport = patient.vault.transport()?;
    let report = patient.vault.sync_all(&transport).await?;
    if report.done && report.set_aside == 0 && report.frozen.is_none() {
        Ok(())
    } else {
        Err(format!("{} could not sync: {report:?}", patient.name).into())
    }
}

fn transport(url: &str) -> Result<Arc<dyn Transport>, Trouble> {
    Ok(Arc::new(vitalwitness_vault::client::Http::new(url)?))
}

/// The bytes of a shown slot.
fn shown_slot(facts: &serde_json::Value, slot: u64) -> Option<cbor::Value> {
    let fields = facts["disclosed"]["fields"].as_array()?;
    let field = fields.iter().find(|field| field[0] == slot)?;
    cbor::decode(&hex::decode(field[1].as_str()?).ok()?).ok()
}

fn shown_start(facts: &serde_json::Value) -> Option<i64> {
    match shown_slot(facts, 1)? {
        cbor::Value::Int(ms) => Some(ms),
        _ => None,
    }
}

/// Upper and lower value and the unit, as the receipt shows them.
fn shown_pressure(facts: &serde_json::Value) -> Option<String> {
    let cbor::Value::Array(parts) = shown_slot(facts, 5)? else {
        return None;
    };
    let numbers: Vec<String> = parts
        .iter()
        .filter_map(|part| match part {
            cbor::Value::Array(part) => part.iter().find_map(|item| match item {
                cbor::Value::Decimal { exponent, mantissa } => Decimal::new(*mantissa, *exponent)
                    .ok()
                    .map(|d| d.to_string()),
                _ => None,
            }),
            _ => None,
        })
        .collect();
    (numbers.len() >= 2).then(|| format!("{}/{} mmHg", numbers[0], numbers[1]))
}

/// A strap's wearer: where the noise is, and how far the pulse has drifted.
struct Heart {
    state: u64,
    drift: i64,
}

/// The next second's drift, beats a minute: a bounded walk (Knuth's MMIX generator, seeded).
fn drift(heart: &mut Heart) -> i64 {
    heart.state = heart
        .state
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    let step = [-1, 0, 0, 1][usize::from(heart.state.to_be_bytes()[0] & 3)];
    heart.drift = (heart.drift + step).clamp(-14, 14);
    heart.drift
}

/// The record hash of what a receipt discloses.
fn shown_hash(receipt: &[u8]) -> Result<[u8; 32], Rejection> {
    let receipt = Receipt::decode(receipt)?;
    let disclosure = receipt.disclosure.ok_or(Rejection::Malformed)?;
    vitalwitness_proof::record::Disclosure::decode(disclosure)?.record_hash()
}

/// Flips the lowest bit of the value in a receipt whose disclosure ends `..., value, source, null`.
fn flip_value(receipt: &mut [u8]) -> Result<(), Trouble> {
    let unit = b"d/min";
    let at = receipt
        .windows(unit.len())
        .position(|w| w == unit)
        .and_then(|at| at.checked_sub(1))
        .ok_or("no value to change")?;
    receipt[at] ^= 1;
    Ok(())
}

fn when(ms: i64) -> String {
    chrono::DateTime::from_timestamp_millis(ms).map_or_else(String::new, |t| {
        t.format("%-d %b %Y, %H:%M UTC").to_string()
    })
}

const CLINIC: &str = "clinic";
const INSURER: &str = "insurer";

/// 2 February 2026, 07:00 UTC.
const FIRST_TYPED_MS: i64 = 1_770_015_600_000;
/// 14 March 2026, 08:00 UTC.
const STRAP_MS: i64 = 1_773_475_200_000;

/// What Robin types, as on the add screen.
const TYPED: &[(&str, &str)] = &[
    ("blood-pressure", "128/82"),
    ("weight", "82.4 kg"),
    ("glucose", "5.4 mmol/L"),
    ("temperature", "36.8"),
    ("medicine", "Metformin 500 mg"),
    ("training", "run 40 min"),
    ("symptom", "headache after lunch"),
    ("mood", "calm and rested"),
    ("note/dentistry", "filling, upper left"),
    ("episode", "Knee after the fall"),
];

const PREAMBLE: &str = "Vitalwitness: a record's whole way, on one machine.
Every figure below was counted or measured by this run.
One operator runs the cloud and both witnesses here, which is said wherever it matters.";
