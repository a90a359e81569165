//! Whether a request holds: certificates, the directory, signatures, the key inside, the code.
//!
//! The order matters only for the code that is kept; every step must hold. A request that does not
//! is kept with its code and never shown as one that can be granted.

use super::Party;
use super::code;
use super::kept::{CheckedRequest, KeptRequest, Proven};
use super::writers::{Certificates, keep};
use crate::Error;
use crate::channels::Channel;
use crate::heads::Head;
use crate::sync::round::{Asked, Round};
use crate::vault::Core;
use vitalwitness_domain::cert::{
    CertError, OrganisationCert, PersonCert, verify_organisation, verify_person,
};
use vitalwitness_domain::grant::RequestDocument;
use vitalwitness_domain::hpke;
use vitalwitness_domain::record::{Hash, Id};
use vitalwitness_domain::sync::Answer;
use vitalwitness_domain::wire::{Directory, EntryProof, Hash32, Logged, Request, Role};
use vitalwitness_proof::entry::{DIRECTORY, Entry, Event, EventType, SignedEvent, entry_leaf};
use vitalwitness_proof::keys::PublicKey;
use vitalwitness_proof::merkle::verify_inclusion;

impl Round<'_> {
    /// Checks a request; done when a verdict is kept, whichever it is.
    pub(crate) async fn check_request(&mut self, id: &Hash) -> Result<Asked, Error> {
        let loaded = self
            .vault
            .with(|core| Ok::<_, Error>(KeptRequest::load(id, &core.store.reader())?))?;
        let Some(mut kept) = loaded else {
            return Ok(Asked::Gone);
        };
        if kept.checked.is_some() || kept.refused.is_some() {
            return Ok(Asked::Done);
        }
        let verdict = match self.chain(&kept.request) {
            Ok((organisation, person)) => match self.directory(&organisation).await? {
                Listed::Yes => self
                    .vault
                    .with(|core| core.read_request(&kept, &organisation, &person))?,
                Listed::No => Err("directory"),
                Listed::Unknown(asked) => return Ok(asked),
            },
            Err(code) => Err(code),
        };
        match verdict {
            Ok(checked) => kept.checked = Some(checked),
            Err(code) => {
                log::warn!("a request did not hold: {code}");
                kept.refused = Some(code.to_owned());
            }
        }
        self.vault
            .with(|core| Ok::<_, Error>(core.store.write(|tx| kept.save(tx))?))?;
        Ok(Asked::Done)
    }

    /// Both certificates chain to the pinned authority and name one organisation.
    fn chain(&self, request: &Request) -> Result<(OrganisationCert, PersonCert), &'static str> {
        let now_ms = self.client.server_now_ms();
        let ca = &self.settings.ca;
        let organisation =
            verify_organisation(&request.organisation.0, ca, now_ms).map_err(CertError::code)?;
        let person = verify_person(&request.person.0, ca, now_ms).map_err(CertError::code)?;
        if organisation.role == Role::Auditor {
            Err(CertError::Role.code())
        } else if person.organisation == organisation.id {
            Ok((organisation, person))
        } else {
            Err("cert_organisation")
        }
    }

    /// Whether the log holds the organisation's ENROL of exactly this certificate.
    async fn directory(&mut self, organisation: &OrganisationCert) -> Result<Listed, Error> {
        let target = format!("/v1/receipts/{}?type=1", Hash32(organisation.hash));
        let answer: Result<EntryProof, _> = self.client.call("GET", &target, None::<&()>).await;
        match Listed::of(answer) {
            Ok(proof) => self.is_listed(&proof.logged, &organisation.into()).await,
            Err(listed) => Ok(listed),
        }
    }

    /// Whether the log holds this ENROL of exactly this certificate.
    async fn is_listed(&mut self, logged: &Logged, certified: &Certified) -> Result<Listed, Error> {
        let entry = match Entry::decode(&logged.entry.0) {
            Ok(entry) if lists(&entry, certified) => entry,
            _ => return Ok(Listed::No),
        };
        let mut head = self.accepted()?;
        let index = logged.index;
        if head.as_ref().is_none_or(|(size, _)| *size <= index) {
            match self.head().await? {
                Asked::Done => head = self.accepted()?,
                other => return Ok(Listed::Unknown(other)),
            }
        }
        let Some((size, root)) = head.filter(|(size, _)| *size > index) else {
            // The log's signed head does not hold it yet.
            return Ok(Listed::Unknown(Asked::Later));
        };
        let path = match self.inclusion(index, size).await {
            Ok(path) => path,
            Err(asked) => return Ok(Listed::Unknown(asked)),
        };
        let leaf = entry_leaf(&entry.encode());
        Ok(match verify_inclusion(&leaf, index, size, &path, &root) {
            Ok(()) => Listed::Yes,
            Err(_) => Listed::No,
        })
    }

    /// Looks in the directory for the person who signed an entry of a grantee, and for their
    /// organisation: who writes need not be who asked. Done: what holds is kept.
    pub(crate) async fn learn_writer(&mut self, entry: &Entry) -> Result<Asked, Error> {
        let answer: Result<Directory, _> =
            self.client.open("GET", "/v1/directory", None::<&()>).await;
        let told = match answer {
            Ok(told) => told.enrolled,
            Err(error) => return Ok(Asked::from_answer(Err(error))),
        };
        let (ca, time_ms) = (self.settings.ca.clone(), entry.event.time);
        let mut found = Vec::new();
        for enrolled in &told {
            let Ok(person) = verify_person(&enrolled.certificate.0, &ca, time_ms) else {
                continue;
            };
            if person.id != entry.signed.signer {
                continue;
            }
            for house in &told {
                let Ok(organisation) = verify_organisation(&house.certificate.0, &ca, time_ms)
                else {
                    continue;
                };
                if organisation.id != person.organisation {
                    continue;
                }
                for (logged, certified) in [
                    (&enrolled.logged, Certified::from(&person)),
                    (&house.logged, Certified::from(&organisation)),
                ] {
                    match self.is_listed(logged, &certified).await? {
                        Listed::Yes => {}
                        Listed::No => return Ok(Asked::Later),
                        Listed::Unknown(asked) => return Ok(asked),
                    }
                }
                found.push(Certificates {
                    person: enrolled.certificate.0.clone(),
                    organisation: house.certificate.0.clone(),
                });
            }
        }
        if found.is_empty() {
            return Ok(Asked::Later);
        }
        let signer = entry.signed.signer;
        self.vault
            .with(|core| Ok::<_, Error>(core.store.write(|tx| keep(&signer, &found, tx))?))?;
        Ok(Asked::Done)
    }

    fn accepted(&self) -> Result<Option<(u64, Hash)>, Error> {
        self.vault.with(|core| {
            let head = Head::load(&self.settings.origin, &core.store.reader())?;
            let Some(head) = head else {
                return Ok(None);
            };
            let checkpoint = head.read()?.checkpoint;
            Ok(Some((checkpoint.size, checkpoint.root)))
        })
    }
}

/// Whether an organisation is in the directory.
enum Listed {
    Yes,
    No,
    Unknown(Asked),
}

impl Listed {
    fn of(answer: Result<EntryProof, crate::client::ClientError>) -> Result<EntryProof, Self> {
        match answer {
            Ok(proof) => Ok(proof),
            Err(error) => match Asked::from_answer(Err(error)) {
                Asked::Answer(Answer::Refused { status: 404, .. }) => Err(Self::No),
                other => Err(Self::Unknown(other)),
            },
        }
    }
}

/// Whose ENROL is looked for: id and SPKI of the key, hash of the certificate.
struct Certified {
    id: Id,
    spki: [u8; 91],
    hash: Hash,
}

impl From<&OrganisationCert> for Certified {
    fn from(cert: &OrganisationCert) -> Self {
        let (id, spki, hash) = (cert.id, cert.spki, cert.hash);
        Self { id, spki, hash }
    }
}

impl From<&PersonCert> for Certified {
    fn from(cert: &PersonCert) -> Self {
        let (id, spki, hash) = (cert.id, cert.spki, cert.hash);
        Self { id, spki, hash }
    }
}

/// Whether `entry` is the certified one's own, signed ENROL of the certificate.
fn lists(entry: &Entry, certified: &Certified) -> bool {
    let event = &entry.event;
    event.kind == EventType::Enrol
        && event.channel == DIRECTORY
        && event.owner == certified.id
        && entry.signed.signer == certified.id
        && event.recordhash == certified.hash
        && signed_by(&entry.signed, event.kind, &certified.spki)
}

fn signed_by(signed: &SignedEvent, kind: EventType, spki: &[u8]) -> bool {
    PublicKey::from_spki(spki).is_ok_and(|key| signed.verify(kind, &key).is_ok())
}

impl Core {
    /// The signed event, what is sealed inside, and the proof of the code.
    fn read_request(
        &self,
        kept: &KeptRequest,
        organisation: &OrganisationCert,
        person: &PersonCert,
    ) -> Result<Result<CheckedRequest, &'static str>, Error> {
        let request = &kept.request;
        let own = Channel::load(kept.channel[0], &self.store.reader())?;
        let Some(channel) = own.filter(|own| own.secrets.channel == kept.channel) else {
            return Ok(Err("request_channel"));
        };
        let secrets = &channel.secrets;
        let signed = SignedEvent {
            event: request.event.event.0.clone(),
            signer: request.event.signer.0,
            signature: request.event.signature.0,
        };
        let Ok(event) = Event::decode(&signed.event) else {
            return Ok(Err(UNREADABLE));
        };
        let names = event.kind == EventType::Request
            && event.channel == kept.channel
            && event.owner == secrets.owner.id()
            && event.receiver == Some(organisation.id)
            && signed.signer == person.id;
        if !names || !signed_by(&signed, event.kind, &person.spki) {
            return Ok(Err("request_signature"));
        }
        let Some(wanted_end_ms) = event.expiry else {
            return Ok(Err("request_expiry"));
        };
        let Ok(enc) = request.sealed.enc.0.as_slice().try_into() else {
            return Ok(Err("request_sealing"));
        };
        let info = hpke::info::request(&secrets.channel);
        let ciphertext = &request.sealed.ciphertext.0;
        let Ok(plain) = hpke::open(&secrets.inbox, &enc, &info, &[], ciphertext) else {
            return Ok(Err("request_sealing"));
        };
        let Ok(document) = RequestDocument::decode(&plain) else {
            return Ok(Err("request_document"));
        };
        if document.hash() != event.recordhash || event.recordhash != kept.id {
            return Ok(Err("request_document"));
        }
        // The key that grants are sealed to is the certified one, and the one that was asked with.
        if document.hpke_spki != organisation.hpke_spki {
            return Ok(Err("request_key"));
        }
        let expect = code::proof(&secrets.code_secret, &document.hpke_spki, &event.recordhash);
        let proven = match &request.proof {
            None => Proven::Typed,
            Some(proof) if same(&proof.0, &expect) => Proven::Qr,
            Some(_) => return Ok(Err("request_proof")),
        };
        Ok(Ok(CheckedRequest {
            organisation: Party {
                id: organisation.id,
                name: organisation.name.clone(),
            },
            role: organisation.role,
            person: Party {
                id: person.id,
                name: person.name.clone(),
            },
            person_role: person.role.clone(),
            document: plain.to_vec(),
            proven,
            time_ms: event.time,
            wanted_end_ms,
        }))
    }
}

/// Whether two codes are the same, in a time that does not tell where they differ.
fn same(a: &[u8; 32], b: &[u8; 32]) -> bool {
    a.iter().zip(b).fold(0, |all, (a, b)| all | (a ^ b)) == 0
}

/// Code of a request whose event cannot be read.
pub(super) const UNREADABLE: &str = "request_event";
