//! Receipts, bundles and completeness proofs: made, verified, given away.

use crate::error::VaultError;
use crate::names::{Digest, RecordId, Timestamp};
use crate::record::redacted;
use crate::runtime::{blocking, task};
use crate::vault::Vault;
use serde::Serialize;
use vitalwitness_domain::export::certificate::{self, Language};
use vitalwitness_domain::export::chainpoint::Chainpoint;
use vitalwitness_domain::export::qr::Symbol;
use vitalwitness_domain::export::{Source, base45, cose, tlog};
use vitalwitness_domain::wire::facts;
use vitalwitness_domain::wire::trust::parse_trust;
use vitalwitness_proof::bundle::Bundle;
use vitalwitness_proof::completeness::Completeness;
use vitalwitness_proof::trust::Trust;
use vitalwitness_proof::{Facts, Rejection};
use vitalwitness_vault as core;

/// What a receipt shows of its record.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Enum)]
pub enum Disclosure {
    /// Everything.
    Whole,
    /// Slots by number (`docs/receipt-format.md`, section 2).
    Fields {
        /// The slots.
        slots: Vec<u16>,
    },
    /// Nothing: the hash alone.
    Nothing,
}

/// A record in a bundle, with what is shown of it.
#[derive(Clone, PartialEq, Eq, uniffi::Record)]
pub struct BundleItem {
    /// The record.
    pub id: RecordId,
    /// What is shown.
    pub disclosure: Disclosure,
}

/// What a file proves, checked offline.
#[derive(Clone, PartialEq, Eq, uniffi::Enum)]
pub enum Verdict {
    /// It holds.
    Holds {
        /// What it proves: JSON as `docs/receipt-format.md`, section 7.
        json: String,
    },
    /// It does not, or nobody that is trusted stands behind it.
    Refused {
        /// Stable in every language: `PATH_LENGTH`, `QUORUM_NOT_MET`, ...
        code: String,
        /// It may hold: no trusted log issued it, too few witnesses saw it, or it is of a newer
        /// version.
        cannot_tell: bool,
        /// As the command line writes it.
        json: String,
    },
}

/// What a receipt proves, for a screen. Everything is in `Verdict.Holds.json`.
#[derive(Clone, PartialEq, Eq, uniffi::Record)]
pub struct ReceiptFacts {
    /// Of which record; nothing: it is of an event.
    pub record: Option<RecordId>,
    /// Slots of the record that it shows.
    pub shown: Vec<u16>,
    /// When it was done, as who signed says.
    pub time: Timestamp,
    /// By when it existed: said by a quorum of witnesses, never by its author.
    pub existed_by: Option<Timestamp>,
    /// The log.
    pub log: String,
    /// Which entry of it.
    pub index: u64,
    /// How many entries its signed list has.
    pub size: u64,
    /// Witnesses that signed the same list.
    pub witnesses: Vec<String>,
    /// How many there are.
    pub of_witnesses: u32,
    /// How many are needed.
    pub quorum: u32,
}

/// How a receipt is given to others.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Enum)]
pub enum ReceiptForm {
    /// Chainpoint 3, JSON.
    ChainpointJson,
    /// Chainpoint 3, binary.
    ChainpointBinary,
    /// C2SP tlog-proof.
    TlogProof,
    /// COSE; needs trust, and a receipt of `Vault.receipt_for_cose`.
    Cose,
    /// The whole receipt as a QR code, PNG.
    QrPng {
        /// Pixels a module, 1 to 32.
        scale: u8,
    },
    /// The whole receipt as a QR code, SVG.
    QrSvg,
    /// One page to print, HTML; needs trust: only what was checked is written.
    Certificate {
        /// `en` or `de`.
        language: String,
    },
}

/// What came of comparing somebody's receipt with the log as this vault knows it.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Enum)]
pub enum Comparison {
    /// One list.
    SameList,
    /// No answer from the log yet: checked at the next sync.
    ToBeChecked,
    /// The log contradicts itself: evidence is kept, and nothing is synced with it any more.
    Caught,
    /// The receipt is of another log.
    OtherLog,
    /// It says nothing about the log.
    Refused {
        /// Why.
        code: String,
    },
}

redacted!(BundleItem, Verdict, ReceiptFacts);

/// Verifies a receipt (`.vwr`), with its disclosure if that is kept beside it, by the logs and
/// witnesses of `trust` (`CloudSettings.trust`). Needs no network and no vault.
#[uniffi::export]
pub fn verify_receipt(
    receipt: Vec<u8>,
    disclosure: Option<Vec<u8>>,
    trust: String,
) -> Result<Verdict, VaultError> {
    let trust = trusted(&trust)?;
    let result = vitalwitness_proof::verify(&receipt, disclosure.as_deref(), &trust);
    verdict(&facts::Verdict::from(&result), result.err())
}

/// What a receipt that holds says, for a screen.
#[uniffi::export]
pub fn receipt_facts(receipt: Vec<u8>, trust: String) -> Result<ReceiptFacts, VaultError> {
    let facts = vitalwitness_proof::verify(&receipt, None, &trusted(&trust)?);
    facts.map(ReceiptFacts::from).map_err(refused)
}

/// Verifies a bundle (`.vwb`).
#[uniffi::export]
pub fn verify_bundle(bundle: Vec<u8>, trust: String) -> Result<Verdict, VaultError> {
    let result = Bundle::verify(&bundle, &trusted(&trust)?);
    let refused = result.as_ref().err().map(|it| it.rejection);
    verdict(&facts::BundleVerdict::from(&result), refused)
}

/// Verifies a completeness proof (`.vwc`).
#[uniffi::export]
pub fn verify_completeness(proof: Vec<u8>, trust: String) -> Result<Verdict, VaultError> {
    let result = Completeness::verify(&proof, &trusted(&trust)?);
    verdict(&facts::CompletenessVerdict::from(&result), result.err())
}

/// A receipt in another form. `trust` is needed where the form says so.
#[uniffi::export]
pub fn export_receipt(
    receipt: Vec<u8>,
    form: ReceiptForm,
    trust: Option<String>,
) -> Result<Vec<u8>, VaultError> {
    let trust = trust.as_deref().map(trusted).transpose()?;
    let needed = || {
        trust
            .as_ref()
            .ok_or(VaultError::input("trust", "needs_trust"))
    };
    let source = Source::read(&receipt).map_err(refused)?;
    match form {
        ReceiptForm::ChainpointJson => Chainpoint::of(&source, None)
            .and_then(|proof| proof.to_json().map(String::into_bytes))
            .map_err(refused),
        ReceiptForm::ChainpointBinary => Chainpoint::of(&source, None)
            .and_then(|proof| proof.to_binary())
            .map_err(refused),
        ReceiptForm::TlogProof => Ok(tlog::write(&source).into_bytes()),
        ReceiptForm::Cose => {
            let log = needed()?.log(source.receipt.log.origin);
            let log = log.ok_or_else(|| refused(Rejection::OriginUnknown))?;
            cose::write(&source, log).map_err(refused)
        }
        ReceiptForm::QrPng { scale } => {
            let symbol = symbol(&receipt)?;
            symbol.to_png(scale.clamp(1, 32)).map_err(refused)
        }
        ReceiptForm::QrSvg => Ok(symbol(&receipt)?.to_svg().into_bytes()),
        ReceiptForm::Certificate { language } => {
            let facts = vitalwitness_proof::verify(&receipt, None, needed()?).map_err(refused)?;
            let language = Language::from_code(&language);
            let language = language.ok_or(VaultError::input("language", "not_found"))?;
            Ok(certificate::page(&facts, &receipt, language).into_bytes())
        }
    }
}

/// The receipt in the text of a scanned QR code.
#[uniffi::export]
pub fn receipt_of_qr(text: String) -> Result<Vec<u8>, VaultError> {
    base45::decode(text.trim()).ok_or(VaultError::input("text", "MALFORMED"))
}

#[uniffi::export]
impl Vault {
    /// The receipt (`.vwr`) of a record: a proof that anybody checks offline. `NotNow(not_logged)`
    /// until its batch is in the log and checked.
    pub async fn receipt(
        &self,
        id: RecordId,
        disclosure: Disclosure,
    ) -> Result<Vec<u8>, VaultError> {
        let disclosure = core::Disclosure::from(disclosure);
        self.with(move |vault| vault.receipt(&id.0, &disclosure))
            .await
    }

    /// As `receipt`, with what `ReceiptForm.Cose` needs.
    pub async fn receipt_for_cose(
        &self,
        id: RecordId,
        disclosure: Disclosure,
    ) -> Result<Vec<u8>, VaultError> {
        let disclosure = core::Disclosure::from(disclosure);
        self.with(move |vault| vault.receipt_for_cose(&id.0, &disclosure))
            .await
    }

    /// The receipt of a grant, a denial, a revocation, a request or an access.
    pub async fn event_receipt(&self, event: Digest) -> Result<Vec<u8>, VaultError> {
        self.with(move |vault| vault.event_receipt(&event.0)).await
    }

    /// One file (`.vwb`) for several records. Needs the cloud where their batches were checked under
    /// different lists.
    pub async fn bundle(&self, items: Vec<BundleItem>) -> Result<Vec<u8>, VaultError> {
        let items: Vec<_> = items
            .into_iter()
            .map(|item| (item.id.0, core::Disclosure::from(item.disclosure)))
            .collect();
        let (vault, ids) = (self.core(), items.iter().map(|it| it.0).collect::<Vec<_>>());
        let first = {
            let (vault, items) = (vault.clone(), items.clone());
            blocking(move || Ok(vault.bundle(&items)?)).await
        };
        let Err(VaultError::NotNow { .. }) = first else {
            return first;
        };
        let transport = self.transport().await?;
        task(async move {
            vault.renew_proofs(&ids, &transport).await?;
            Ok(vault.bundle(&items)?)
        })
        .await
    }

    /// The proof (`.vwc`) that of a category's records from `from` to before `to` those of `codes`
    /// are all shown, and how many others there are. No codes: all.
    pub async fn completeness(
        &self,
        category: u8,
        from: Timestamp,
        to: Timestamp,
        codes: Vec<String>,
    ) -> Result<Vec<u8>, VaultError> {
        self.with(move |vault| {
            let proof = vault.completeness(category, (from.0, to.0), &codes)?;
            Ok(proof.bytes)
        })
        .await
    }

    /// Compares the list under somebody's receipt with the log as this vault knows it.
    pub async fn compare(&self, receipt: Vec<u8>) -> Result<Comparison, VaultError> {
        let (vault, transport) = (self.core(), self.transport().await?);
        task(async move {
            let compared = vault.compare(&receipt, Some(&transport)).await?;
            Ok(match compared {
                core::Compared::SameList => Comparison::SameList,
                core::Compared::ToBeChecked => Comparison::ToBeChecked,
                core::Compared::Caught(_) => Comparison::Caught,
                core::Compared::OtherLog => Comparison::OtherLog,
                core::Compared::Refused(why) => Comparison::Refused {
                    code: why.code().to_owned(),
                },
            })
        })
        .await
    }
}

fn trusted(json: &str) -> Result<Trust, VaultError> {
    parse_trust(json).map_err(|_| VaultError::input("trust", "bad_trust"))
}

fn symbol(receipt: &[u8]) -> Result<Symbol, VaultError> {
    Symbol::of(receipt).map_err(|_| VaultError::input("receipt", "too_large_for_qr"))
}

/// A file that does not hold; its code is the rejection's.
fn refused(why: Rejection) -> VaultError {
    VaultError::input("receipt", why.code())
}

fn verdict(verdict: &impl Serialize, refused: Option<Rejection>) -> Result<Verdict, VaultError> {
    let json = serde_json::to_string(verdict).map_err(|_| VaultError::internal("internal"))?;
    Ok(match refused {
        None => Verdict::Holds { json },
        Some(why) => Verdict::Refused {
            code: why.code().to_owned(),
            cannot_tell: matches!(
                why,
                Rejection::OriginUnknown
                    | Rejection::KeyUnknown
                    | Rejection::QuorumNotMet
                    | Rejection::UnsupportedVersion
                    | Rejection::SchemaUnknown
            ),
            json,
        },
    })
}

impl From<Disclosure> for core::Disclosure {
    fn from(disclosure: Disclosure) -> Self {
        match disclosure {
            Disclosure::Whole => Self::Whole,
            Disclosure::Fields { slots } => Self::Fields(slots),
            Disclosure::Nothing => Self::None,
        }
    }
}

impl From<Facts> for ReceiptFacts {
    fn from(facts: Facts) -> Self {
        let seconds = facts.existed_by.and_then(|s| i64::try_from(s).ok());
        let shown = facts.disclosed.iter().flat_map(|shown| &shown.fields);
        let small = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        Self {
            record: facts.record_hash.map(RecordId),
            shown: shown.map(|(slot, _)| *slot).collect(),
            time: Timestamp(facts.entry.event.time),
            existed_by: seconds.map(|s| Timestamp(s.saturating_mul(1_000))),
            log: facts.logged.origin.clone(),
            index: facts.index,
            size: facts.logged.size,
            of_witnesses: small(facts.witnessed.of),
            quorum: small(facts.witnessed.quorum),
            witnesses: facts.witnessed.names,
        }
    }
}
