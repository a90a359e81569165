//! A clinic with one person.

use super::{Client, Key, Patient, fresh, now_ms};
use std::path::Path;
use vitalwitness_domain::cert::{verify_organisation, verify_person};
use vitalwitness_domain::wire::{
    Bytes, Enrolment, EnrolmentCode, Hash32, Id16, NewAccess, NewDirectoryEntry, NewEnrolment,
    NewOrganisation, Request, Role, Sealed,
};
use vitalwitness_proof::entry::{DIRECTORY, Event, EventType};
use vitalwitness_proof::merkle::{Frontier, leaf_hash};
use vitalwitness_proof::sha256;

pub(crate) struct Clinic {
    pub(crate) client: Client,
    pub(crate) person: Key,
    pub(crate) organisation: Key,
    pub(crate) enrolment: Enrolment,
}

/// A call by the operator, whose token lies in `folder`.
pub(crate) async fn operator<T: serde::Serialize>(
    client: &Client,
    folder: &Path,
    path: &str,
    body: Option<&T>,
) -> super::Answer {
    let token = std::fs::read_to_string(folder.join("operator.token")).unwrap();
    let bytes = body.map_or_else(Vec::new, |body| serde_json::to_vec(body).unwrap());
    let headers = vec![("authorization", format!("Bearer {token}"))];
    client
        .raw(
            "POST",
            path,
            body.map(|_| "application/json"),
            &bytes,
            headers,
        )
        .await
        .unwrap()
}

/// Makes an organisation, enrols its first person, and signs in.
pub(crate) async fn enrol_clinic(base: &str, folder: &Path, name: &str, role: Role) -> Clinic {
    let mut client = Client::new(base.to_owned());
    let new = NewOrganisation {
        name: name.to_owned(),
        role,
    };
    let code: EnrolmentCode = operator(&client, folder, "/v1/operator/organisations", Some(&new))
        .await
        .json();
    let person = Key::of(&format!("{name} person"));
    let organisation = Key::of(&format!("{name} organisation"));
    let body = enrolment(name, &code.code, Some(&organisation), &person);
    let enrolment: Enrolment = client.post("/v1/enrolments", &body).await.json();
    assert_eq!(enrolment.organisation, organisation.id());
    let (der, ca) = (&enrolment.organisation_certificate, &enrolment.ca);
    let certified = verify_organisation(&der.0, &ca.0, now_ms()).unwrap();
    assert_eq!((certified.name.as_str(), certified.role), (name, role));
    let entry = directory_entry(&organisation, der, certified.not_after_ms);
    client.post("/v1/directory", &entry).await.ok();
    let der = &enrolment.person_certificate;
    let certified = verify_person(&der.0, &ca.0, now_ms()).unwrap();
    assert_eq!(certified.organisation, organisation.id().0);
    let entry = directory_entry(&person, der, certified.not_after_ms);
    client.post("/v1/directory", &entry).await.ok();
    client.sign_in(&person).await.unwrap().ok();
    Clinic {
        client,
        person,
        organisation,
        enrolment,
    }
}

/// An enrolment of a person, with the organisation's keys if it is the first.
pub(crate) fn enrolment(
    name: &str,
    code: &str,
    organisation: Option<&Key>,
    person: &Key,
) -> NewEnrolment {
    let message = [
        b"vwC1".as_slice(),
        &sha256(&[code.as_bytes()]),
        &sha256(&[&person.spki()]),
    ]
    .concat();
    NewEnrolment {
        code: code.to_owned(),
        organisation: organisation.map(|key| Bytes(key.spki())),
        hpke: organisation.map(|_| Bytes(Key::of(&format!("{name} hpke")).spki())),
        person_name: format!("Person of {name}"),
        person: Bytes(person.spki()),
        person_ecdh: Bytes(Key::of(&format!("{name} ecdh")).spki()),
        signature: person.sign(&message),
    }
}

/// A key's own ENROL in the directory.
pub(crate) fn directory_entry(key: &Key, certificate: &Bytes, end_ms: i64) -> NewDirectoryEntry {
    let event = Event {
        kind: EventType::Enrol,
        channel: DIRECTORY,
        owner: key.id().0,
        receiver: None,
        recordhash: sha256(&[&certificate.0]),
        time: now_ms(),
        location: None,
        expiry: Some(end_ms),
        purpose: None,
    };
    NewDirectoryEntry {
        event: key.submit(&event),
        certificate: certificate.clone(),
    }
}

impl Clinic {
    pub(crate) fn id(&self) -> Id16 {
        self.organisation.id()
    }

    /// A REQUEST of a patient's channel.
    pub(crate) fn request(&self, patient: &Patient) -> Request {
        let event = Event {
            receiver: Some(self.id().0),
            expiry: Some(now_ms() + 86_400_000),
            ..patient.event(EventType::Request, sha256(&[b"scope", &fresh()]))
        };
        Request {
            channel: patient.channel,
            event: self.person.submit(&event),
            sealed: Sealed {
                enc: Bytes(vec![4; 65]),
                ciphertext: Bytes(vec![5; 60]),
            },
            proof: None,
            person: self.enrolment.person_certificate.clone(),
            organisation: self.enrolment.organisation_certificate.clone(),
        }
    }

    /// An ACCESS over these batches and roots.
    pub(crate) fn access(
        &self,
        patient: &Patient,
        grant: Id16,
        batches: &[(Id16, Hash32)],
    ) -> NewAccess {
        let mut roots: Vec<[u8; 32]> = batches.iter().map(|(_, root)| root.0).collect();
        roots.sort_unstable();
        roots.dedup();
        let mut tree = Frontier::new();
        for root in &roots {
            tree.append(leaf_hash(root));
        }
        let event = Event {
            receiver: Some(self.id().0),
            ..patient.event(EventType::Access, tree.root())
        };
        NewAccess {
            grant,
            event: self.person.submit(&event),
            batches: batches.iter().map(|(id, _)| *id).collect(),
        }
    }
}
