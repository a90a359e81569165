//! Grants to the organisation: opened, and checked against the patient's list.

use super::cloud::failed;
use super::home::Home;
use super::list::{List, distrust, is_for};
use crate::outcome::{Exit, Failure, Outcome};
use crate::place::of_keys;
use vitalwitness_domain::grant::GrantDocument;
use vitalwitness_domain::hpke::{self, info};
use vitalwitness_domain::wire::GrantForGrantee;
use vitalwitness_proof::Rejection;
use vitalwitness_proof::entry::{Entry, EventType};
use vitalwitness_vault::client::Client;
use vitalwitness_vault::keys::{KeyError, PrivateKey};

/// A grant whose document fits its GRANT entry.
pub(crate) struct Granted {
    /// As the patient signed it.
    pub(crate) document: GrantDocument,
    /// The cloud says it was revoked.
    pub(crate) revoked: bool,
    /// Place of the GRANT in its list.
    pub(crate) seq: u64,
}

/// All grants to the organisation; those that do not open or fit are counted.
pub(crate) async fn all(client: &Client, home: &Home) -> Outcome<(Vec<Granted>, usize)> {
    let grants = client.grants().await.map_err(|error| failed(&error))?;
    let key = home.hpke()?;
    let mut opened = Vec::new();
    let mut unfit = 0;
    for grant in &grants {
        match open(&key, home, grant)? {
            Some(granted) => opened.push(granted),
            None => unfit += 1,
        }
    }
    opened.sort_by_key(|granted| (granted.document.not_before_ms, granted.document.id));
    Ok((opened, unfit))
}

fn open(key: &PrivateKey, home: &Home, grant: &GrantForGrantee) -> Outcome<Option<Granted>> {
    let terms = &grant.terms;
    let Ok(enc) = <[u8; 65]>::try_from(grant.document.enc.0.as_slice()) else {
        return Ok(None);
    };
    let plain = hpke::open(
        key,
        &enc,
        &info::grant(&terms.channel.0, &terms.grant.0),
        &[],
        &grant.document.ciphertext.0,
    );
    let plain = match plain {
        Ok(plain) => plain,
        Err(hpke::HpkeError::Key(_)) => return Err(of_keys(&KeyError::Unavailable)),
        Err(_) => return Ok(None),
    };
    let (Ok(document), Ok(entry)) = (
        GrantDocument::decode(&plain),
        Entry::decode(&grant.logged.entry.0),
    ) else {
        return Ok(None);
    };
    let event = &entry.event;
    let fits = event.kind == EventType::Grant
        && event.recordhash == document.hash()
        && event.channel == document.channel
        && event.owner == document.owner
        && event.expiry == Some(document.expiry_ms)
        && document.id == terms.grant.0
        && document.organisation == home.papers.organisation.0
        && is_for(event, &document.person.unwrap_or(document.organisation))
        && document.check().is_ok();
    Ok(fits.then_some(Granted {
        document,
        revoked: grant.revoked,
        seq: entry.seq,
    }))
}

impl Granted {
    /// Refuses a grant that is over, or that the owner's side did not sign.
    pub(crate) fn check_in(&self, list: &List, now_ms: i64) -> Outcome {
        let document = &self.document;
        let hash = document.hash();
        let listed = list
            .find(EventType::Grant, &hash)
            .filter(|listed| listed.entry.seq == self.seq && list.counts(&listed.entry))
            .ok_or_else(|| distrust(Rejection::EntryMismatch))?;
        if list.owner() != document.owner || listed.entry.event.owner != document.owner {
            return Err(distrust(Rejection::EntryMismatch));
        }
        if self.revoked || list.is_revoked(&hash) {
            return Err(Failure::new(
                Exit::Refused,
                "grant_revoked",
                "This is not shared with you any more: its owner stopped sharing.",
            ));
        }
        if document.expiry_ms <= now_ms {
            return Err(Failure::new(
                Exit::Refused,
                "grant_expired",
                "This is not shared with you any more: the agreed time is over.",
            ));
        }
        Ok(())
    }

    /// `live`, `ended` or `over`.
    pub(crate) fn state(&self, now_ms: i64) -> &'static str {
        if self.revoked {
            "ended by patient"
        } else if self.document.expiry_ms <= now_ms {
            "time over"
        } else if self.document.not_before_ms > now_ms {
            "not yet"
        } else {
            "live"
        }
    }
}
