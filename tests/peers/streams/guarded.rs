//! The office with secrets in all that is said: in header fields, cookies, forms, queries, JSON, and the data
//! of what it pushes.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::canaries::{Scene, own, prove};

use super::company::{Company, Ear, Over};
use super::office::Office;
use super::script::{Day, QUERY};

/// Who brings what all members have in their header fields.
const ALL: &str = "office";

/// Members who listen so.
struct Guarded(Ear, Over);

impl Scene for Guarded {
    type Service = Office;

    fn start(&self) -> (Office, String) {
        let office = Office::by(&["guarded"]);
        let origin = office.origin.clone();
        (office, origin)
    }

    fn play(&self, origin: &str, mark: &'static str) -> Value {
        let headers = json!({
            "authorization": format!("Bearer {}", own(mark, ALL, "bearer")),
            "x-api-key": own(mark, ALL, "key"),
        });
        let headers = headers.as_object().unwrap();
        let Guarded(ear, over) = *self;
        let mut company = Company::asking(origin, ear, over, headers, QUERY);
        let told = company.play(&Day::of(ear).guarded(mark).in_turn());
        let each = told.iter();
        each.map(|told| json!([told.name, told.answers, told.heard, told.opened]))
            .collect()
    }

    fn directly(&self, origin: &str, mark: &'static str) -> Value {
        Guarded(self.0, Over::Http1).play(origin, mark)
    }

    fn minted(&self, office: Office, _: &Value) -> BTreeSet<String> {
        office.close().secrets.into_iter().collect()
    }

    fn brought(&self, mark: &'static str) -> BTreeSet<String> {
        let mut secrets = Day::of(self.0).guarded(mark).secrets();
        secrets.extend(["bearer", "key"].map(|what| own(mark, ALL, what)));
        secrets
    }
}

#[test]
fn no_secret_of_who_hears_events_is_told_and_their_replay_is_as_the_office() {
    prove(&Guarded(Ear::Events, Over::Http1));
}

#[test]
fn no_secret_of_who_hears_gzipped_events_is_told_and_their_replay_is_as_the_office() {
    prove(&Guarded(Ear::Gzipped, Over::Http1));
}

#[test]
fn no_secret_of_who_hears_lines_is_told_and_their_replay_is_as_the_office() {
    prove(&Guarded(Ear::Lines, Over::Http1));
}

#[test]
fn no_secret_of_who_hears_over_http_2_is_told_and_their_replay_is_as_the_office() {
    prove(&Guarded(Ear::Events, Over::Http2));
}
