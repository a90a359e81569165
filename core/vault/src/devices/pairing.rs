//! Pairing by two codes: the new device's keys there, the account and the cloud back.

use super::secrets::open_secret;
use super::{Device, STATED_BY, other_deks};
use crate::Error;
use crate::account::{Account, device_key, new_alias};
use crate::client::{Client, ClientError, Transport};
use crate::keys::{KeyKind, key_id};
use crate::kit::Kit;
use crate::store::{Priority, Store, StoreError};
use crate::sync::{CloudSettings, SyncReport, link};
use crate::tasks::Task;
use crate::vault::{Env, Statement, Vault};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use vitalwitness_domain::wire::{Bytes, DeviceStatement, Id16, Sig64};
use vitalwitness_proof::cbor::{Encoder, Reader};
use vitalwitness_proof::{Rejection, sha256};

/// A new device that waits for the account.
pub struct Pairing {
    dsk: String,
    dek: String,
    code: String,
}

impl Pairing {
    /// Makes the device's keys.
    ///
    /// # Errors
    ///
    /// What the key store says.
    pub fn begin(env: &Env) -> Result<Self, Error> {
        let random = env.random.as_ref();
        let (dsk, dek) = (new_alias(random)?, new_alias(random)?);
        env.keystore.create(&dsk, KeyKind::Sign)?;
        env.keystore.create(&dek, KeyKind::Agree)?;
        let mut out = Encoder::new();
        out.array(3).int(1).bytes(&env.keystore.public(&dsk)?);
        out.bytes(&env.keystore.public(&dek)?);
        let code = format!("{CODE}{}", URL_SAFE_NO_PAD.encode(out.finish()));
        Ok(Self { dsk, dek, code })
    }

    /// What the first device scans.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// Makes the vault at `path` out of the first device's `answer`, and pulls all there is.
    ///
    /// # Errors
    ///
    /// [`ClientError::Unreadable`] when the answer is none, or the cloud shows other keys than
    /// the first device trusts.
    pub async fn finish(
        self,
        path: &Path,
        answer: &str,
        env: Env,
        transport: &Arc<dyn Transport>,
    ) -> Result<(Vault, SyncReport), Error> {
        let answer = PairAnswer::parse(answer).map_err(|_| ClientError::Unreadable)?;
        let client = Client::new(transport.clone(), env.clock.clone(), env.random.clone());
        let settings = CloudSettings::fetch(&answer.url, &client).await?;
        let same = settings.origin == answer.origin
            && sha256(&[settings.trust.as_bytes()]) == answer.trust
            && sha256(&[&settings.ca]) == answer.ca;
        if !same {
            return Err(ClientError::Unreadable.into());
        }
        let vault = self.make(path, &answer, env.clone())?;
        let account = vault.with(|core| Ok::<_, Error>(core.account.clone()))?;
        let opened = vault
            .first_sync(&settings, transport, None, |recovery| {
                let key = device_key(env.keystore.as_ref(), &account)?;
                let id = key_id(&env.keystore.public(&account.dek)?);
                open_secret(recovery, &id, &key, &account.id)
            })
            .await;
        match opened {
            Ok(report) => Ok((vault, report)),
            Err(error) => {
                vault.erase_all()?;
                Err(error)
            }
        }
    }

    fn make(self, path: &Path, answer: &PairAnswer, env: Env) -> Result<Vault, Error> {
        if path.exists() {
            return Err(StoreError::Exists.into());
        }
        let dbk = new_alias(env.random.as_ref())?;
        env.keystore.create(&dbk, KeyKind::Wrap)?;
        let keystore = env.keystore.as_ref();
        let mut store = Store::create(path, &dbk, keystore, env.random.clone())?;
        let account = Account::paired(&answer.aik, &answer.kk, self.dsk, self.dek);
        let statement = Statement {
            origin: answer.origin.clone(),
            time_ms: answer.time_ms,
            signature: answer.signature,
        };
        store.write(|tx| {
            account.save(tx)?;
            statement.save(tx)?;
            let mut by = Encoder::new();
            by.bytes(&answer.by);
            link::put(STATED_BY, by, tx)?;
            tx.queue(Priority::Account, &Task::Account.encode())?;
            Ok::<_, Error>(())
        })?;
        Vault::with_store(store, env)
    }
}

impl fmt::Debug for Pairing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pairing(..)")
    }
}

impl Vault {
    /// Takes the device whose `code` was scanned into the account; gives what it scans back.
    /// Everything it needs is in the cloud when this returns.
    ///
    /// # Errors
    ///
    /// [`ClientError::Unreadable`] when the code is none; [`ClientError::Offline`] when the cloud
    /// does not answer: call again. [`crate::kit::KitError::Needed`] when this device has no key that signs
    /// grants in the log yet; see [`Vault::pair_with_kit`].
    pub async fn pair(&self, code: &str, transport: &Arc<dyn Transport>) -> Result<String, Error> {
        self.pair_by(code, None, transport).await
    }

    /// As [`Vault::pair`], signed by the recovery kit.
    ///
    /// # Errors
    ///
    /// [`crate::kit::KitError::OtherAccount`]; as [`Vault::pair`].
    pub async fn pair_with_kit(
        &self,
        code: &str,
        kit: &Kit,
        transport: &Arc<dyn Transport>,
    ) -> Result<String, Error> {
        self.pair_by(code, Some(kit), transport).await
    }

    async fn pair_by(
        &self,
        code: &str,
        kit: Option<&Kit>,
        transport: &Arc<dyn Transport>,
    ) -> Result<String, Error> {
        let (dsk, dek) = parse_code(code).map_err(|_| ClientError::Unreadable)?;
        let settings = self.cloud()?.ok_or(ClientError::NotConnected)?;
        self.sync_all(transport).await?;
        self.learn_devices(transport).await?;
        let statement = self.with(|core| {
            core.can_sign_present(kit)?;
            let time = core.server_ms()?;
            let account = &core.account;
            let message = Statement::message(&settings.origin, &account.id, &dsk, &dek, time);
            let keystore = core.env.keystore.as_ref();
            Ok::<_, Error>(DeviceStatement {
                account: Id16(account.id),
                dsk: Bytes(dsk.clone()),
                dek: Bytes(dek.clone()),
                time,
                by: Some(Id16(key_id(&keystore.public(&account.dsk)?))),
                signature: Sig64(keystore.sign(&account.dsk, &message)?),
            })
        })?;
        let client = self.client(transport)?;
        client
            .open_tell("POST", "/v1/devices", Some(&statement))
            .await?;
        self.with(|core| {
            let own = key_id(&core.env.keystore.public(&core.account.dsk)?);
            let device = Device::stated_by(own, statement.time, dsk.clone(), dek);
            let next = core.next_secret()?;
            let mut deks = other_deks(&core.store.reader())?;
            deks.retain(|dek| *dek != device.dek);
            deks.push(device.dek.clone());
            let body = core.recovery_of(&next.new, deks, kit)?;
            let closes = core.store.write(|tx| {
                device.save(tx)?;
                next.follow(Some(&body), tx)
            })?;
            if closes {
                core.streams.close_all();
            }
            Ok::<_, Error>(())
        })?;
        let report = self.sync_all(transport).await?;
        if !report.done {
            let retry_after_s = None;
            return Err(ClientError::Offline { retry_after_s }.into());
        }
        self.with(|core| {
            Ok(PairAnswer {
                url: settings.url.clone(),
                origin: settings.origin.clone(),
                trust: sha256(&[settings.trust.as_bytes()]),
                ca: sha256(&[&settings.ca]),
                aik: core.account.aik.clone(),
                kk: core.account.kk.clone(),
                by: statement.by.map(|by| by.0).unwrap_or_default(),
                time_ms: statement.time,
                signature: statement.signature.0,
            }
            .text())
        })
    }
}

/// What the first device says back.
struct PairAnswer {
    url: String,
    origin: String,
    trust: [u8; 32],
    ca: [u8; 32],
    aik: Vec<u8>,
    kk: Vec<u8>,
    by: [u8; 16],
    time_ms: i64,
    signature: [u8; 64],
}

impl PairAnswer {
    fn text(&self) -> String {
        let mut out = Encoder::new();
        out.array(10).int(1).text(&self.url).text(&self.origin);
        out.bytes(&self.trust).bytes(&self.ca);
        out.bytes(&self.aik).bytes(&self.kk).bytes(&self.by);
        out.int(self.time_ms).bytes(&self.signature);
        format!("{ANSWER}{}", URL_SAFE_NO_PAD.encode(out.finish()))
    }

    fn parse(text: &str) -> Result<Self, Rejection> {
        let bytes = decoded(text, ANSWER)?;
        let mut reader = Reader::new(&bytes);
        reader.array_of(10)?;
        if reader.int()? != 1 {
            return Err(Rejection::UnsupportedVersion);
        }
        let answer = Self {
            url: reader.text()?.to_owned(),
            origin: reader.text()?.to_owned(),
            trust: reader.byte_array()?,
            ca: reader.byte_array()?,
            aik: reader.byte_array::<91>()?.to_vec(),
            kk: reader.byte_array::<91>()?.to_vec(),
            by: reader.byte_array()?,
            time_ms: reader.int()?,
            signature: reader.byte_array()?,
        };
        reader.finish()?;
        Ok(answer)
    }
}

fn parse_code(text: &str) -> Result<(Vec<u8>, Vec<u8>), Rejection> {
    let bytes = decoded(text, CODE)?;
    let mut reader = Reader::new(&bytes);
    reader.array_of(3)?;
    if reader.int()? != 1 {
        return Err(Rejection::UnsupportedVersion);
    }
    let dsk = reader.byte_array::<91>()?.to_vec();
    let dek = reader.byte_array::<91>()?.to_vec();
    reader.finish()?;
    Ok((dsk, dek))
}

fn decoded(text: &str, head: &str) -> Result<Vec<u8>, Rejection> {
    let body = text.trim().strip_prefix(head).ok_or(Rejection::Malformed)?;
    URL_SAFE_NO_PAD
        .decode(body)
        .map_err(|_| Rejection::Malformed)
}

const CODE: &str = "vwp1:";
const ANSWER: &str = "vwq1:";
