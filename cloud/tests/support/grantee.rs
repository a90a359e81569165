//! A clinic with one person.

use super::{Client, Key, Patient, fresh, now_ms};
use std::path::Path;
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
    for (key, certificate) in [
        (&organisation, &enrolment.organisation_certificate),
        (&person, &enrolment.person_certificate),
    ] {
        client
            .post("/v1/directory", &directory_entry(key, certificate))
            .await
            .ok();
    }
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

fn directory_entry(key: &Key, certificate: &Bytes) -> NewDirectoryEntry {
    let info = certificate_end(&certificate.0);
    let event = Event {
        kind: EventType::Enrol,
        channel: DIRECTORY,
        owner: key.id().0,
        receiver: None,
        recordhash: sha256(&[&certificate.0]),
        time: now_ms(),
        location: None,
        expiry: Some(info),
        purpose: None,
    };
    NewDirectoryEntry {
        event: key.submit(&event),
        certificate: certificate.clone(),
    }
}

/// `notAfter` of a certificate: the second `UTCTime` in it.
fn certificate_end(der: &[u8]) -> i64 {
    let times: Vec<&[u8]> = der
        .windows(15)
        .filter(|window| window[0] == 0x17 && window[1] == 13 && window[14] == b'Z')
        .map(|window| &window[2..14])
        .collect();
    let digits: Vec<i64> = times[1]
        .chunks(2)
        .map(|pair| std::str::from_utf8(pair).unwrap().parse().unwrap())
        .collect();
    let (year, month) = (2000 + digits[0], digits[1]);
    // days from civil, Howard Hinnant
    let y = if month <= 2 { year - 1 } else { year };
    let shifted = (month + 9) % 12;
    let day_of_year = (153 * shifted + 2) / 5 + digits[2] - 1;
    let era = y / 400;
    let year_of_era = y % 400;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = era * 146_097 + day_of_era - 719_468;
    ((days * 24 + digits[3]) * 60 + digits[4]) * 60_000 + digits[5] * 1000
}

impl Clinic {
    pub(crate) fn id(&self) -> Id16 {
        self.organisation.id()
    }

    /// A REQUEST of a patient's channel.
    pub(crate) fn request(&self, patient: &Patient) -> Request {
        let event = Event {
            receiver: Some(self.id().0),
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
