//! The built program as people run it, against a real cloud: exit codes, and what it says.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails should panic"
)]

use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use tempfile::TempDir;
use vitalwitness_cloud::{Config, RunningServer, Server};
use vitalwitness_domain::wire::{EnrolmentCode, NewOrganisation, Role};
use vitalwitness_vault::client::{Http, Request, Transport as _};

/// The program, built from these sources: a test of another one would say nothing.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
        let built = Command::new(cargo)
            .args([
                "build",
                "--quiet",
                "--locked",
                "--workspace",
                "--bin",
                "vitalwitness",
            ])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status()
            .unwrap();
        assert!(built.success());
        // target/debug/deps/this-test
        let me = std::env::current_exe().unwrap();
        me.ancestors().nth(2).unwrap().join("vitalwitness")
    })
}

/// How a run ended.
#[derive(Debug)]
struct Ran {
    exit: i32,
    out: String,
    err: String,
}

impl Ran {
    /// It did what was asked; the one JSON value it printed.
    fn done(&self) -> Value {
        assert_eq!(self.exit, 0, "{self:?}");
        assert_eq!(self.out.lines().count(), 1, "{self:?}");
        serde_json::from_str(&self.out).unwrap()
    }

    /// It ended with this exit code, one sentence that ends with this code, and no output.
    fn refused(&self, exit: i32, code: &str) {
        assert_eq!((self.exit, self.out.as_str()), (exit, ""), "{self:?}");
        assert!(
            self.err.trim_end().ends_with(&format!("[{code}]")),
            "{self:?}"
        );
    }
}

/// A cloud, and folders of people around it.
struct Place {
    dir: TempDir,
    server: RunningServer,
}

impl Place {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let config = Config::new(dir.path().join("cloud"));
        let server = Server::start(config).await.unwrap();
        Self { dir, server }
    }

    fn path(&self, name: &str) -> String {
        self.dir.path().join(name).to_str().unwrap().to_owned()
    }

    fn url(&self) -> String {
        format!("http://{}", self.server.addr())
    }

    /// `vitalwitness ARGS` by who has the folder `who`.
    fn text(&self, who: &str, args: &[&str]) -> Ran {
        let output = Command::new(program())
            .args(args)
            .env_clear()
            .env("VW_VAULT", self.path(who))
            .env("VW_HOME", self.path(who))
            .env("VW_PASSPHRASE", "correct horse")
            .env("VW_TEST_ARGON", "least")
            .env("TZ", "UTC")
            .output()
            .unwrap();
        Ran {
            exit: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The same, with `--json`.
    fn run(&self, who: &str, args: &[&str]) -> Ran {
        self.text(who, &[args, &["--json"]].concat())
    }

    async fn operator(&self, path: &str, body: Option<&NewOrganisation>) -> Vec<u8> {
        let token = std::fs::read_to_string(self.dir.path().join("cloud/operator.token")).unwrap();
        let mut headers = vec![("authorization", format!("Bearer {token}"))];
        let body = body.map_or_else(Vec::new, |body| {
            headers.push(("content-type", "application/json".to_owned()));
            serde_json::to_vec(body).unwrap()
        });
        let request = Request {
            method: "POST",
            target: path.to_owned(),
            headers,
            body,
            limit: 65_536,
        };
        let response = Http::new(&self.url()).unwrap().send(request).await.unwrap();
        assert!((200..300).contains(&response.status), "{path}");
        response.body
    }

    async fn code(&self, path: &str, body: Option<&NewOrganisation>) -> String {
        let bytes = self.operator(path, body).await;
        let code: EnrolmentCode = serde_json::from_slice(&bytes).unwrap();
        code.code
    }

    /// A person of an organisation, enrolled with a code.
    fn enrol(&self, who: &str, name: &str, code: &str) -> Value {
        let url = self.url();
        let args = ["enrol", "--cloud", &url, "--code", code, "--name", name];
        self.run(who, &args).done()
    }

    /// An organisation with its first person.
    async fn clinic(&self, who: &str, name: &str) -> Value {
        let new = NewOrganisation {
            name: "Seehof Clinic".to_owned(),
            role: Role::Provider,
        };
        let code = self.code("/v1/operator/organisations", Some(&new)).await;
        self.enrol(who, name, &code)
    }

    /// A patient with three heart rates of January 2026, synced.
    fn patient(&self) -> Vec<String> {
        let kit = self.path("kit.txt");
        let url = self.url();
        let init = [
            "init",
            "--cloud",
            &url,
            "--words-out",
            &kit,
            "--confirm-words",
            &kit,
        ];
        self.run("me", &init).done();
        let add = |value: &str, at: &str| {
            let added = self.run("me", &["add", "heart-rate", value, "--at", at]);
            added.done()["record"].as_str().unwrap().to_owned()
        };
        let records = vec![
            add("61", "2026-01-05T08:00"),
            add("62", "2026-01-06T08:00"),
            add("63", "2026-01-07T08:00"),
        ];
        let synced = self.run("me", &["sync"]).done();
        assert_eq!(
            (&synced["done"], &synced["logged"]),
            (&json!(true), &json!(3))
        );
        records
    }

    /// Asks for the heart rate of that January, and gets it.
    fn share(&self, clinic: &str) -> String {
        let code = self.run("me", &["share-code"]).done();
        let code = code["code"].as_str().unwrap().to_owned();
        let mut ask = vec![
            "request",
            &code,
            "--codes",
            "heart-rate",
            "--from",
            "2026-01",
        ];
        ask.extend([
            "--to",
            "2026-01",
            "--purpose",
            "Check-up",
            "--until",
            "2030-12-31",
        ]);
        let asked = self.run(clinic, &ask).done();
        assert_eq!(asked["proved"], true);
        self.run("me", &["sync"]).done();
        let requests = self.run("me", &["requests"]).done();
        let request = &requests["requests"][0];
        assert_eq!(request["purpose"], "Check-up");
        assert_eq!(request["organisation"]["name"], "Seehof Clinic");
        assert_eq!(request["rows"][0]["records"], 3);
        let id = request["request"].as_str().unwrap();
        let granted = self.run("me", &["grant", id, "--yes"]).done();
        assert_eq!((&granted["shown"], &granted["of"]), (&json!(3), &json!(3)));
        self.run("me", &["sync"]).done();
        granted["grant"].as_str().unwrap().to_owned()
    }

    /// The values that `who` fetches.
    fn fetched(&self, who: &str, out: &str) -> usize {
        let out = self.path(out);
        self.run(who, &["fetch", "--out", &out]).done();
        let csv = std::fs::read_to_string(Path::new(&out).join("records.csv")).unwrap();
        csv.lines().filter(|line| line.contains("8867-4")).count()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_goes_its_whole_way_by_the_program_alone() {
    let place = Place::new().await;
    let records = place.patient();
    let (receipt, trust) = (place.path("one.vwr"), place.path("trust.json"));
    place
        .run("me", &["receipt", &records[0], "-o", &receipt])
        .done();
    place.run("me", &["trust", "-o", &trust]).done();
    let verify = ["verify", &receipt, "--trust", &trust];
    let facts = place.run("nobody", &verify).done();
    assert!(facts.to_string().contains("61"), "{facts}");
    let mut bytes = std::fs::read(&receipt).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&receipt, bytes).unwrap();
    let changed = place.run("nobody", &verify);
    assert_eq!(changed.exit, 1, "{changed:?}");

    place.clinic("clinic", "Dr Ada Low").await;
    let grant = place.share("clinic");
    let shared = place.run("clinic", &["shared"]).done();
    assert_eq!(shared["grants"].as_array().unwrap().len(), 1, "{shared}");
    assert_eq!(place.fetched("clinic", "first"), 3);
    place.run("me", &["sync"]).done();
    let looked = place.text("me", &["activity"]);
    assert!(looked.out.contains("Seehof Clinic"), "{looked:?}");
    place.run("me", &["revoke", &grant]).done();
    place.run("me", &["sync"]).done();
    let out = place.path("second");
    let again = place.run("clinic", &["fetch", "--out", &out, &grant]);
    again.refused(4, "grant_revoked");
    assert!(!Path::new(&out).exists(), "nothing is written");

    // the account ends with the words alone
    let wrong = place.path("wrong.txt");
    let other = place.path("other");
    let init = ["init", "--words-out", &wrong, "--confirm-words", &wrong];
    place.run(&other, &init).done();
    let erase = |kit: &str| place.run("me", &["erase", "--account", "--yes", "--kit", kit]);
    erase(&wrong).refused(1, "kit_other_account");
    place.run("me", &["sync"]).done();
    let erased = erase(&place.path("kit.txt")).done();
    assert_eq!(erased["erased"], 3);
    place.run("me", &["sync"]).refused(2, "no_vault");
    let (url, kit) = (place.url(), place.path("kit.txt"));
    let back = ["restore", "--kit", &kit, "--cloud", &url];
    assert_eq!(
        place.run("back", &back).exit,
        4,
        "the service knows no such account"
    );
    place.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_person_reads_once_a_colleague_lets_them_in_and_no_longer_than_certified() {
    let place = Place::new().await;
    place.patient();
    let first = place.clinic("ada", "Dr Ada Low").await;
    assert_eq!(first["waiting"], false);
    place.share("ada");
    let organisation = first["organisation"].as_str().unwrap();
    let codes = format!("/v1/operator/organisations/{organisation}/codes");
    let code = place.code(&codes, None).await;
    let second = place.enrol("eva", "Eva Roth", &code);
    assert_eq!(second["waiting"], true);
    assert_eq!(second["organisation"], first["organisation"]);
    let out = place.path("early");
    let early = place.run("eva", &["fetch", "--out", &out]);
    early.refused(4, "not_admitted");
    assert!(!Path::new(&out).exists(), "nothing is written");

    let listed = place.run("ada", &["colleagues"]).done();
    let state = |name: &str| -> String {
        let listed = place.run("ada", &["colleagues"]).done();
        let persons = listed["colleagues"].as_array().unwrap().clone();
        let found = persons.iter().find(|it| it["name"] == name).unwrap();
        found["state"].as_str().unwrap().to_owned()
    };
    assert_eq!(listed["colleagues"].as_array().unwrap().len(), 2);
    assert_eq!(listed["colleagues"][1]["key"], second["person"]);
    assert_eq!(
        (state("Dr Ada Low"), state("Eva Roth")),
        ("can read".into(), "waiting".into())
    );
    place
        .run("ada", &["admit", "Eva Roth"])
        .refused(2, "no_terminal");
    place
        .run("ada", &["admit", "Nobody", "--yes"])
        .refused(2, "not_found");
    let admitted = place.run("ada", &["admit", "eva roth", "--yes"]).done();
    assert_eq!(admitted["admitted"], second["person"]);
    place
        .run("ada", &["admit", "Eva Roth", "--yes"])
        .refused(4, "admitted");
    assert_eq!(state("Eva Roth"), "can read");
    assert_eq!(place.fetched("eva", "eva-first"), 3);

    // who was let in lets in
    let code = place.code(&codes, None).await;
    let third = place.enrol("tom", "Tom Lee", &code);
    let key = third["person"].as_str().unwrap();
    place.run("eva", &["admit", &key[..8], "--yes"]).done();
    assert_eq!(place.fetched("tom", "tom-first"), 3);

    let papers = std::fs::read_to_string(Path::new(&place.path("eva")).join("work.json")).unwrap();
    let papers: Value = serde_json::from_str(&papers).unwrap();
    let certificate: vitalwitness_domain::wire::Bytes =
        serde_json::from_value(papers["person_certificate"].clone()).unwrap();
    let hash = hex::encode(vitalwitness_proof::sha256(&[&certificate.0]));
    let revoke = format!("/v1/operator/certificates/{hash}/revoke");
    place.operator(&revoke, None).await;
    let out = place.path("eva-second");
    let gone = place.run("eva", &["fetch", "--out", &out]);
    gone.refused(4, "certificate_refused");
    assert!(!Path::new(&out).exists(), "nothing is written");
    assert_eq!(state("Eva Roth"), "taken back");
    assert_eq!(place.fetched("tom", "tom-second"), 3, "the others read on");
    place.server.shutdown().await;
}
