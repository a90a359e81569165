//! A line to the cloud that loses, doubles, delays and lies.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex};
use vitalwitness_vault::client::{NoAnswer, Pending, Request, Response, Transport};

/// What happens to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It goes through.
    Through,
    /// It never arrives.
    Lost,
    /// It arrives; its answer does not.
    AnswerLost,
    /// It arrives twice; the second answer counts.
    Doubled,
    /// Nobody hears of it now; it arrives before the next one.
    Late,
}

/// A line with a fate for each request.
pub(crate) struct Line {
    to: Arc<dyn Transport>,
    fate: Box<dyn Fn(usize) -> Fate + Send + Sync>,
    count: Mutex<usize>,
    late: Mutex<VecDeque<Request>>,
}

impl Line {
    pub(crate) fn between(
        to: Arc<dyn Transport>,
        fate: impl Fn(usize) -> Fate + Send + Sync + 'static,
    ) -> Arc<dyn Transport> {
        Arc::new(Self {
            to,
            fate: Box::new(fate),
            count: Mutex::new(0),
            late: Mutex::default(),
        })
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Line")
    }
}

pub(crate) fn copy(request: &Request) -> Request {
    Request {
        method: request.method,
        target: request.target.clone(),
        headers: request.headers.clone(),
        body: request.body.clone(),
        limit: request.limit,
    }
}

impl Transport for Line {
    fn send(&self, request: Request) -> Pending<'_> {
        let number = {
            let mut count = self.count.lock().unwrap();
            *count += 1;
            *count
        };
        let late: Vec<Request> = self.late.lock().unwrap().drain(..).collect();
        Box::pin(async move {
            for request in late {
                let _ = self.to.send(request).await;
            }
            match (self.fate)(number) {
                Fate::Through => self.to.send(request).await,
                Fate::Lost => Err(NoAnswer::Unreachable),
                Fate::AnswerLost => {
                    let _ = self.to.send(request).await;
                    Err(NoAnswer::Unreachable)
                }
                Fate::Doubled => {
                    let _ = self.to.send(copy(&request)).await;
                    self.to.send(request).await
                }
                Fate::Late => {
                    self.late.lock().unwrap().push_back(request);
                    Err(NoAnswer::Unreachable)
                }
            }
        })
    }
}

/// A cloud that changes answers on their way.
pub(crate) struct Liar {
    to: Arc<dyn Transport>,
    lie: Box<Lie>,
}

type Lie = dyn Fn(&str, Vec<u8>) -> Vec<u8> + Send + Sync;

impl Liar {
    /// `lie` gets the target and the body of each good answer.
    pub(crate) fn before(
        to: Arc<dyn Transport>,
        lie: impl Fn(&str, Vec<u8>) -> Vec<u8> + Send + Sync + 'static,
    ) -> Arc<dyn Transport> {
        Arc::new(Self {
            to,
            lie: Box::new(lie),
        })
    }
}

impl fmt::Debug for Liar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Liar")
    }
}

impl Transport for Liar {
    fn send(&self, request: Request) -> Pending<'_> {
        let target = request.target.clone();
        Box::pin(async move {
            let mut answer: Response = self.to.send(request).await?;
            if answer.status < 300 {
                answer.body = (self.lie)(&target, answer.body);
            }
            Ok(answer)
        })
    }
}

/// A line on which some requests never arrive.
pub(crate) struct Gap {
    to: Arc<dyn Transport>,
    is_lost: Box<Lost>,
}

type Lost = dyn Fn(&Request) -> bool + Send + Sync;

impl Gap {
    pub(crate) fn before(
        to: Arc<dyn Transport>,
        is_lost: impl Fn(&Request) -> bool + Send + Sync + 'static,
    ) -> Arc<dyn Transport> {
        Arc::new(Self {
            to,
            is_lost: Box::new(is_lost),
        })
    }
}

impl fmt::Debug for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gap")
    }
}

impl Transport for Gap {
    fn send(&self, request: Request) -> Pending<'_> {
        Box::pin(async move {
            if (self.is_lost)(&request) {
                return Err(NoAnswer::Unreachable);
            }
            self.to.send(request).await
        })
    }
}

/// A line that answers one path by itself, with a status and a problem code.
#[derive(Debug)]
pub(crate) struct Refuser {
    to: Arc<dyn Transport>,
    path: &'static str,
    status: u16,
    code: &'static str,
}

impl Refuser {
    pub(crate) fn before(
        to: Arc<dyn Transport>,
        path: &'static str,
        status: u16,
        code: &'static str,
    ) -> Arc<dyn Transport> {
        Arc::new(Self {
            to,
            path,
            status,
            code,
        })
    }
}

impl Transport for Refuser {
    fn send(&self, request: Request) -> Pending<'_> {
        if !request.target.starts_with(self.path) {
            return self.to.send(request);
        }
        let body = serde_json::json!({
            "type": "about:blank", "title": "", "status": self.status,
            "code": self.code, "retry_after_s": null,
        });
        Box::pin(async move {
            Ok(Response {
                status: self.status,
                retry_after_s: None,
                body: body.to_string().into_bytes(),
            })
        })
    }
}

/// A line that says yes to some requests and forgets them.
#[derive(Debug)]
pub(crate) struct Swallow {
    to: Arc<dyn Transport>,
    method: &'static str,
    path: &'static str,
}

impl Swallow {
    pub(crate) fn before(
        to: Arc<dyn Transport>,
        method: &'static str,
        path: &'static str,
    ) -> Arc<dyn Transport> {
        Arc::new(Self { to, method, path })
    }
}

impl Transport for Swallow {
    fn send(&self, request: Request) -> Pending<'_> {
        if request.method != self.method || !request.target.starts_with(self.path) {
            return self.to.send(request);
        }
        Box::pin(async {
            Ok(Response {
                status: 204,
                retry_after_s: None,
                body: Vec::new(),
            })
        })
    }
}
