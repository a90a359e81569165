//! The cloud as a person of an organisation uses it, and what its refusals mean in words.

use super::home::Home;
use crate::outcome::{Exit, Failure, Outcome};
use crate::place::of_keys;
use std::sync::Arc;
use vitalwitness_domain::wire::{Problem, Role, slug};
use vitalwitness_vault::client::{Client, ClientError, Http};
use vitalwitness_vault::clock::SystemClock;
use vitalwitness_vault::keys::{KeyError, KeyStore as _, OsRandom};

/// A connection without a session, that knows the server's time.
pub(crate) async fn connect(url: &str) -> Outcome<Client> {
    let http = Http::new(url.trim_end_matches('/')).map_err(|error| failed(&error))?;
    let mut client = Client::new(Arc::new(http), Arc::new(SystemClock), Arc::new(OsRandom));
    client.learn_time().await.map_err(|error| failed(&error))?;
    Ok(client)
}

/// A session of the person of `home`, who holds the organisation's key by then: but for an
/// auditor, to whose organisation nothing is sealed.
pub(crate) async fn sign_in(home: &Home) -> Outcome<Client> {
    let mut client = connect(&home.papers.cloud).await?;
    let origin = home.log()?.origin;
    let person = home.papers.person.0;
    client
        .sign_in(&origin, person, SESSION_S, |message| home.sign_raw(message))
        .await
        .map_err(|error| failed(&error))?;
    if home.papers.role != Role::Auditor && !home.holds_key() {
        super::colleagues::collect(&client, home).await?;
    }
    Ok(client)
}

/// Why a call did not give what it should, for who asked.
pub(crate) fn failed(error: &ClientError) -> Failure {
    match error {
        ClientError::Offline { retry_after_s } => Failure::new(
            Exit::Offline,
            "offline",
            match retry_after_s {
                Some(seconds) => {
                    format!("The service asks to try again in {seconds} s; nothing is lost.")
                }
                None => {
                    "No connection to the service; nothing is lost, try again later.".to_owned()
                }
            },
        ),
        ClientError::Refused(problem) => refusal(problem),
        ClientError::ClockSkew => refused(slug::CLOCK),
        ClientError::Key(error) => of_keys(error),
        ClientError::NotConnected => Failure::usage(
            "not_connected",
            "No service is named yet; `vitalwitness sync --cloud URL` does.",
        ),
        ClientError::ForeignSecret => refused(slug::RECOVERY),
        ClientError::Address => Failure::usage(
            "cloud_url",
            "The service's address must be https://NAME, or http:// on this computer.",
        ),
        _ => Failure::new(
            Exit::Other,
            "answer_unreadable",
            "The service gave an answer that makes no sense; try again later.",
        ),
    }
}

/// What a refusal of the cloud means for who asked.
pub(crate) fn refusal(problem: &Problem) -> Failure {
    refused(&problem.code)
}

fn refused(code: &str) -> Failure {
    let (exit, sentence) = refusal_of(code);
    Failure::new(exit, code, sentence)
}

/// A refusal in words.
pub(crate) fn refusal_words(code: &str) -> &'static str {
    refusal_of(code).1
}

fn refusal_of(code: &str) -> (Exit, &'static str) {
    match code {
        slug::REVOKED => (
            Exit::Refused,
            "This is not shared with you any more: its owner stopped sharing.",
        ),
        slug::EXPIRED => (
            Exit::Refused,
            "This is not shared with you any more: the agreed time is over.",
        ),
        slug::FORBIDDEN => (Exit::Refused, "This is not shared with you."),
        slug::CERTIFICATE => (
            Exit::Refused,
            "Your certificate is not accepted: it has ended or was taken back.",
        ),
        slug::NOT_FOUND => (
            Exit::Refused,
            "Nothing of that name is there, or it is not for you.",
        ),
        slug::CLOCK => (
            Exit::Refused,
            "This computer's clock is too far off; set it and try again.",
        ),
        slug::SESSION | slug::SIGNATURE => (
            Exit::Refused,
            "The service did not accept your signature; try again.",
        ),
        slug::QUOTA => (
            Exit::Other,
            "The storage at the service is full; what is there stays, new entries stay here.",
        ),
        slug::RATE | slug::UNAVAILABLE => (
            Exit::Offline,
            "The service cannot answer right now; nothing is lost, try again in a while.",
        ),
        slug::CONFLICT => (
            Exit::Other,
            "The service holds something else under that name already.",
        ),
        slug::KIT => (
            Exit::Refused,
            "This takes the 24 words of the recovery kit; do it again with --kit.",
        ),
        slug::RECOVERY => (
            Exit::NotValid,
            "The service gave a key that no phone or computer of yours made; it was not used. Ask its operator, then: vitalwitness sync --try-again",
        ),
        slug::EVENT_REFUSED => (Exit::Other, "The service did not list this event."),
        _ => (Exit::Other, "The service refused."),
    }
}

impl Home {
    /// Signs as the person, with the key store's own error.
    pub(crate) fn sign_raw(&self, message: &[u8]) -> Result<[u8; 64], KeyError> {
        self.keys().sign(super::home::PERSON, message)
    }
}

const SESSION_S: u32 = 15 * 60;
