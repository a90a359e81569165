//! Debug of everything that holds health data shows none of it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::too_many_lines,
    reason = "a test that fails should panic; a table of cases stays whole"
)]

use crate::decimal::Decimal;
use crate::grant::{
    Access, Asked, Caller, Deed, Event, GrantDocument, RequestDocument, Rights, Share,
};
use crate::observation::entry;
use crate::policy::{Category, Role};
use crate::record::{
    Body, Context, Decided, Dose, Grade, MedStatus, Money, NoteBody, Record, Source, Value,
};
use crate::scope::{Codes, Scope, ScopeItem};
use crate::stream::{Granularity, StreamId};
use std::fmt::Debug;

const SECRET: &str = "zaubernuss";
const NUMBER: i64 = 778_899;
/// A time of which every part is 77 or 88 days and seconds: no other field prints it.
const TIME: i64 = 1_778_877_887_788;
const BYTE: u8 = 0xc7;

fn words() -> String {
    SECRET.to_owned()
}

fn number() -> Decimal {
    Decimal::whole(NUMBER)
}

fn money() -> Money {
    Money {
        amount: number(),
        currency: words(),
    }
}

fn texts() -> [NoteBody; 2] {
    [
        NoteBody::Text(words()),
        NoteBody::File {
            hash: [BYTE; 32],
            media_type: words(),
            bytes: NUMBER.unsigned_abs(),
        },
    ]
}

fn values() -> [Value; 4] {
    [
        Value::Quantity(number(), words()),
        Value::Components(vec![(words(), number(), words())]),
        Value::Text(words()),
        Value::Waveform {
            root: [BYTE; 32],
            count: NUMBER.unsigned_abs(),
            period_ms: number(),
            unit: words(),
        },
    ]
}

fn doses() -> [Dose; 2] {
    [Dose::Quantity(number(), words()), Dose::Text(words())]
}

fn bodies() -> Vec<Body> {
    let mut bodies = vec![
        Body::Episode {
            kind: words(),
            title: words(),
        },
        Body::Claim {
            kind: words(),
            cover: [BYTE; 32],
            amount: money(),
        },
        Body::Decision {
            kind: words(),
            claim: [BYTE; 32],
            status: Decided::InPart,
            amount: Some(money()),
        },
    ];
    bodies.extend(values().map(|value| Body::Observation {
        code: words(),
        value,
    }));
    bodies.extend(doses().map(|dose| Body::Medicine {
        name: words(),
        dose,
        status: MedStatus::Taken,
    }));
    for text in texts() {
        bodies.push(Body::Note {
            kind: words(),
            text: text.clone(),
        });
        bodies.push(Body::Offer {
            plan: words(),
            premium: money(),
            period: words(),
            text: text.clone(),
        });
        bodies.push(Body::Cover {
            policy: words(),
            offer: [BYTE; 32],
            text,
        });
    }
    bodies
}

fn scope() -> Scope {
    Scope::new(vec![ScopeItem {
        category: Category::Personal,
        codes: Codes::only([words()]),
        from: "7788-08".parse().unwrap(),
        to: "7799-09".parse().unwrap(),
        episode: Some([BYTE; 16]),
    }])
    .unwrap()
}

fn shown() -> Vec<String> {
    let mut shown = Vec::new();
    let mut show = |value: &dyn Debug| {
        shown.push(format!("{value:?}"));
        shown.push(format!("{value:#?}"));
    };
    let source = Source {
        grade: Grade::Bonded,
        device: Some([BYTE; 16]),
    };
    let context = Context {
        supersedes: Some([BYTE; 32]),
        voids: Some([BYTE; 32]),
        episode: Some([BYTE; 16]),
        derived_from: vec![[BYTE; 32]],
        reason: Some(words()),
        notes: [(words(), words())].into(),
    };
    for body in bodies() {
        show(&body);
        show(&Record {
            rid: Some([BYTE; 16]),
            start_ms: TIME,
            end_ms: Some(TIME),
            offset_min: 60,
            body,
            source,
            context: Some(context.clone()),
        });
    }
    for value in values() {
        show(&value);
    }
    for dose in doses() {
        show(&dose);
    }
    for text in texts() {
        show(&text);
    }
    let heart_rate = entry("heart-rate", &NUMBER.to_string()).unwrap();
    let warnings = Record::typed(TIME, 0, heart_rate.body.clone()).warnings();
    assert!(!warnings.is_empty());
    show(&(number(), money(), source, context, warnings, heart_rate));
    let mut channel = [BYTE; 16];
    channel[0] = 1;
    let document = GrantDocument {
        id: [BYTE; 16],
        owner: [BYTE; 16],
        channel,
        organisation: [BYTE; 16],
        person: Some([BYTE; 16]),
        hpke_key: [BYTE; 16],
        purpose: words(),
        scope: scope(),
        rights: Rights::READ,
        not_before_ms: 0,
        expiry_ms: TIME,
        granularity: Granularity::Raw,
        policy: words(),
    };
    let request = RequestDocument {
        salt: [BYTE; 16],
        scope: scope(),
        purpose: words(),
        hpke_spki: vec![BYTE; 91],
        message: words(),
        rights: Rights::READ,
        granularity: Granularity::Raw,
    };
    let caller = Caller {
        organisation: [BYTE; 16],
        person: [BYTE; 16],
        role: Role::Provider,
    };
    let share = Share::granted(document.terms(), 1).unwrap();
    let access: Access = share.authorize(&caller, Deed::Read, 1).unwrap();
    let asked = Asked {
        hash: [BYTE; 32],
        channel,
        organisation: [BYTE; 16],
        wanted_end_ms: TIME,
    };
    let stream = StreamId {
        category: 1,
        code: words(),
        episode: Some([BYTE; 16]),
        granularity: Granularity::Raw,
        month: "7788-08".parse().unwrap(),
    };
    show(&(
        document.terms(),
        Event::Grant(document.terms()),
        &document,
        &request,
    ));
    show(&(share, Share::requested(asked), asked, access, caller));
    show(&(
        scope(),
        scope().items().to_vec(),
        Codes::only([words()]),
        stream,
    ));
    shown
}

#[test]
fn debug_of_no_type_shows_a_value_a_word_a_time_or_an_id() {
    let hidden = [
        SECRET.to_owned(),
        NUMBER.to_string(),
        "778_899".to_owned(),
        TIME.to_string(),
        BYTE.to_string(),
        hex::encode([BYTE]),
        "7788".to_owned(),
        "7799".to_owned(),
    ];
    let shown = shown();
    assert!(shown.len() > 50);
    for text in shown {
        for secret in &hidden {
            assert!(!text.contains(secret.as_str()), "{secret} in {text}");
        }
    }
}
