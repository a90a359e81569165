//! A patient's phone: one channel, batches of bytes that stand for ciphertext.

use super::{Answer, Client, Key, fresh, now_ms};
use vitalwitness_domain::wire::{
    AccountDeletion, BagErasure, BatchStatus, Bytes, Challenge, ChannelEntries, DeviceEnd,
    DeviceStatement, Envelope, GrantTerms, Hash32, Id16, NewAccount, NewBatch, NewChannel,
    NewGrant, NewRecovery, NewRevocation, Recovery, Sealed, SubmittedEvent,
};
use vitalwitness_proof::cbor::Encoder;
use vitalwitness_proof::entry::{Event, EventType, Purpose};
use vitalwitness_proof::sha256;

pub(crate) struct Patient {
    pub(crate) client: Client,
    pub(crate) name: String,
    pub(crate) channel: Id16,
    pub(crate) locator: Id16,
    pub(crate) owner: Key,
    pub(crate) dsk: Key,
    pub(crate) gsk: Key,
}

/// A batch and its bytes.
#[derive(Clone)]
pub(crate) struct Batch {
    pub(crate) id: Id16,
    pub(crate) stream_key: Id16,
    pub(crate) root: Hash32,
    pub(crate) bytes: Vec<u8>,
}

impl Batch {
    pub(crate) fn new(stream_key: Id16, bytes: Vec<u8>) -> Self {
        Self {
            id: Id16(fresh()),
            stream_key,
            root: Hash32(sha256(&[b"root", &bytes, &fresh()])),
            bytes,
        }
    }
}

impl Patient {
    /// Makes the account, signs in and opens a channel of personal data.
    pub(crate) async fn new(base: &str, name: &str) -> Self {
        Self::in_category(base, name, 1).await
    }

    pub(crate) async fn in_category(base: &str, name: &str, category: u8) -> Self {
        let mut id = sha256(&[name.as_bytes(), b"channel", &[category]]);
        id[0] = category;
        let mut patient = Self {
            client: Client::new(base.to_owned()),
            name: name.to_owned(),
            channel: Id16(id[..16].try_into().unwrap()),
            locator: Id16(id[16..].try_into().unwrap()),
            owner: Key::of(&format!("{name} owner")),
            dsk: Key::of(&format!("{name} dsk")),
            gsk: Key::of(&format!("{name} gsk")),
        };
        patient
            .client
            .post("/v1/accounts", &patient.account())
            .await
            .ok();
        patient.sign_in().await;
        let opened: ChannelEntries = patient
            .client
            .post("/v1/channels", &patient.new_channel())
            .await
            .json();
        assert_eq!(opened.entries.len(), 3);
        patient
    }

    pub(crate) async fn sign_in(&mut self) {
        let device = self.device();
        self.client.sign_in(&device).await.unwrap().ok();
    }

    pub(crate) fn aik(&self) -> Key {
        Key::of(&format!("{} aik", self.name))
    }

    pub(crate) fn kk(&self) -> Key {
        Key::of(&format!("{} kk", self.name))
    }

    pub(crate) fn device(&self) -> Key {
        Key::of(&format!("{} device", self.name))
    }

    pub(crate) fn account(&self) -> NewAccount {
        NewAccount {
            aik: Bytes(self.aik().spki()),
            kk: Bytes(self.kk().spki()),
            device: self.statement(&self.device(), None, &self.aik()),
        }
    }

    /// A device, stated by `signer`.
    pub(crate) fn statement(
        &self,
        device: &Key,
        by: Option<Id16>,
        signer: &Key,
    ) -> DeviceStatement {
        self.statement_at(super::now_ms(), device, by, signer)
    }

    pub(crate) fn statement_at(
        &self,
        time: i64,
        device: &Key,
        by: Option<Id16>,
        signer: &Key,
    ) -> DeviceStatement {
        let dek = Key::of("dek").spki();
        let mut message = Encoder::after(b"vwD1".to_vec());
        message
            .array(6)
            .int(1)
            .text("vitalwitness.local/log")
            .bytes(&self.aik().id().0)
            .bytes(&device.spki())
            .bytes(&dek)
            .int(time);
        DeviceStatement {
            account: self.aik().id(),
            dsk: Bytes(device.spki()),
            dek: Bytes(dek),
            time,
            by,
            signature: signer.sign(&message.finish()),
        }
    }

    /// That `device` ends, signed by `signer`; `by` names a grant key, none the kit.
    pub(crate) fn end_of(&self, device: Id16, by: Option<Id16>, signer: &Key) -> DeviceEnd {
        let (account, time) = (self.aik().id(), 1_800_000_000_000);
        let message = DeviceEnd::message("vitalwitness.local/log", account, device, time);
        DeviceEnd {
            device,
            time,
            by,
            signature: signer.sign(&message),
        }
    }

    /// A vault secret as it is put, signed by `signer`; `by` names a grant key, none the kit.
    pub(crate) fn secret(&self, recovery: Recovery, by: Option<Id16>, signer: &Key) -> NewRecovery {
        let account = self.aik().id();
        let message = NewRecovery::message("vitalwitness.local/log", account, &recovery);
        NewRecovery {
            recovery,
            by,
            signature: Some(signer.sign(&message)),
            device: Some(self.device().id()),
            device_signature: Some(self.device().sign(&message)),
        }
    }

    /// That `item` leaves the bag, signed by `signer` as the device `device`.
    pub(crate) fn erasure(&self, item: Id16, device: Id16, signer: &Key) -> BagErasure {
        let account = self.aik().id();
        let message = BagErasure::message("vitalwitness.local/log", account, item);
        BagErasure {
            device,
            signature: signer.sign(&message),
        }
    }

    /// The deletion of this account over a fresh challenge, signed by `signer`.
    pub(crate) async fn deletion(&self, signer: &Key) -> AccountDeletion {
        let Challenge { challenge } = self.client.post_empty("/v1/challenges").await.json();
        let account = self.aik().id();
        let message = AccountDeletion::message("vitalwitness.local/log", account, challenge);
        AccountDeletion {
            challenge,
            signature: signer.sign(&message),
        }
    }

    pub(crate) fn new_channel(&self) -> NewChannel {
        let enrol = |key: &Key, purpose| {
            let event = Event {
                time: 1_700_000_000_000,
                purpose,
                ..self.event(EventType::Enrol, sha256(&[&key.spki()]))
            };
            self.owner.enrol(&event, key)
        };
        NewChannel {
            channel: self.channel,
            locator: self.locator,
            inbox: Bytes(Key::of("inbox").spki()),
            enrol: vec![
                enrol(&self.owner, None),
                enrol(&self.dsk, Some(Purpose::Device)),
                enrol(&self.gsk, Some(Purpose::Grant)),
            ],
        }
    }

    pub(crate) fn event(&self, kind: EventType, recordhash: [u8; 32]) -> Event {
        Event {
            kind,
            channel: self.channel.0,
            owner: self.owner.id().0,
            receiver: None,
            recordhash,
            time: now_ms(),
            location: None,
            expiry: None,
            purpose: None,
        }
    }

    pub(crate) fn announcement(&self, batch: &Batch) -> NewBatch {
        let event = self.event(EventType::Batch, batch.root.0);
        NewBatch {
            channel: self.channel,
            batch: batch.id,
            revision: 0,
            stream_key: batch.stream_key,
            root: batch.root,
            leaves: 8,
            bytes: batch.bytes.len() as u64,
            digest: Hash32(sha256(&[&batch.bytes])),
            parts: part_digests(&batch.bytes),
            event: Some(self.dsk.submit(&event)),
        }
    }

    /// Announces, uploads and commits; the last answer.
    pub(crate) async fn upload(&self, batch: &Batch) -> Answer {
        self.upload_as(&self.announcement(batch), &batch.bytes)
            .await
            .unwrap()
    }

    /// None if the server went away on the way.
    pub(crate) async fn upload_as(&self, new: &NewBatch, bytes: &[u8]) -> Option<Answer> {
        let answer = self.client.try_post("/v1/batches", new).await?;
        if answer.status != 200 {
            return Some(answer);
        }
        let path = format!("/v1/batches/{}/{}", new.batch, new.revision);
        let status: BatchStatus = answer.json();
        for part in status.missing {
            let from = part as usize * PART;
            let part_bytes = &bytes[from..bytes.len().min(from + PART)];
            let answer = self
                .client
                .send("PUT", &format!("{path}/parts/{part}"), None, part_bytes)
                .await?;
            if answer.status != 200 {
                return Some(answer);
            }
        }
        self.client
            .send("POST", &format!("{path}/commit"), None, &[])
            .await
    }

    /// A GRANT to an organisation with a key for each stream.
    pub(crate) fn grant(&self, organisation: Id16, streams: &[Id16], expiry: i64) -> NewGrant {
        let grant = Id16(fresh());
        let event = Event {
            receiver: Some(organisation.0),
            expiry: Some(expiry),
            ..self.event(EventType::Grant, sha256(&[b"document", &grant.0]))
        };
        NewGrant {
            terms: GrantTerms {
                grant,
                channel: self.channel,
                organisation,
                person: None,
                read: true,
                append: false,
                not_before: 0,
                expiry,
            },
            event: self.gsk.submit(&event),
            document: Sealed {
                enc: Bytes(vec![4; 65]),
                ciphertext: Bytes(vec![7; 100]),
            },
            envelopes: streams
                .iter()
                .map(|stream| self.envelope(grant, *stream))
                .collect(),
        }
    }

    pub(crate) fn envelope(&self, grant: Id16, stream_key: Id16) -> Envelope {
        let (enc, ciphertext) = (vec![4; 65], vec![9; 80]);
        let mut signed = Encoder::new();
        signed
            .array(4)
            .bytes(&grant.0)
            .bytes(&stream_key.0)
            .bytes(&enc)
            .bytes(&ciphertext);
        let message = [b"vwV1".as_slice(), &sha256(&[&signed.finish()])].concat();
        Envelope {
            stream_key,
            enc: Bytes(enc),
            ciphertext: Bytes(ciphertext),
            signer: self.dsk.id(),
            signature: self.dsk.sign(&message),
        }
    }

    pub(crate) fn revocation(&self, grant: &NewGrant, closed: Vec<Id16>) -> NewRevocation {
        let granted = Event::decode(&grant.event.event.0).unwrap();
        let event = self.event(EventType::Revoke, granted.recordhash);
        NewRevocation {
            event: self.gsk.submit(&event),
            closed,
        }
    }

    pub(crate) fn deny(&self, request: &SubmittedEvent) -> SubmittedEvent {
        let asked = Event::decode(&request.event.0).unwrap();
        self.gsk
            .submit(&self.event(EventType::Deny, asked.recordhash))
    }
}

/// SHA-256 of each part.
pub(crate) fn part_digests(bytes: &[u8]) -> Vec<Hash32> {
    bytes
        .chunks(PART)
        .map(|part| Hash32(sha256(&[part])))
        .collect()
}

const PART: usize = 262_144;
