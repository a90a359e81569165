#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails should panic"
)]
use super::*;
use crate::keys::OsRandom;
use std::sync::Mutex;
use vitalwitness_domain::wire::{GrantTerms, Logged, Quota, Sealed};

const SERVER: i64 = 1_700_000_000_000;
const HOUR: i64 = 3_600_000;

/// A device's clock that is off.
#[derive(Debug)]
struct Off(i64);

impl Clock for Off {
    fn now_ms(&self) -> i64 {
        SERVER + self.0
    }
    fn monotonic_ms(&self) -> u64 {
        7
    }
}

/// A cloud that checks what the real one checks of a request, and answers from a list.
#[derive(Debug, Default)]
struct Cloud {
    session: Mutex<Option<Vec<u8>>>,
    answers: Mutex<Vec<(u16, Vec<u8>)>>,
}

impl Transport for Cloud {
    fn send(&self, request: Request) -> Pending<'_> {
        let answer = self.answer(&request);
        Box::pin(async move { answer })
    }
}

impl Cloud {
    fn answer(&self, request: &Request) -> Result<Response, NoAnswer> {
        let (status, body) = match request.target.as_str() {
            "/v1/time" => (200, serde_json::to_vec(&Time { now_ms: SERVER }).unwrap()),
            "/v1/challenges" => {
                let challenge = vitalwitness_domain::wire::Hash32([7; 32]);
                (200, serde_json::to_vec(&Challenge { challenge }).unwrap())
            }
            "/v1/sessions" => {
                let new: NewSession = serde_json::from_slice(&request.body).unwrap();
                let id = crate::keys::key_id(&new.session.0);
                *self.session.lock().unwrap() = Some(new.session.0);
                let session = Session {
                    session: Id16(id),
                    end_ms: new.end_ms,
                };
                (200, serde_json::to_vec(&session).unwrap())
            }
            target => {
                let header = |name: &str| {
                    let found = request.headers.iter().find(|(key, _)| *key == name);
                    found.map(|(_, value)| value.as_str())
                };
                let verified =
                    httpsig::verify_request(request.method, target, &request.body, header).unwrap();
                let spki = self.session.lock().unwrap().clone().unwrap();
                verified.verify(&spki).unwrap();
                let created = i64::try_from(verified.created).unwrap() * 1000;
                assert!((created - SERVER).abs() < 300_000, "signed at {created}");
                self.answers.lock().unwrap().remove(0)
            }
        };
        if body.len() > request.limit {
            return Err(NoAnswer::TooLong);
        }
        Ok(Response {
            status,
            retry_after_s: None,
            body,
        })
    }
}

fn client(cloud: &Arc<Cloud>, off: i64) -> Client {
    Client::new(cloud.clone(), Arc::new(Off(off)), Arc::new(OsRandom))
}

fn problem(status: u16, code: &str) -> (u16, Vec<u8>) {
    let problem = Problem {
        kind: String::new(),
        title: String::new(),
        status,
        code: code.to_owned(),
        retry_after_s: Some(3),
    };
    (status, serde_json::to_vec(&problem).unwrap())
}

async fn signed_in(cloud: &Arc<Cloud>, off: i64) -> Client {
    let key = PrivateKey::generate(&OsRandom).unwrap();
    let mut client = client(cloud, off);
    client
        .sign_in("vw.test/log", key.id(), 600, |message| key.sign(message))
        .await
        .unwrap();
    client
}

#[tokio::test]
async fn a_clock_an_hour_off_signs_by_the_servers_time_and_says_how_far_it_is() {
    for off in [0, HOUR, -HOUR, 400 * 24 * HOUR] {
        let cloud = Arc::new(Cloud::default());
        let body = serde_json::to_vec(&Quota { used: 1, limit: 2 }).unwrap();
        cloud.answers.lock().unwrap().push((200, body));
        let client = signed_in(&cloud, off).await;
        assert_eq!(client.offset_ms(), -off);
        assert_eq!(client.session().unwrap().end_ms(), SERVER + 600_000);
        let quota: Quota = client.call("GET", "/v1/quota", None::<&()>).await.unwrap();
        assert_eq!(quota.limit, 2, "{off}");
    }
}

#[tokio::test]
async fn every_kind_of_bad_answer_is_its_own_error() {
    let refused = |status, code: &str| {
        ClientError::Refused(serde_json::from_slice(&problem(status, code).1).unwrap())
    };
    let offline = ClientError::Offline {
        retry_after_s: None,
    };
    let cases = [
        ((200, b"{}".to_vec()), ClientError::Unreadable),
        (
            (200, b"{\"used\":1,\"limit\":2,\"more\":3}".to_vec()),
            ClientError::Unreadable,
        ),
        ((200, vec![b' '; JSON_LIMIT + 1]), ClientError::Unreadable),
        (problem(401, slug::CLOCK), ClientError::ClockSkew),
        (problem(401, slug::SESSION), refused(401, slug::SESSION)),
        (problem(413, slug::QUOTA), refused(413, slug::QUOTA)),
        ((502, b"<html>".to_vec()), offline),
        ((404, b"<html>".to_vec()), ClientError::Unreadable),
        ((302, Vec::new()), ClientError::Unreadable),
    ];
    for (answer, expect) in cases {
        let cloud = Arc::new(Cloud::default());
        cloud.answers.lock().unwrap().push(answer);
        let client = signed_in(&cloud, 0).await;
        let got: Result<Quota, _> = client.call("GET", "/v1/quota", None::<&()>).await;
        assert_eq!(got, Err(expect));
    }
}

#[tokio::test]
async fn without_a_session_nothing_leaves_that_needs_one() {
    let cloud = Arc::new(Cloud::default());
    let got: Result<Quota, _> = client(&cloud, 0)
        .call("GET", "/v1/quota", None::<&()>)
        .await;
    let Err(ClientError::Refused(problem)) = got else {
        panic!("{got:?}");
    };
    assert_eq!(problem.code, slug::SESSION);
}

#[tokio::test]
async fn a_download_of_another_length_is_not_taken() {
    for (bytes, fine) in [(4, false), (5, true), (6, false)] {
        let cloud = Arc::new(Cloud::default());
        cloud.answers.lock().unwrap().push((200, vec![1; bytes]));
        let client = signed_in(&cloud, 0).await;
        let got = client.get_bytes("/v1/objects/x", 5).await;
        assert_eq!(got.is_ok(), fine, "{bytes}");
    }
}

/// Status and body.
type Page = (u16, Vec<u8>);

fn page(indexes: &[u64], next: Option<u64>) -> Page {
    let id = Id16([7; 16]);
    let sealed = Sealed {
        enc: Bytes(vec![4; 65]),
        ciphertext: Bytes(vec![1]),
    };
    let grants = indexes.iter().map(|index| GrantForGrantee {
        terms: GrantTerms {
            grant: id,
            channel: id,
            organisation: id,
            person: None,
            read: true,
            append: false,
            not_before: 0,
            expiry: 1,
        },
        document: sealed.clone(),
        logged: Logged {
            entry: Bytes(vec![1]),
            index: *index,
        },
        revoked: false,
    });
    let grants = grants.collect();
    (200, serde_json::to_vec(&Grants { grants, next }).unwrap())
}

type Case<'a> = (&'a str, Vec<Page>, Option<&'a [u64]>);

#[tokio::test]
async fn grants_are_followed_from_page_to_page_and_never_in_a_circle() {
    let all = [3, 5, 9];
    let cases: [Case; 7] = [
        ("none", vec![page(&[], None)], Some(&[])),
        ("one page", vec![page(&all, None)], Some(&all)),
        (
            "two pages",
            vec![page(&[3, 5], Some(5)), page(&[9], None)],
            Some(&all),
        ),
        ("an empty page leads on", vec![page(&[], Some(0))], None),
        (
            "a page comes again",
            vec![page(&[3, 5], Some(5)), page(&[3, 5], None)],
            None,
        ),
        ("out of order", vec![page(&[5, 3], None)], None),
        ("it leads elsewhere", vec![page(&[3, 5], Some(3))], None),
    ];
    for (why, pages, expect) in cases {
        let cloud = Arc::new(Cloud::default());
        cloud.answers.lock().unwrap().extend(pages);
        let client = signed_in(&cloud, 0).await;
        let got = client.grants().await;
        let got = got.map(|grants| grants.iter().map(|g| g.logged.index).collect::<Vec<_>>());
        let expect = expect.map(<[u64]>::to_vec).ok_or(ClientError::Unreadable);
        assert_eq!(got, expect, "{why}");
    }
}
