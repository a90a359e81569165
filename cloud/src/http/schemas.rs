//! The wire types' fields for the `OpenAPI` document. A test holds each to the type itself.

/// Name, and `field:kind` for each field; `?` may be null, `??` may also be absent.
pub(super) const SCHEMAS: &[(&str, &str)] = &[
    (
        "Problem",
        "type:text title:text status:int code:text retry_after_s:int??",
    ),
    (
        "Limits",
        "part_bytes:int batch_bytes:int body_bytes:int session_s:int clock_tolerance_s:int delivery_s:int",
    ),
    ("Time", "now_ms:int"),
    ("TrustInfo", "bundle:text ca:bytes"),
    (
        "SubmittedEvent",
        "event:bytes signer:id signature:sig spki:bytes?",
    ),
    ("Logged", "entry:bytes index:int"),
    (
        "DeviceStatement",
        "account:id dsk:bytes dek:bytes time:int by:id? signature:sig",
    ),
    ("Devices", "devices:[DeviceStatement] ended:[EndedDevice]"),
    ("EndedDevice", "statement:DeviceStatement time:int"),
    ("DeviceEnd", "device:id time:int by:id? signature:sig"),
    ("AccountDeletion", "challenge:hash signature:sig"),
    ("NewAccount", "aik:bytes kk:bytes device:DeviceStatement"),
    ("Challenge", "challenge:hash"),
    (
        "NewSession",
        "subject:id challenge:hash session:bytes end_ms:int signature:sig",
    ),
    ("Session", "session:id end_ms:int"),
    ("Recovery", "generation:int sealed:[SealedTo]"),
    (
        "NewRecovery",
        "recovery:Recovery by:id? signature:sig? device:id? device_signature:sig?",
    ),
    ("SealedTo", "to:id enc:bytes ciphertext:bytes"),
    ("BagErasure", "device:id signature:sig"),
    ("BagItem", "item:id generation:int sealed:bytes"),
    (
        "NewChannel",
        "channel:id locator:id inbox:bytes enrol:[SubmittedEvent]",
    ),
    ("Contact", "channel:id owner:id inbox:bytes"),
    (
        "NewBatch",
        "channel:id batch:id revision:int stream_key:id root:hash leaves:int bytes:int digest:hash parts:[hash] event:SubmittedEvent?",
    ),
    ("BatchStatus", "missing:[int] logged:Logged? quota:Quota"),
    ("Quota", "used:int limit:int"),
    (
        "BatchInfo",
        "channel:id batch:id revision:int stream_key:id root:hash leaves:int bytes:int digest:hash index:int seq:int",
    ),
    ("Changes", "changes:[Change] latest:int"),
    ("Change", "cursor:int what:What"),
    (
        "What",
        "kind:text index:int?? entry:bytes?? spki:bytes?? info:BatchInfo?? item:BagItem?? batch:id?? request:Request?? refusal:Refusal?? stream_key:id?? generation:int??",
    ),
    ("Refusal", "time:int channel:id organisation:id code:text"),
    (
        "Request",
        "channel:id event:SubmittedEvent sealed:Sealed proof:hash? person:bytes organisation:bytes",
    ),
    ("Sealed", "enc:bytes ciphertext:bytes"),
    (
        "GrantTerms",
        "grant:id channel:id organisation:id person:id? read:bool append:bool not_before:int expiry:int",
    ),
    (
        "Envelope",
        "stream_key:id enc:bytes ciphertext:bytes signer:id signature:sig",
    ),
    (
        "NewGrant",
        "terms:GrantTerms event:SubmittedEvent document:Sealed envelopes:[Envelope]",
    ),
    ("NewEnvelopes", "grant:id envelopes:[Envelope]"),
    ("NewDenial", "event:SubmittedEvent"),
    ("NewRevocation", "event:SubmittedEvent closed:[id]"),
    (
        "GrantForGrantee",
        "terms:GrantTerms document:Sealed logged:Logged revoked:bool",
    ),
    ("Grants", "grants:[GrantForGrantee] next:int?"),
    ("ChannelEntries", "entries:[Logged] keys:[bytes]"),
    ("LogEntries", "entries:[LogEntry]"),
    ("LogEntry", "index:int entry:bytes spki:bytes?"),
    ("Manifest", "envelopes:[Envelope] batches:[BatchInfo]"),
    ("NewAccess", "grant:id event:SubmittedEvent batches:[id]"),
    ("Delivery", "delivery:id end_ms:int logged:Logged"),
    ("Proof", "nodes:[hash]"),
    ("EntryProof", "logged:Logged path:[hash] note:text"),
    ("NewOrganisation", "name:text role:text"),
    ("EnrolmentCode", "code:text"),
    (
        "NewEnrolment",
        "code:text organisation:bytes? hpke:bytes? person_name:text person:bytes person_ecdh:bytes signature:sig",
    ),
    (
        "Enrolment",
        "organisation:id organisation_certificate:bytes person_certificate:bytes ca:bytes",
    ),
    (
        "NewDirectoryEntry",
        "event:SubmittedEvent certificate:bytes",
    ),
    ("Directory", "enrolled:[Enrolled]"),
    ("Enrolled", "logged:Logged certificate:bytes revoked:bool"),
    ("Colleagues", "colleagues:[Colleague]"),
    (
        "Colleague",
        "certificate:bytes revoked:bool holds:bool logged:Logged?",
    ),
    ("KeyHandover", "to:id by:id sealed:Sealed signature:sig"),
    ("HandedKey", "handover:KeyHandover certificate:bytes"),
];

#[cfg(test)]
#[allow(clippy::panic, reason = "a test that fails should panic")]
mod tests {
    use super::SCHEMAS;
    use serde::de::value::Error;
    use serde::de::{Deserialize, Deserializer, Error as _, Visitor};
    use serde::forward_to_deserialize_any;
    use vitalwitness_domain::wire;

    /// Takes a struct's field names out of its derived `Deserialize`.
    struct Fields<'a>(&'a mut Vec<&'static str>);

    impl<'de> Deserializer<'de> for Fields<'_> {
        type Error = Error;

        fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
            Err(Error::custom("not a struct"))
        }

        fn deserialize_struct<V: Visitor<'de>>(
            self,
            _: &'static str,
            fields: &'static [&'static str],
            _: V,
        ) -> Result<V::Value, Error> {
            self.0.extend(fields);
            Err(Error::custom("seen"))
        }

        forward_to_deserialize_any! {
            bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option
            unit unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
        }
    }

    fn check<'de, T: Deserialize<'de>>(name: &str) {
        let mut fields = Vec::new();
        assert!(T::deserialize(Fields(&mut fields)).is_err());
        let Some((_, listed)) = SCHEMAS.iter().find(|(known, _)| *known == name) else {
            panic!("{name} is not listed");
        };
        let listed: Vec<&str> = listed
            .split_whitespace()
            .filter_map(|field| field.split_once(':'))
            .map(|(field, _)| field)
            .collect();
        assert_eq!(listed, fields, "{name}");
    }

    #[test]
    fn every_schema_has_the_fields_of_its_type() {
        macro_rules! check_all {
            ($($name:ident)*) => { $(check::<wire::$name>(stringify!($name));)* };
        }
        check_all! {
            Problem Limits Time TrustInfo SubmittedEvent Logged DeviceStatement Devices EndedDevice DeviceEnd
            AccountDeletion NewAccount Challenge NewSession Session NewRecovery Recovery SealedTo BagErasure BagItem NewChannel Contact NewBatch
            BatchStatus Quota BatchInfo Changes Change Refusal Request Sealed GrantTerms Envelope
            NewGrant NewEnvelopes NewDenial NewRevocation GrantForGrantee Grants ChannelEntries
            Manifest NewAccess Delivery Proof EntryProof NewOrganisation EnrolmentCode
            NewEnrolment Enrolment NewDirectoryEntry Directory Enrolled Colleagues
            Colleague KeyHandover HandedKey
        }
    }
}
