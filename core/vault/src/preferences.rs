//! What a person likes to see: language and units. Kept sealed in the vault, never uploaded.

use crate::Error;
use crate::store::{DAMAGED, Kind, StoreError, Tx};
use crate::vault::Vault;
use std::collections::BTreeMap;
use vitalwitness_domain::observation;
use vitalwitness_domain::units;
use vitalwitness_proof::Rejection;
use vitalwitness_proof::cbor::{Encoder, Reader};

/// Language and units.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Preferences {
    /// BCP 47: `de`, `ar-EG`; none: the system's.
    pub language: Option<String>,
    /// UCUM unit by code: `loinc|29463-7` in `[lb_av]`.
    pub units: BTreeMap<String, String>,
}

impl Vault {
    /// Language and units.
    ///
    /// # Errors
    ///
    /// [`Error::Locked`].
    pub fn preferences(&self) -> Result<Preferences, Error> {
        self.with(|core| Ok(Preferences::load(&core.store.reader())?))
    }

    /// Sets language and units.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] for a unit that the code's values do not convert to, or a language that
    /// is no BCP 47 tag; nothing is changed then.
    pub fn set_preferences(&self, preferences: &Preferences) -> Result<(), Error> {
        let fits = preferences.units.iter().all(|(code, unit)| {
            let kind = observation::by_code(code);
            kind.is_some_and(|kind| units::converts(kind.unit, unit, kind.quantity()))
        });
        if !fits || !preferences.language.as_deref().is_none_or(is_tag) {
            return Err(Error::NotFound);
        }
        self.with(|core| core.store.write(|tx| Ok(preferences.save(tx)?)))
    }
}

impl Preferences {
    fn save(&self, tx: &Tx<'_>) -> Result<(), StoreError> {
        let mut out = Encoder::new();
        out.array(2);
        match &self.language {
            Some(language) => out.text(language),
            None => out.null(),
        };
        out.array(self.units.len());
        for (code, unit) in &self.units {
            out.array(2).text(code).text(unit);
        }
        tx.put(Kind::Meta, NAME, 0, &out.finish()).map(drop)
    }

    fn load(tx: &Tx<'_>) -> Result<Self, StoreError> {
        let Some(item) = tx.get(Kind::Meta, NAME)? else {
            return Ok(Self::default());
        };
        let parse = || {
            let mut reader = Reader::new(&item.plain);
            let mut read = Self::default();
            reader.array_of(2)?;
            if !reader.take_null() {
                read.language = Some(reader.text()?.to_owned());
            }
            for _ in 0..reader.array()? {
                reader.array_of(2)?;
                let code = reader.text()?.to_owned();
                read.units.insert(code, reader.text()?.to_owned());
            }
            reader.finish()?;
            Ok::<_, Rejection>(read)
        };
        parse().map_err(|_| DAMAGED)
    }
}

/// The shape of a BCP 47 tag.
fn is_tag(text: &str) -> bool {
    text.len() <= 35
        && text.split('-').all(|part| {
            (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric())
        })
}

const NAME: &[u8] = b"preferences";

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that fails should panic")]
mod tests {
    use super::*;
    use crate::clock::SystemClock;
    use crate::keys::{MemoryKeyStore, OsRandom};
    use crate::vault::Env;
    use std::sync::Arc;

    #[test]
    fn preferences_survive_a_lock_and_only_units_that_convert_are_taken() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("vault");
        let env = Env {
            keystore: Arc::new(MemoryKeyStore::new()),
            clock: Arc::new(SystemClock),
            random: Arc::new(OsRandom),
        };
        let (vault, _) = Vault::create(&path, "log", env.clone()).unwrap();
        let with = |language: &str, unit: &str| Preferences {
            language: Some(language.to_owned()),
            units: [("loinc|29463-7".to_owned(), unit.to_owned())].into(),
        };
        let good = with("pt-BR", "[lb_av]");
        vault.set_preferences(&good).unwrap();
        for bad in [
            with("pt-BR", "Cel"),
            with("not a tag", "kg"),
            with("", "kg"),
        ] {
            assert!(
                matches!(vault.set_preferences(&bad), Err(Error::NotFound)),
                "{bad:?}"
            );
        }
        vault.lock();
        assert_eq!(
            Vault::open(&path, env).unwrap().preferences().unwrap(),
            good
        );
    }
}
