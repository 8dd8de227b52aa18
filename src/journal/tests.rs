//! What is kept of a run, and what its digest depends on.

use super::*;

fn hear(journal: &mut Journal, session: &Session, number: u64, data: &str) {
    let (notification, channel) = (NotificationId(number), "/c".to_owned());
    let entry = Delivered {
        notification,
        channel,
        data: data.to_owned().into(),
    };
    journal.delivered(
        session,
        Way::Bayeux,
        entry,
        &Identity::of(&[data.as_bytes()]),
    );
}

fn call(journal: &mut Journal, session: &Session, entry: Answered) {
    let identity = Identity::of(&[entry.target.as_bytes()]);
    journal.answered(session, entry, || &identity);
}

fn called(number: u64) -> Answered {
    let (method, target) = ("POST".into(), format!("/{number}").into());
    Answered {
        operation: OperationId(number),
        method,
        target,
        status: 200,
        part: Part::Step,
    }
}

#[test]
fn a_method_is_kept_as_it_is_whether_it_is_known_or_not() {
    for name in METHODS.iter().chain(&["get", "QUERY", ""]) {
        assert_eq!(method(name), *name);
    }
    assert!(matches!(method("GET"), Cow::Borrowed(_)));
}

#[test]
fn the_digest_depends_on_the_order_within_a_session_and_on_no_other() {
    let (a, b) = (Session::new("a"), Session::new("b"));
    let mut one = Journal::default();
    call(&mut one, &a, called(1));
    hear(&mut one, &a, 1, "x");
    hear(&mut one, &b, 2, "y");
    hear(&mut one, &b, 3, "z");
    let mut other = Journal::default();
    hear(&mut other, &b, 2, "y");
    hear(&mut other, &a, 1, "x");
    call(&mut other, &a, called(1));
    other.missed(Miss {
        method: "GET".into(),
        target: "/".into(),
        reason: String::new(),
    });
    hear(&mut other, &b, 3, "z");
    assert_eq!(one.digest(), other.digest());
    let mut swapped = Journal::default();
    call(&mut swapped, &a, called(1));
    hear(&mut swapped, &a, 1, "x");
    hear(&mut swapped, &b, 3, "z");
    hear(&mut swapped, &b, 2, "y");
    assert_ne!(one.digest(), swapped.digest());
}

#[test]
fn a_read_is_on_the_list_and_not_in_the_digest() {
    let session = Session::new("a");
    let mut journal = Journal::default();
    call(&mut journal, &session, called(1));
    let before = journal.digest();
    let read = Answered {
        part: Part::Read,
        ..called(2)
    };
    call(&mut journal, &session, read);
    assert_eq!(journal.digest(), before);
    let (_, lane) = journal.sessions().next().unwrap();
    assert_eq!(lane.operations().total(), 2);
}

#[test]
fn a_session_that_only_read_leaves_the_digest_as_it_is() {
    let mut journal = Journal::default();
    call(&mut journal, &Session::new("a"), called(1));
    let before = journal.digest();
    let read = Answered {
        part: Part::Read,
        ..called(2)
    };
    call(&mut journal, &Session::new("b"), read);
    assert_eq!(journal.digest(), before);
}

#[test]
fn the_lists_are_bounded_and_the_digest_is_not() {
    let session = Session::new("a");
    let mut journal = Journal::default();
    for number in 0..=DEFAULT_MAX_ENTRIES as u64 {
        hear(&mut journal, &session, number, "x");
    }
    let before = journal.digest();
    hear(&mut journal, &session, 0, "x");
    assert_ne!(journal.digest(), before);
    let (_, lane) = journal.sessions().next().unwrap();
    assert_eq!(lane.notifications().total(), DEFAULT_MAX_ENTRIES + 2);
    assert_eq!(lane.notifications().kept().count(), DEFAULT_MAX_ENTRIES);
    assert_eq!(
        lane.notifications().kept().next().unwrap().notification,
        NotificationId(2)
    );
}

#[test]
fn the_data_of_notifications_is_bounded_and_whoever_has_most_loses_first() {
    let (a, b) = (Session::new("a"), Session::new("b"));
    let mut journal = Journal {
        most_data: 10,
        ..Journal::default()
    };
    let mut whole = Journal::default();
    for journal in [&mut journal, &mut whole] {
        hear(journal, &b, 1, "xyz");
        for number in 2..6 {
            hear(journal, &a, number, "xyz");
        }
    }
    let kept = |journal: &Journal| {
        let lanes = journal.sessions().map(|(_, lane)| lane.notifications());
        let kept = |list: &Bounded<Delivered>| {
            let kept = list.kept().map(|entry| entry.notification.0);
            (kept.collect::<Vec<_>>(), list.total())
        };
        lanes.map(kept).collect::<Vec<_>>()
    };
    assert_eq!(kept(&journal), [(vec![4, 5], 4), (vec![1], 1)]);
    assert_eq!(journal.digest(), whole.digest());
    hear(&mut journal, &a, 6, "longer than all");
    assert_eq!(kept(&journal), [(vec![], 5), (vec![1], 1)]);
    hear(&mut journal, &a, 7, "");
    assert_eq!(kept(&journal), [(vec![7], 6), (vec![1], 1)]);
}

#[test]
fn a_journal_keeps_as_much_as_the_user_wants_and_counts_all() {
    for most in [0, 1, 3] {
        let session = Session::new("a");
        let mut journal = Journal::keeping(most);
        let mut whole = Journal::default();
        for number in 0..9 {
            for journal in [&mut journal, &mut whole] {
                hear(journal, &session, number, "x");
                call(journal, &session, called(number));
                journal.missed(Miss {
                    method: "GET".into(),
                    target: "/".into(),
                    reason: String::new(),
                });
            }
        }
        assert_eq!((journal.kept(), whole.kept()), (3 * most, 27));
        assert_eq!(journal.misses().total(), 9);
        assert_eq!(journal.digest(), whole.digest());
    }
}
