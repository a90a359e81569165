//! What anyone may ask: limits, time, trust, the log, health.
#![allow(
    clippy::unnecessary_wraps,
    reason = "every route has one type, also one that cannot fail"
)]

use super::{App, Call, openapi, reply::Reply};
use crate::log::{Head, TILE};
use crate::{Error, Refusal, Result};
use std::sync::atomic::Ordering;
use vitalwitness_domain::export::chainpoint::anchor_id;
use vitalwitness_domain::wire::{Limits, Proof, Time, TrustInfo};

pub(super) fn limits(app: &App, _: &Call) -> Result<Reply> {
    let limits = app.config.limits;
    Reply::json(&Limits {
        part_bytes: limits.part_bytes,
        batch_bytes: limits.batch_bytes,
        body_bytes: limits.body_bytes,
        session_s: limits.session_s,
        clock_tolerance_s: limits.clock_tolerance_s,
        delivery_s: limits.delivery_s,
    })
}

pub(super) fn time(_: &App, call: &Call) -> Result<Reply> {
    Reply::json(&Time {
        now_ms: call.now_ms,
    })
}

pub(super) fn trust(app: &App, _: &Call) -> Result<Reply> {
    Reply::json(&TrustInfo {
        bundle: app.notes.trust_bundle(),
        ca: app.ca.root().to_vec().into(),
    })
}

pub(super) fn crl(app: &App, call: &Call) -> Result<Reply> {
    let crl = app.ca.crl(&app.store.revoked_serials()?, call.now_ms)?;
    Ok(Reply::bytes("application/pkix-crl", crl))
}

pub(super) fn openapi_document(_: &App, _: &Call) -> Result<Reply> {
    Ok(Reply::raw_json(openapi::document()?))
}

pub(super) fn healthz(_: &App, _: &Call) -> Result<Reply> {
    Ok(Reply::text("alive\n".to_owned()))
}

pub(super) fn readyz(app: &App, _: &Call) -> Result<Reply> {
    if app.stopping.load(Ordering::Relaxed) {
        return Err(Error::Unavailable);
    }
    app.store.ping().map_err(|_| Error::Unavailable)?;
    Ok(Reply::text("ready\n".to_owned()))
}

pub(super) fn metrics(app: &App, _: &Call) -> Result<Reply> {
    #[allow(
        clippy::cast_precision_loss,
        reason = "a gauge; exact up to 2^53 entries"
    )]
    metrics::gauge!("vw_log_size").set(app.notes.size() as f64);
    Ok(Reply::text(crate::observe::render()))
}

pub(super) fn checkpoint(app: &App, _: &Call) -> Result<Reply> {
    let head = app.notes.shown().ok_or(Error::Unavailable)?;
    Ok(Reply::text(head.note.to_string()))
}

pub(super) fn policy(app: &App, _: &Call) -> Result<Reply> {
    Ok(Reply::bytes(
        "text/plain; charset=utf-8",
        app.policy.clone(),
    ))
}

pub(super) fn inclusion(app: &App, call: &Call) -> Result<Reply> {
    let size = within(app, call.needed("size")?)?;
    Reply::json(&Proof {
        nodes: app.store.inclusion(call.needed("index")?, size)?,
    })
}

/// The root that a Chainpoint export leads to, in hex, as Chainpoint's own calendars answer.
pub(super) fn calendar(app: &App, call: &Call) -> Result<Reply> {
    let id: String = call.param("id")?;
    let size = id.rsplit_once('.').and_then(|(_, size)| size.parse().ok());
    let size = size.filter(|size| (1..=app.notes.size()).contains(size));
    let size = size.filter(|size| anchor_id(app.notes.origin(), *size) == id);
    let root = app.store.root(size.ok_or(Refusal::not_found())?)?;
    Ok(Reply::text(root.to_string()))
}

pub(super) fn consistency(app: &App, call: &Call) -> Result<Reply> {
    let to = within(app, call.needed("to")?)?;
    Reply::json(&Proof {
        nodes: app.store.consistency(call.needed("from")?, to)?,
    })
}

/// `/v1/log/tile/{level}/{n...}` (C2SP tlog-tiles): `x001/x234/067`, and `.p/W` for a partial one.
pub(super) fn tile(app: &App, call: &Call) -> Result<Reply> {
    let level: u32 = call.param("level")?;
    let path: String = call.param("n")?;
    let (n, width) = parse_tile(&path).ok_or(Refusal::not_found())?;
    let size = app.notes.size();
    // hashes of this level that the shown log has
    let count = 8_u32
        .checked_mul(level)
        .and_then(|bits| size.checked_shr(bits))
        .unwrap_or(0);
    let end = n
        .checked_mul(TILE)
        .and_then(|first| first.checked_add(width))
        .ok_or(Refusal::not_found())?;
    if end > count {
        return Err(Refusal::not_found().into());
    }
    let mut hashes = app.store.tile(level, n)?;
    let bytes = usize::try_from(width * 32).unwrap_or(usize::MAX);
    if hashes.len() < bytes {
        return Err(Error::Corrupt("a tile of the log is short"));
    }
    hashes.truncate(bytes);
    Ok(Reply::bytes("application/octet-stream", hashes))
}

/// The number of a tile and how many hashes are asked for.
fn parse_tile(path: &str) -> Option<(u64, u64)> {
    let (path, width) = match path.split_once(".p/") {
        None => (path, TILE),
        Some((path, width)) => {
            let number: u64 = width.parse().ok()?;
            if !(1..TILE).contains(&number) || number.to_string() != width {
                return None;
            }
            (path, number)
        }
    };
    let groups: Vec<&str> = path.split('/').collect();
    let (last, upper) = groups.split_last()?;
    let mut n: u64 = 0;
    let digits = upper
        .iter()
        .map(|group| group.strip_prefix('x'))
        .chain([Some(*last)]);
    for group in digits {
        let group = group.filter(|g| g.len() == 3 && g.bytes().all(|b| b.is_ascii_digit()))?;
        n = n.checked_mul(1000)?.checked_add(group.parse().ok()?)?;
    }
    let shortest = groups.len() == 1 || groups.first() != Some(&"x000");
    shortest.then_some((n, width))
}

fn within(app: &App, size: u64) -> Result<u64> {
    if size > app.notes.size() {
        return Err(Refusal::bad_request("the log is not that large").into());
    }
    Ok(size)
}

/// A note that covers the entry, for its receipt.
pub(super) fn note_over(app: &App, index: u64) -> Result<Head> {
    app.notes
        .covering(index)
        .filter(|head| head.size > index)
        .ok_or(Error::Unavailable)
}

#[cfg(test)]
mod tests {
    use super::parse_tile;

    #[test]
    fn tile_paths_have_one_spelling() {
        for (path, tile) in [
            ("000", Some((0, 256))),
            ("067", Some((67, 256))),
            ("x001/x234/067", Some((1_234_067, 256))),
            ("000.p/5", Some((0, 5))),
            ("x001/000.p/255", Some((1000, 255))),
            ("000.p/256", None),
            ("000.p/0", None),
            ("000.p/05", None),
            ("x000/001", None),
            ("1", None),
            ("0001", None),
            ("x001", None),
            ("x001/x002", None),
            ("", None),
            ("x999/x999/x999/x999/x999/x999/x999/999", None),
        ] {
            assert_eq!(parse_tile(path), tile, "{path}");
        }
    }
}
