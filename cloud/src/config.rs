//! The server's settings: a TOML file, then `VW_CLOUD_*` variables over it.
//!
//! Every wrong setting is one sentence that names its key. A variable names a key in capitals,
//! with `__` for a dot: `VW_CLOUD_LIMITS__QUOTA_BYTES=1000000`.

use crate::{Error, Result};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// All settings of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Address and port; without `tls` only loopback.
    pub listen: SocketAddr,
    /// Folder of everything the server keeps.
    pub data: PathBuf,
    /// Name of the log, in every checkpoint and receipt.
    pub origin: String,
    /// Certificate chain and key files (PEM).
    pub tls: Option<Tls>,
    /// Sizes and times.
    pub limits: LimitSettings,
    /// Requests per second.
    pub rate: Rate,
    /// Who cosigns checkpoints.
    pub witnesses: Vec<WitnessSettings>,
    /// How many cosignatures a verifier shall ask for.
    pub quorum: u32,
    /// Name of the certificate authority, as in its root.
    pub ca_name: String,
}

/// Files of the server's certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// PEM file of the chain, the server's first.
    pub certificate: PathBuf,
    /// PEM file of the private key.
    pub key: PathBuf,
}

/// Sizes in bytes, times in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitSettings {
    /// Largest part of an upload.
    pub part_bytes: u32,
    /// Largest sealed batch.
    pub batch_bytes: u64,
    /// Largest JSON body.
    pub body_bytes: u32,
    /// Bytes an account may store.
    pub quota_bytes: u64,
    /// Longest session.
    pub session_s: u32,
    /// How far a request's time may be off.
    pub clock_tolerance_s: u32,
    /// How long a delivery can be fetched.
    pub delivery_s: u32,
    /// How long one request may take.
    pub request_s: u32,
}

/// Requests per second and how many at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Of one session.
    pub session_per_s: u32,
    /// Of one session at once.
    pub session_burst: u32,
    /// Of one address.
    pub ip_per_s: u32,
    /// Of one address at once.
    pub ip_burst: u32,
}

/// A witness.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WitnessSettings {
    /// Where it listens: `http://host:port`.
    pub url: String,
    /// Its key: C2SP `name+hex id+base64`.
    pub vkey: String,
}

impl Config {
    /// Settings that need nothing but a folder: loopback, any port, no witness.
    pub fn new(data: impl Into<PathBuf>) -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            data: data.into(),
            origin: "vitalwitness.local/log".to_owned(),
            tls: None,
            limits: LimitSettings::default(),
            rate: Rate::default(),
            witnesses: Vec::new(),
            quorum: 0,
            ca_name: "Vitalwitness CA".to_owned(),
        }
    }

    /// Reads `file` (if there is one) and puts `env` over it.
    ///
    /// # Errors
    ///
    /// [`Error::Config`]: one sentence that names the key.
    pub fn load(
        file: Option<&Path>,
        env: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self> {
        let mut table = match file {
            None => Table::new(),
            Some(path) => read_toml(path)?,
        };
        overlay(&mut table, "VW_CLOUD_", env)?;
        Self::from_table(table)
    }

    fn from_table(table: Table) -> Result<Self> {
        let mut keys = Keys::new(table);
        let defaults = Self::new("vitalwitness-data");
        let mut config = Self {
            listen: match keys.text("listen")? {
                Some(text) => text.parse().map_err(|_| {
                    wrong("listen", "an address and port such as \"127.0.0.1:8480\"")
                })?,
                None => SocketAddr::from(([127, 0, 0, 1], 8480)),
            },
            data: keys.text("data")?.map_or(defaults.data, PathBuf::from),
            origin: keys.text("origin")?.unwrap_or(defaults.origin),
            ca_name: keys.text("ca_name")?.unwrap_or(defaults.ca_name),
            ..Self::new("")
        };
        let limits = &mut config.limits;
        keys.number("limits.part_bytes", &mut limits.part_bytes, 1024, 262_144)?;
        keys.number("limits.batch_bytes", &mut limits.batch_bytes, 1024, 1 << 30)?;
        keys.number("limits.body_bytes", &mut limits.body_bytes, 4096, 1 << 26)?;
        keys.number("limits.quota_bytes", &mut limits.quota_bytes, 0, 1 << 50)?;
        keys.number("limits.session_s", &mut limits.session_s, 60, 2_592_000)?;
        keys.number(
            "limits.clock_tolerance_s",
            &mut limits.clock_tolerance_s,
            1,
            3600,
        )?;
        keys.number("limits.delivery_s", &mut limits.delivery_s, 1, 86_400)?;
        keys.number("limits.request_s", &mut limits.request_s, 1, 3600)?;
        let rate = &mut config.rate;
        keys.number("rate.session_per_s", &mut rate.session_per_s, 1, 1_000_000)?;
        keys.number("rate.session_burst", &mut rate.session_burst, 1, 1_000_000)?;
        keys.number("rate.ip_per_s", &mut rate.ip_per_s, 1, 1_000_000)?;
        keys.number("rate.ip_burst", &mut rate.ip_burst, 1, 1_000_000)?;
        config.tls = match (keys.text("tls.certificate")?, keys.text("tls.key")?) {
            (None, None) => None,
            (Some(certificate), Some(key)) => Some(Tls {
                certificate: certificate.into(),
                key: key.into(),
            }),
            (Some(_), None) => return Err(wrong("tls.key", "set where tls.certificate is")),
            (None, Some(_)) => return Err(wrong("tls.certificate", "set where tls.key is")),
        };
        config.witnesses = keys.witnesses()?;
        let count = u32::try_from(config.witnesses.len()).unwrap_or(u32::MAX);
        config.quorum = if count == 0 { 0 } else { count / 2 + 1 };
        keys.number("quorum", &mut config.quorum, 0, count)?;
        keys.none_left()?;
        config.check()?;
        Ok(config)
    }

    /// Checks what does not depend on one key alone.
    pub(crate) fn check(&self) -> Result<()> {
        if self.tls.is_none() && !self.listen.ip().is_loopback() {
            return Err(wrong(
                "listen",
                "a loopback address unless tls.certificate and tls.key are set",
            ));
        }
        if !is_key_name(&self.origin) {
            return Err(wrong("origin", "1 to 128 of A-Z a-z 0-9 . - _ : /"));
        }
        Ok(())
    }
}

impl Default for LimitSettings {
    fn default() -> Self {
        Self {
            part_bytes: 262_144,
            batch_bytes: 64 << 20,
            body_bytes: 4 << 20,
            quota_bytes: 1 << 30,
            session_s: 86_400,
            clock_tolerance_s: 300,
            delivery_s: 3600,
            request_s: 60,
        }
    }
}

impl Default for Rate {
    fn default() -> Self {
        Self {
            session_per_s: 400,
            session_burst: 4000,
            ip_per_s: 2000,
            ip_burst: 20_000,
        }
    }
}

/// Whether `name` may name a log or witness.
pub(crate) fn is_key_name(name: &str) -> bool {
    (1..=128).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b".-_:/".contains(&b))
}

/// The sentence for a wrong setting.
pub(crate) fn wrong(key: &str, should_be: &str) -> Error {
    Error::Config(format!("setting `{key}` must be {should_be}"))
}

/// Reads a TOML file.
pub(crate) fn read_toml(path: &Path) -> Result<Table> {
    let text = std::fs::read_to_string(path).map_err(|cause| {
        Error::Config(format!(
            "the settings file {} cannot be read: {cause}",
            path.display()
        ))
    })?;
    text.parse::<Table>().map_err(|cause| {
        let line = cause.span().map_or(1, |span| {
            text.get(..span.start).unwrap_or("").matches('\n').count() + 1
        });
        Error::Config(format!(
            "the settings file {} is not TOML at line {line}: {}",
            path.display(),
            cause.message()
        ))
    })
}

/// Puts variables that begin with `prefix` over `table`.
pub(crate) fn overlay(
    table: &mut Table,
    prefix: &str,
    env: impl IntoIterator<Item = (String, String)>,
) -> Result<()> {
    for (name, text) in env {
        let Some(key) = name.strip_prefix(prefix) else {
            continue;
        };
        let key = key.to_ascii_lowercase().replace("__", ".");
        let value = format!("v = {text}")
            .parse::<Table>()
            .ok()
            .and_then(|mut parsed| parsed.remove("v"))
            .unwrap_or(Value::String(text));
        let (folder, last) = match key.split_once('.') {
            None => (&mut *table, key.as_str()),
            Some((section, last)) => {
                let inner = table
                    .entry(section)
                    .or_insert_with(|| Value::Table(Table::new()));
                let Some(inner) = inner.as_table_mut() else {
                    return Err(wrong(section, "a section"));
                };
                (inner, last)
            }
        };
        folder.insert(last.to_owned(), value);
    }
    Ok(())
}

/// Takes keys out of a table; what is left at the end is unknown.
pub(crate) struct Keys(Table);

impl Keys {
    pub(crate) fn new(table: Table) -> Self {
        Self(table)
    }

    fn take(&mut self, key: &str) -> Result<Option<Value>> {
        match key.split_once('.') {
            None => Ok(self.0.remove(key)),
            Some((section, last)) => match self.0.get_mut(section) {
                None => Ok(None),
                Some(Value::Table(inner)) => Ok(inner.remove(last)),
                Some(_) => Err(wrong(section, "a section")),
            },
        }
    }

    /// A text that is not empty.
    pub(crate) fn text(&mut self, key: &str) -> Result<Option<String>> {
        match self.take(key)? {
            None => Ok(None),
            Some(Value::String(text)) if !text.is_empty() => Ok(Some(text)),
            Some(_) => Err(wrong(key, "a text that is not empty")),
        }
    }

    /// Texts, possibly none.
    pub(crate) fn texts(&mut self, key: &str) -> Result<Vec<String>> {
        let must = || wrong(key, "a list of texts");
        match self.take(key)? {
            None => Ok(Vec::new()),
            Some(Value::String(text)) => Ok(vec![text]),
            Some(Value::Array(items)) => items
                .into_iter()
                .map(|item| match item {
                    Value::String(text) => Ok(text),
                    _ => Err(must()),
                })
                .collect(),
            Some(_) => Err(must()),
        }
    }

    /// A whole number within bounds; `slot` keeps what it has if the key is absent.
    fn number<N>(&mut self, key: &str, slot: &mut N, least: N, most: N) -> Result<()>
    where
        N: TryFrom<i64> + PartialOrd + std::fmt::Display + Copy,
    {
        let Some(value) = self.take(key)? else {
            return Ok(());
        };
        let number = value.as_integer().and_then(|n| N::try_from(n).ok());
        match number {
            Some(number) if number >= least && number <= most => {
                *slot = number;
                Ok(())
            }
            _ => Err(wrong(
                key,
                &format!("a whole number from {least} to {most}"),
            )),
        }
    }

    fn witnesses(&mut self) -> Result<Vec<WitnessSettings>> {
        let Some(value) = self.0.remove("witness") else {
            return Ok(Vec::new());
        };
        let Value::Array(items) = value else {
            return Err(wrong("witness", "a list: [[witness]] with url and vkey"));
        };
        let mut witnesses = Vec::new();
        for item in items {
            let Value::Table(table) = item else {
                return Err(wrong("witness", "a list: [[witness]] with url and vkey"));
            };
            let mut keys = Keys(table);
            let url = keys
                .text("url")?
                .filter(|url| url.starts_with("http://") || url.starts_with("https://"))
                .ok_or_else(|| wrong("witness.url", "an address such as \"http://host:port\""))?;
            let vkey = keys
                .text("vkey")?
                .ok_or_else(|| wrong("witness.vkey", "the witness's key"))?;
            if let Some(key) = keys.0.keys().next() {
                return Err(unknown(&format!("witness.{key}")));
            }
            witnesses.push(WitnessSettings {
                url: url.trim_end_matches('/').to_owned(),
                vkey,
            });
        }
        Ok(witnesses)
    }

    /// Refuses what nobody took.
    pub(crate) fn none_left(&self) -> Result<()> {
        for (key, value) in &self.0 {
            match value {
                Value::Table(inner) => {
                    if let Some(last) = inner.keys().next() {
                        return Err(unknown(&format!("{key}.{last}")));
                    }
                }
                _ => return Err(unknown(key)),
            }
        }
        Ok(())
    }
}

fn unknown(key: &str) -> Error {
    Error::Config(format!("setting `{key}` is not known"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that fails should panic")]
mod tests {
    use super::*;

    fn load(text: &str, env: &[(&str, &str)]) -> Result<Config> {
        let mut table = text.parse::<Table>().unwrap();
        let env = env.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        overlay(&mut table, "VW_CLOUD_", env)?;
        Config::from_table(table)
    }

    #[test]
    fn every_wrong_setting_is_one_sentence_that_names_its_key() {
        for (text, says) in [
            (
                "listen = 5",
                "setting `listen` must be a text that is not empty",
            ),
            (
                "listen = \"here\"",
                "setting `listen` must be an address and port such as \"127.0.0.1:8480\"",
            ),
            (
                "listen = \"0.0.0.0:80\"",
                "setting `listen` must be a loopback address unless tls.certificate and tls.key are set",
            ),
            (
                "[limits]\npart_bytes = 1",
                "setting `limits.part_bytes` must be a whole number from 1024 to 262144",
            ),
            ("limits = 3", "setting `limits` must be a section"),
            ("[limits]\nquota = 1", "setting `limits.quota` is not known"),
            ("colour = 1", "setting `colour` is not known"),
            (
                "[tls]\nkey = \"k\"",
                "setting `tls.certificate` must be set where tls.key is",
            ),
            (
                "[[witness]]\nurl = \"w\"",
                "setting `witness.url` must be an address such as \"http://host:port\"",
            ),
            (
                "quorum = 1",
                "setting `quorum` must be a whole number from 0 to 0",
            ),
            (
                "origin = \"a b\"",
                "setting `origin` must be 1 to 128 of A-Z a-z 0-9 . - _ : /",
            ),
        ] {
            assert_eq!(load(text, &[]).unwrap_err().to_string(), says, "{text}");
        }
    }

    #[test]
    fn a_variable_wins_over_the_file() {
        let env = [
            ("VW_CLOUD_LIMITS__QUOTA_BYTES", "77"),
            ("VW_CLOUD_LISTEN", "127.0.0.1:9"),
            ("OTHER", "x"),
        ];
        let config = load("[limits]\nquota_bytes = 5", &env).unwrap();
        assert_eq!(config.limits.quota_bytes, 77);
        assert_eq!(config.listen.port(), 9);
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = Config::load(Some(Path::new("/no/such/file.toml")), []).unwrap_err();
        assert!(error.to_string().contains("/no/such/file.toml"), "{error}");
    }
}
