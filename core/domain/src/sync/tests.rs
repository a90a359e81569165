#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails should panic"
)]
use super::*;

const NOW: i64 = 1_700_000_000_000;

fn item(id: ItemId) -> Queued {
    Queued { id, batch: false }
}

fn batch(id: ItemId) -> Queued {
    Queued { id, batch: true }
}

fn ready() -> View {
    View {
        registered: true,
        session_end_ms: Some(NOW + 3_600_000),
        cursor: 7,
        ..View::default()
    }
}

fn task() -> SyncTask {
    SyncTask::new(Network::default(), Backoff::default())
}

/// A task that has pulled all there is.
fn caught_up() -> SyncTask {
    let mut task = task();
    let step = Step::Pull { after: 7 };
    let answer = Answer::Pulled {
        cursor: 7,
        latest: 7,
    };
    assert_eq!(task.resolve(step, answer, NOW, || 0), Verdict::Go);
    task
}

fn refused(status: u16, code: &str) -> Answer {
    Answer::Refused {
        status,
        code: code.to_owned(),
        retry_after_s: None,
    }
}

#[test]
fn a_round_registers_signs_in_pulls_sends_and_checks_in_this_order() {
    let mut task = task();
    let mut view = View {
        first: Some(batch(3)),
        ..View::default()
    };
    let mut go = |view: &mut View, expect: Step, answer: Answer| {
        assert_eq!(task.next_request(view, NOW, NOW), Some(expect));
        assert_eq!(task.resolve(expect, answer, NOW, || 0), Verdict::Go);
    };
    go(&mut view, Step::Register, Answer::Done);
    view.registered = true;
    go(&mut view, Step::SignIn, Answer::Done);
    view.session_end_ms = Some(NOW + 60_000);
    go(
        &mut view,
        Step::Pull { after: 0 },
        Answer::Pulled {
            cursor: 5,
            latest: 9,
        },
    );
    view.cursor = 5;
    go(
        &mut view,
        Step::Pull { after: 5 },
        Answer::Pulled {
            cursor: 9,
            latest: 9,
        },
    );
    view.cursor = 9;
    go(
        &mut view,
        Step::Announce(3),
        Answer::Announced {
            missing: vec![0, 2],
        },
    );
    go(&mut view, Step::Part(3, 0), Answer::Done);
    go(&mut view, Step::Part(3, 2), Answer::Done);
    go(&mut view, Step::Commit(3), Answer::Done);
    view.first = Some(item(4));
    go(&mut view, Step::Send(4), Answer::Done);
    view.first = None;
    go(
        &mut view,
        Step::Pull { after: 9 },
        Answer::Pulled {
            cursor: 11,
            latest: 11,
        },
    );
    view.cursor = 11;
    go(&mut view, Step::Head, Answer::Done);
    view.unchecked = Some(3);
    go(&mut view, Step::Check(3), Answer::Done);
    view.unchecked = None;
    let report = task.finish(&view, NOW, NOW);
    assert_eq!((report.sent, report.checked, report.done), (2, 1, true));
}

#[test]
fn what_the_cloud_says_decides_what_happens_to_the_item() {
    let cases = [
        (
            "a permanent no sets it aside",
            403,
            slug::FORBIDDEN,
            Verdict::SetAside(1, slug::FORBIDDEN.to_owned()),
        ),
        (
            "so does an unknown code",
            418,
            "teapot",
            Verdict::SetAside(1, "teapot".to_owned()),
        ),
        (
            "a closed key means sealing anew",
            409,
            slug::KEY_CLOSED,
            Verdict::SealAnew(1),
        ),
        (
            "a fast clock means signing anew",
            400,
            slug::FROM_FUTURE,
            Verdict::SignAnew(1),
        ),
        (
            "a full account keeps it queued",
            507,
            slug::QUOTA,
            Verdict::Full,
        ),
        (
            "an ended session is forgotten",
            401,
            slug::SESSION,
            Verdict::Forget,
        ),
        (
            "a busy server is waited for",
            429,
            slug::RATE,
            Verdict::Wait(Backoff {
                failures: 1,
                until_ms: NOW + 5,
            }),
        ),
        (
            "a broken server is waited for",
            500,
            slug::INTERNAL,
            Verdict::Wait(Backoff {
                failures: 1,
                until_ms: NOW + 5,
            }),
        ),
    ];
    for (why, status, code, expect) in cases {
        let got = caught_up().resolve(Step::Announce(1), refused(status, code), NOW, || 5);
        assert_eq!(got, expect, "{why}");
    }
}

#[test]
fn the_queue_goes_on_behind_an_item_that_was_set_aside() {
    let mut task = caught_up();
    let _ = task.resolve(Step::Send(1), refused(403, slug::FORBIDDEN), NOW, || 0);
    let view = View {
        first: Some(item(2)),
        ..ready()
    };
    assert_eq!(task.next_request(&view, NOW, NOW), Some(Step::Send(2)));
    assert_eq!(task.finish(&view, NOW, NOW).set_aside, 1);
}

#[test]
fn after_a_closed_key_it_pulls_before_it_sends_again() {
    let mut task = caught_up();
    let _ = task.resolve(Step::Commit(1), refused(409, slug::KEY_CLOSED), NOW, || 0);
    let view = View {
        first: Some(batch(2)),
        ..ready()
    };
    assert_eq!(
        task.next_request(&view, NOW, NOW),
        Some(Step::Pull { after: 7 })
    );
}

#[test]
fn a_full_account_stops_batches_and_nothing_else() {
    let mut task = caught_up();
    let _ = task.resolve(Step::Announce(1), refused(507, slug::QUOTA), NOW, || 0);
    let view = View {
        first: Some(batch(1)),
        first_small: Some(item(2)),
        ..ready()
    };
    assert_eq!(task.next_request(&view, NOW, NOW), Some(Step::Send(2)));
    let view = View {
        first: Some(batch(1)),
        ..ready()
    };
    assert_eq!(task.next_request(&view, NOW, NOW), Some(Step::Head));
    assert!(task.finish(&view, NOW, NOW).full);
}

#[test]
fn an_item_that_does_not_fit_is_held_and_what_is_behind_it_goes() {
    let mut task = caught_up();
    let verdict = task.resolve(Step::Send(1), refused(507, slug::QUOTA), NOW, || 0);
    assert_eq!(verdict, Verdict::Hold(1));
    let view = View {
        first: Some(item(2)),
        first_small: Some(item(2)),
        ..ready()
    };
    assert_eq!(task.next_request(&view, NOW, NOW), Some(Step::Send(2)));
}

#[test]
fn data_saving_lets_series_wait_and_entries_by_hand_go() {
    let network = Network {
        low_data: true,
        metered: true,
    };
    let mut task = SyncTask::new(network, Backoff::default());
    let _ = task.resolve(
        Step::Pull { after: 7 },
        Answer::Pulled {
            cursor: 7,
            latest: 7,
        },
        NOW,
        || 0,
    );
    let view = View {
        first: Some(batch(1)),
        first_urgent: Some(batch(9)),
        ..ready()
    };
    assert_eq!(task.next_request(&view, NOW, NOW), Some(Step::Announce(9)));
}

#[test]
fn no_answer_means_waiting_and_the_wait_survives_the_task() {
    let mut task = caught_up();
    let offline = Answer::Offline {
        retry_after_s: Some(90),
    };
    let verdict = task.resolve(Step::Send(1), offline, NOW, || 0);
    let Verdict::Wait(kept) = verdict else {
        panic!("{verdict:?}");
    };
    let view = ready();
    assert_eq!(task.next_request(&view, NOW, NOW), None);
    assert_eq!(task.finish(&view, NOW, NOW).retry_at_ms, Some(NOW + 90_000));
    let next = SyncTask::new(Network::default(), kept);
    assert_eq!(next.next_request(&view, NOW + 89_999, NOW), None);
    assert!(next.next_request(&view, NOW + 90_000, NOW).is_some());
}

#[test]
fn what_is_refused_twice_in_a_row_is_waited_for() {
    let cases = [
        (Answer::Skewed, Verdict::Go),
        (refused(401, slug::SESSION), Verdict::Forget),
    ];
    for (answer, first) in cases {
        let mut task = caught_up();
        let step = Step::Send(1);
        assert_eq!(task.resolve(step, answer.clone(), NOW, || 0), first);
        let again = task.resolve(step, answer.clone(), NOW, || 0);
        assert!(matches!(again, Verdict::Wait(_)), "{answer:?}");
    }
}

#[test]
fn changes_that_are_gone_are_reconciled_before_anything_else() {
    let mut task = task();
    let gone = refused(410, slug::GONE);
    assert_eq!(
        task.resolve(Step::Pull { after: 7 }, gone, NOW, || 0),
        Verdict::Go
    );
    assert_eq!(task.next_request(&ready(), NOW, NOW), Some(Step::Reconcile));
    let _ = task.resolve(Step::Reconcile, Answer::Done, NOW, || 0);
    assert_eq!(
        task.next_request(&ready(), NOW, NOW),
        Some(Step::Pull { after: 7 })
    );
    // a cloud that says so for ever is not asked for ever
    let again = task.resolve(Step::Pull { after: 0 }, refused(410, slug::GONE), NOW, || 0);
    assert!(matches!(again, Verdict::Wait(_)), "{again:?}");
}

#[test]
fn a_phone_that_cannot_keep_an_answer_stops_and_is_not_done() {
    let mut task = task();
    let _ = task.resolve(Step::Pull { after: 7 }, Answer::NotKept, NOW, || 0);
    assert_eq!(task.next_request(&ready(), NOW, NOW), None);
    assert!(!task.finish(&ready(), NOW, NOW).done);
}
