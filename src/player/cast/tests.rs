//! Which client gets which session, and who is sent away.

use super::*;

fn cast() -> Cast {
    Cast::new(&[Session::new("agent1"), Session::new("agent2")], &[], 0)
}

fn firmly(seat: usize) -> Tie {
    let hold = Hold::Firm;
    Tie { seat, hold }
}

fn asking(session: &str) -> Identity {
    Identity {
        session: Some(session.into()),
        ..Identity::default()
    }
}

fn user(user: &str) -> Identity {
    Identity {
        user: Some(user.into()),
        ..Identity::default()
    }
}

#[test]
fn clients_without_a_name_take_the_sessions_in_order_until_none_is_left() {
    let mut cast = cast();
    let nobody = Identity::default();
    assert_eq!(
        cast.take(&Ties::default(), &nobody, Role::Player)
            .unwrap()
            .seat,
        0
    );
    let second = cast.take(&Ties::default(), &nobody, Role::Player).unwrap();
    assert_eq!(second.seat, 1);
    assert_eq!(
        cast.take(&Ties::default(), &nobody, Role::Player)
            .unwrap_err(),
        NoSeat::Full("agent1, agent2".into())
    );
    cast.left(&second.client);
    assert_eq!(
        cast.take(&Ties::default(), &nobody, Role::Player)
            .unwrap()
            .seat,
        1
    );
}

#[test]
fn a_header_a_user_and_a_cookie_tie_a_client() {
    let mut cast = cast();
    assert_eq!(
        cast.take(&Ties::default(), &asking("agent2"), Role::Player)
            .unwrap()
            .seat,
        1
    );
    assert_eq!(
        cast.tied(&Ties::default(), &user("agent2")),
        Ok(Some(firmly(1)))
    );
    assert_eq!(
        cast.take(&Ties::default(), &user("alice"), Role::Player)
            .unwrap()
            .seat,
        0
    );
    assert_eq!(
        cast.tied(&Ties::default(), &user("alice")),
        Ok(Some(firmly(0)))
    );
    let browser = cast.browser(1).map(str::to_owned);
    let cookie = Identity {
        browser,
        ..Identity::default()
    };
    assert_eq!(cast.tied(&Ties::default(), &cookie), Ok(Some(firmly(1))));
    assert!(matches!(
        cast.take(&Ties::default(), &asking("agent3"), Role::Player),
        Err(NoSeat::Unknown(..))
    ));
}

#[test]
fn a_client_that_comes_back_takes_over_from_itself_under_a_new_identifier() {
    let mut cast = cast();
    let first = cast
        .take(&Ties::default(), &asking("agent2"), Role::Player)
        .unwrap();
    let again = cast
        .take(&Ties::default(), &asking("agent2"), Role::Player)
        .unwrap();
    assert_eq!(again.before, Some(first.client.clone()));
    assert_ne!(again.client, first.client);
    cast.left(&first.client);
    assert_eq!(cast.listener(1), Some(&again.client));
}

#[test]
fn a_spectator_takes_a_session_from_a_spectator_alone() {
    let mut cast = cast();
    let one = cast
        .take(&Ties::default(), &asking("agent2"), Role::Spectator)
        .unwrap();
    let other = cast
        .take(&Ties::default(), &asking("agent2"), Role::Spectator)
        .unwrap();
    assert_eq!(other.before, Some(one.client));
    let player = cast
        .take(&Ties::default(), &asking("agent2"), Role::Player)
        .unwrap();
    assert_eq!(player.before, Some(other.client));
    let refused = cast
        .take(&Ties::default(), &asking("agent2"), Role::Spectator)
        .unwrap_err();
    assert_eq!(refused, NoSeat::Taken("agent2".into()));
    assert_eq!(cast.listener(1), Some(&player.client));
}

#[test]
fn a_cookie_of_nobody_makes_a_stranger_unless_something_else_ties_the_client() {
    let cast = cast();
    let cookie = |value: &str| Identity {
        browser: Some(value.into()),
        ..Identity::default()
    };
    assert!(cast.is_stranger(&Ties::default(), &cookie("nobody's")));
    assert!(!cast.is_stranger(&Ties::default(), &cookie(cast.browser(0).unwrap())));
    assert!(!cast.is_stranger(
        &Ties::default(),
        &Identity {
            user: Some("agent1".into()),
            ..cookie("nobody's")
        }
    ));
    assert!(!cast.is_stranger(&Ties::default(), &Identity::default()));
}

#[test]
fn identifiers_are_the_same_in_every_run() {
    let (mut one, mut other) = (cast(), cast());
    assert_eq!(
        one.take(&Ties::default(), &asking("agent2"), Role::Player)
            .unwrap()
            .client,
        {
            other
                .take(&Ties::default(), &Identity::default(), Role::Player)
                .unwrap();
            other
                .take(&Ties::default(), &Identity::default(), Role::Player)
                .unwrap()
                .client
        }
    );
}
