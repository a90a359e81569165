//! An enrolment that is cut off is done by asking again.

use crate::place::Place;
use serde_json::Value;
use std::net::SocketAddr;
use std::path::Path;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use vitalwitness_domain::wire::{NewOrganisation, Role};

/// Where a connection breaks.
#[derive(Debug, Clone, Copy)]
enum Cut {
    /// The request that begins so never arrives.
    Before(&'static str),
    /// It arrives; its answer does not.
    Answer(&'static str),
}

/// Listens in front of `to` and breaks each connection where `cut` says.
async fn line(to: SocketAddr, cut: Cut) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((from, _)) = listener.accept().await {
            tokio::spawn(carry(from, to, cut));
        }
    });
    url
}

async fn carry(mut from: TcpStream, to: SocketAddr, cut: Cut) {
    let mut to = TcpStream::connect(to).await.unwrap();
    let (mut asked, mut told) = ([0; 16_384], [0; 16_384]);
    let mut last = false;
    loop {
        tokio::select! {
            read = from.read(&mut asked) => {
                let bytes = &asked[..read.unwrap_or(0)];
                match cut {
                    Cut::Before(request) if bytes.starts_with(request.as_bytes()) => return,
                    Cut::Answer(request) => last |= bytes.starts_with(request.as_bytes()),
                    Cut::Before(_) => {}
                }
                if bytes.is_empty() || to.write_all(bytes).await.is_err() {
                    return;
                }
            }
            read = to.read(&mut told) => {
                let bytes = &told[..read.unwrap_or(0)];
                if last || bytes.is_empty() || from.write_all(bytes).await.is_err() {
                    return;
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_enrolment_that_was_cut_off_keeps_the_key_that_the_organisation_is_certified_with()
{
    let cuts = [
        Cut::Before("POST /v1/enrolments"),
        Cut::Answer("POST /v1/enrolments"),
        Cut::Before("POST /v1/directory"),
        Cut::Answer("POST /v1/directory"),
    ];
    // asked again with the code that was given, or with a further one
    for (cut, further) in cuts.iter().flat_map(|cut| [(cut, false), (cut, true)]) {
        let place = Place::new().await;
        place.patient();
        let new = NewOrganisation {
            name: "Seehof Clinic".to_owned(),
            role: Role::Provider,
        };
        let mut code = place.code("/v1/operator/organisations", Some(&new)).await;
        let url = line(place.server.addr(), *cut).await;
        let args = ["enrol", "--cloud", &url, "--code", &code, "--name", "Ada"];
        let broken = place.run("ada", &args);
        assert_ne!(broken.exit, 0, "{cut:?}");
        if further {
            // an operator finds the organisation in the directory
            let Some(id) = place.listed(&new.name).await else {
                continue;
            };
            let codes = format!("/v1/operator/organisations/{id}/codes");
            code = place.code(&codes, None).await;
        }
        let ada: Value = place.enrol("ada", "Ada", &code);
        assert_eq!(ada["waiting"], false, "{cut:?} {further}");
        place.share("ada");
        assert_eq!(place.fetched("ada", "out"), 3, "{cut:?} {further}");
        let left = Path::new(&place.path("ada")).join("enrolment.json");
        assert!(!left.exists(), "{cut:?}");
        place.server.shutdown().await;
    }
}
