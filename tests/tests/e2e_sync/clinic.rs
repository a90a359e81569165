//! An organisation with one person, who asks, fetches and reads.

use crate::town::{DAY, NOON, Time, Town};
use std::collections::BTreeSet;
use std::sync::Arc;
use vitalwitness_domain::cert::{verify_organisation, verify_person};
use vitalwitness_domain::envelope::{self, Unsigned, open_envelope};
use vitalwitness_domain::grant::{GrantDocument, RequestDocument, Rights};
use vitalwitness_domain::hpke::{self, SoftwareKey};
use vitalwitness_domain::policy::Category;
use vitalwitness_domain::record::Record;
use vitalwitness_domain::scope::{Codes, Scope, ScopeItem};
use vitalwitness_domain::sealed::{self, Expect};
use vitalwitness_domain::stream::{Granularity, Month};
use vitalwitness_domain::wire::{
    BatchInfo, Bytes, ChannelEntries, Contact, Delivery, Enrolment, EnrolmentCode, Envelope,
    GrantForGrantee, Hash32, Id16, Logged, Manifest, NewAccess, NewDirectoryEntry, NewEnrolment,
    NewOrganisation, Request, Role, Sealed, Sig64, SubmittedEvent,
};
use vitalwitness_proof::entry::{DIRECTORY, Event, EventType, event_message};
use vitalwitness_proof::merkle::Tree;
use vitalwitness_proof::sha256;
use vitalwitness_vault::client::{Client, ClientError, Request as HttpRequest, Transport};
use vitalwitness_vault::keys::{OsRandom, PrivateKey, random_bytes};
use vitalwitness_vault::share::ShareCode;

pub(crate) const PURPOSE: &str = "treatment of palpitations";

pub(crate) struct Clinic {
    pub(crate) client: Client,
    pub(crate) organisation: PrivateKey,
    pub(crate) person: PrivateKey,
    hpke: SoftwareKey,
    pub(crate) enrolment: Enrolment,
    time: Time,
}

/// A batch as the clinic opened it.
#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) stream_key: [u8; 16],
    pub(crate) records: Vec<Record>,
}

pub(crate) fn signed(key: &PrivateKey, event: &Event) -> SubmittedEvent {
    let bytes = event.encode();
    SubmittedEvent {
        signature: Sig64(key.sign(&event_message(&key.id(), &bytes)).unwrap()),
        event: Bytes(bytes),
        signer: Id16(key.id()),
        spki: None,
    }
}

/// A scope of codes in the months around the town's time.
pub(crate) fn scope(category: u8, codes: &[&str]) -> Scope {
    let month = |ms| Month::of(ms, 0).unwrap();
    Scope::new(vec![ScopeItem {
        category: Category::from_byte(category).unwrap(),
        codes: if codes.is_empty() {
            Codes::All
        } else {
            Codes::Only(codes.iter().map(|code| (*code).to_owned()).collect())
        },
        from: month(NOON - 100 * DAY),
        to: month(NOON + 40 * DAY),
        episode: None,
    }])
    .unwrap()
}

impl Clinic {
    pub(crate) async fn enrol(town: &Town, name: &str) -> Self {
        Self::enrol_as(town, name, Role::Provider).await
    }

    pub(crate) async fn enrol_as(town: &Town, name: &str, role: Role) -> Self {
        let mut client = town.client();
        let code: EnrolmentCode = operator(
            town,
            "/v1/operator/organisations",
            &NewOrganisation {
                name: name.to_owned(),
                role,
            },
        )
        .await;
        let organisation = PrivateKey::generate(&OsRandom).unwrap();
        let person = PrivateKey::generate(&OsRandom).unwrap();
        let ecdh = PrivateKey::generate(&OsRandom).unwrap();
        let hpke = SoftwareKey::derive(&random_bytes(&OsRandom).unwrap()).unwrap();
        let message = code_message(&code.code, &person);
        let new = NewEnrolment {
            code: code.code,
            organisation: Some(Bytes(organisation.spki().to_vec())),
            hpke: Some(Bytes(hpke_spki(&hpke).to_vec())),
            person_name: "Dr. Ada Meier".to_owned(),
            person: Bytes(person.spki().to_vec()),
            person_ecdh: Bytes(ecdh.spki().to_vec()),
            signature: Sig64(person.sign(&message).unwrap()),
        };
        let enrolment: Enrolment = client
            .open("POST", "/v1/enrolments", Some(&new))
            .await
            .unwrap();
        let now = town.time.now();
        for (key, certificate) in [
            (&organisation, &enrolment.organisation_certificate),
            (&person, &enrolment.person_certificate),
        ] {
            list(&client, key, certificate, &enrolment, now).await;
        }
        let settings = town.settings().await;
        client
            .sign_in(&settings.origin, person.id(), 80_000, |m| person.sign(m))
            .await
            .unwrap();
        Self {
            client,
            organisation,
            person,
            hpke,
            enrolment,
            time: town.time.clone(),
        }
    }

    /// A second person of the organisation, certified and signed in, not listed yet.
    pub(crate) async fn colleague(&self, town: &Town) -> Colleague {
        let mut client = town.client();
        let house = Id16(self.organisation.id());
        let target = format!("/v1/operator/organisations/{house}/codes");
        let code: EnrolmentCode = operator(town, &target, &()).await;
        let person = PrivateKey::generate(&OsRandom).unwrap();
        let ecdh = PrivateKey::generate(&OsRandom).unwrap();
        let new = NewEnrolment {
            organisation: None,
            hpke: None,
            person_name: "Nurse Eva Roth".to_owned(),
            person: Bytes(person.spki().to_vec()),
            person_ecdh: Bytes(ecdh.spki().to_vec()),
            signature: Sig64(person.sign(&code_message(&code.code, &person)).unwrap()),
            code: code.code,
        };
        let enrolment: Enrolment = client
            .open("POST", "/v1/enrolments", Some(&new))
            .await
            .unwrap();
        let settings = town.settings().await;
        client
            .sign_in(&settings.origin, person.id(), 80_000, |m| person.sign(m))
            .await
            .unwrap();
        Colleague {
            client,
            person,
            enrolment,
        }
    }

    pub(crate) fn hpke_spki(&self) -> [u8; 91] {
        hpke_spki(&self.hpke)
    }

    /// A request to read a channel, not sent.
    pub(crate) async fn request(&self, code: &ShareCode, scope: &Scope) -> Request {
        self.request_for(code, scope, Rights::READ).await
    }

    /// A request for a channel, not sent.
    pub(crate) async fn request_for(
        &self,
        code: &ShareCode,
        scope: &Scope,
        rights: Rights,
    ) -> Request {
        let locator = Id16(code.locator);
        let contact: Contact = self
            .client
            .call("GET", &format!("/v1/contacts/{locator}"), None::<&()>)
            .await
            .unwrap();
        let document = RequestDocument {
            salt: random_bytes(&OsRandom).unwrap(),
            scope: scope.clone(),
            purpose: PURPOSE.to_owned(),
            hpke_spki: self.hpke_spki().to_vec(),
            message: "please before your visit".to_owned(),
            rights,
            granularity: Granularity::Raw,
        };
        let event = Event {
            kind: EventType::Request,
            channel: contact.channel.0,
            owner: contact.owner.0,
            receiver: Some(self.organisation.id()),
            recordhash: document.hash(),
            time: self.time.now(),
            location: None,
            expiry: Some(self.time.now() + 90 * DAY),
            purpose: None,
        };
        let inbox = hpke::point_of_spki(&contact.inbox.0).unwrap();
        let info = hpke::info::request(&contact.channel.0);
        let key = SoftwareKey::derive(&random_bytes(&OsRandom).unwrap()).unwrap();
        let sealed = hpke::seal(&inbox, &info, &[], &document.encode(), key).unwrap();
        Request {
            channel: contact.channel,
            event: signed(&self.person, &event),
            sealed: Sealed {
                enc: Bytes(sealed.enc.to_vec()),
                ciphertext: Bytes(sealed.ciphertext),
            },
            proof: code.proof(&self.hpke_spki(), &document.hash()).map(Hash32),
            person: self.enrolment.person_certificate.clone(),
            organisation: self.enrolment.organisation_certificate.clone(),
        }
    }

    /// Asks, if the cloud knows the channel already.
    pub(crate) async fn try_ask(&self, code: &ShareCode, scope: &Scope) -> Option<[u8; 32]> {
        let locator = Id16(code.locator);
        let target = format!("/v1/contacts/{locator}");
        let contact: Result<Contact, _> = self.client.call("GET", &target, None::<&()>).await;
        contact.ok()?;
        Some(self.ask(code, scope).await)
    }

    /// Asks; gives the request's recordhash.
    pub(crate) async fn ask(&self, code: &ShareCode, scope: &Scope) -> [u8; 32] {
        self.send(&self.request(code, scope).await).await
    }

    /// Sends a request; gives its recordhash.
    pub(crate) async fn send(&self, request: &Request) -> [u8; 32] {
        let _: Logged = self
            .client
            .call("POST", "/v1/requests", Some(request))
            .await
            .unwrap();
        Event::decode(&request.event.event.0).unwrap().recordhash
    }

    pub(crate) async fn grants(&self) -> Vec<GrantForGrantee> {
        self.client.grants().await.unwrap()
    }

    /// The grant's document, opened and compared with what was logged.
    pub(crate) fn document(&self, grant: &GrantForGrantee) -> GrantDocument {
        let info = hpke::info::grant(&grant.terms.channel.0, &grant.terms.grant.0);
        let enc = grant.document.enc.0.as_slice().try_into().unwrap();
        let plain = hpke::open(&self.hpke, &enc, &info, &[], &grant.document.ciphertext.0).unwrap();
        let document = GrantDocument::decode(&plain).unwrap();
        let entry = vitalwitness_proof::entry::Entry::decode(&grant.logged.entry.0).unwrap();
        assert_eq!(entry.event.recordhash, document.hash());
        document
    }

    pub(crate) async fn manifest(&self, grant: Id16) -> Result<Manifest, ClientError> {
        let target = format!("/v1/grants/{grant}/manifest");
        self.client.call("GET", &target, None::<&()>).await
    }

    /// SPKI of the device key that signed an envelope, as enrolled in the channel.
    async fn signer(&self, channel: Id16, envelope: &Envelope) -> Option<Vec<u8>> {
        let target = format!("/v1/channels/{channel}/entries?after=0");
        let told: ChannelEntries = self.client.call("GET", &target, None::<&()>).await.unwrap();
        let mut keys = told.keys.into_iter();
        keys.find(|key| vitalwitness_vault::keys::key_id(&key.0) == envelope.signer.0)
            .map(|key| key.0)
    }

    /// Opens an envelope; an unsigned or foreign one is refused.
    pub(crate) async fn open_envelope(
        &self,
        grant: &GrantForGrantee,
        sealed: &Envelope,
    ) -> Result<vitalwitness_domain::Secret32, &'static str> {
        let channel = grant.terms.channel;
        let signer = self.signer(channel, sealed).await.ok_or("no such device")?;
        let envelope = envelope::Envelope {
            unsigned: Unsigned {
                grant: grant.terms.grant.0,
                stream_key: sealed.stream_key.0,
                enc: sealed.enc.0.as_slice().try_into().unwrap(),
                ciphertext: sealed.ciphertext.0.clone(),
            },
            signature: sealed.signature.0,
        };
        open_envelope(&envelope, &channel.0, &signer, &self.hpke)
            .map(|contents| contents.stream_key)
            .map_err(envelope::EnvelopeError::code)
    }

    /// Fetches all that a grant shows: ACCESS first, then every batch, opened and checked.
    pub(crate) async fn fetch(&self, grant: &GrantForGrantee) -> Result<Vec<Read>, ClientError> {
        let manifest = self.manifest(grant.terms.grant).await?;
        let mut reads = Vec::new();
        if manifest.batches.is_empty() {
            return Ok(reads);
        }
        let delivery = self.access(grant, &manifest.batches).await?;
        for info in &manifest.batches {
            let target = format!("/v1/deliveries/{}/{}", delivery.delivery, info.batch);
            let bytes = self.client.get_bytes(&target, info.bytes).await?;
            let mut envelopes = manifest.envelopes.iter();
            let envelope = envelopes
                .find(|envelope| envelope.stream_key == info.stream_key)
                .unwrap();
            let key = self.open_envelope(grant, envelope).await.unwrap();
            let expect = Expect {
                channel: info.channel.0,
                stream_key: info.stream_key.0,
                batch: info.batch.0,
                root: info.root.0,
                leaves: info.leaves,
            };
            let opened = sealed::open(&bytes, &key, &expect).unwrap();
            let records = opened
                .records()
                .map(|leaf| Record::from_slots(leaf.schema().name(), &leaf.values()).unwrap());
            reads.push(Read {
                stream_key: info.stream_key.0,
                records: records.collect(),
            });
        }
        Ok(reads)
    }

    async fn access(
        &self,
        grant: &GrantForGrantee,
        batches: &[BatchInfo],
    ) -> Result<Delivery, ClientError> {
        let roots: BTreeSet<[u8; 32]> = batches.iter().map(|batch| batch.root.0).collect();
        let roots: Vec<[u8; 32]> = roots.into_iter().collect();
        let entry = vitalwitness_proof::entry::Entry::decode(&grant.logged.entry.0).unwrap();
        let event = Event {
            kind: EventType::Access,
            receiver: Some(self.organisation.id()),
            recordhash: Tree::of_leaves(&roots).root(),
            time: self.time.now(),
            location: None,
            expiry: None,
            ..entry.event
        };
        let new = NewAccess {
            grant: grant.terms.grant,
            event: signed(&self.person, &event),
            batches: batches.iter().map(|batch| batch.batch).collect(),
        };
        self.client.call("POST", "/v1/access", Some(&new)).await
    }
}

/// A further person of an organisation.
pub(crate) struct Colleague {
    pub(crate) client: Client,
    pub(crate) person: PrivateKey,
    enrolment: Enrolment,
}

impl Colleague {
    /// Has the certificate listed in the directory.
    pub(crate) async fn list(&self, town: &Town) {
        let (enrolment, now) = (&self.enrolment, town.time.now());
        let certificate = &enrolment.person_certificate;
        list(&self.client, &self.person, certificate, enrolment, now).await;
    }
}

fn code_message(code: &str, person: &PrivateKey) -> Vec<u8> {
    let (code, person) = (sha256(&[code.as_bytes()]), sha256(&[&person.spki()]));
    [b"vwC1".as_slice(), &code, &person].concat()
}

async fn list(
    client: &Client,
    key: &PrivateKey,
    certificate: &Bytes,
    enrolment: &Enrolment,
    now: i64,
) {
    let event = Event {
        kind: EventType::Enrol,
        channel: DIRECTORY,
        owner: key.id(),
        receiver: None,
        recordhash: sha256(&[&certificate.0]),
        time: now,
        location: None,
        expiry: Some(end_of(certificate, enrolment, now)),
        purpose: None,
    };
    let entry = NewDirectoryEntry {
        event: signed(key, &event),
        certificate: certificate.clone(),
    };
    let _: Logged = client
        .open("POST", "/v1/directory", Some(&entry))
        .await
        .unwrap();
}

pub(crate) fn hpke_spki(key: &SoftwareKey) -> [u8; 91] {
    use vitalwitness_domain::hpke::Dh as _;
    hpke::spki_of_point(&key.public())
}

fn end_of(certificate: &Bytes, enrolment: &Enrolment, now: i64) -> i64 {
    let ca = &enrolment.ca.0;
    verify_organisation(&certificate.0, ca, now)
        .map(|organisation| organisation.not_after_ms)
        .or_else(|_| verify_person(&certificate.0, ca, now).map(|person| person.not_after_ms))
        .unwrap()
}

/// A call by the operator, whose token lies in the cloud's folder.
pub(crate) async fn operator<T: serde::de::DeserializeOwned, B: serde::Serialize>(
    town: &Town,
    target: &str,
    body: &B,
) -> T {
    let token = std::fs::read_to_string(town.data().join("operator.token")).unwrap();
    let transport: Arc<dyn Transport> = town.transport();
    let mut body = serde_json::to_vec(body).unwrap();
    if body == b"null" {
        body.clear(); // the endpoint takes nothing
    }
    let answer = transport
        .send(HttpRequest {
            method: "POST",
            target: target.to_owned(),
            headers: vec![
                ("authorization", format!("Bearer {token}")),
                ("content-type", "application/json".to_owned()),
            ],
            body,
            limit: 65_536,
        })
        .await
        .unwrap();
    assert_eq!(answer.status, 200);
    serde_json::from_slice(&answer.body).unwrap()
}
