//! How operations and notifications travelled, as `antiphon show --json` tells it: in the shapes of the
//! tape itself.

use serde::Serialize;

use crate::exchange::{Carrier, Form, OnSocket};

/// How an operation travelled, where it was no plain exchange.
#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum FormView {
    Opens(&'static str),
    Message(OnSocketView),
}

/// How a notification travelled, where it was no Bayeux event.
#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum CarrierView<'a> {
    Event {
        stream: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        event: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        retry: Option<u64>,
    },
    Line(u64),
    Message(OnSocketView),
}

#[derive(Serialize)]
pub(super) struct OnSocketView {
    stream: u64,
    kind: &'static str,
}

impl FormView {
    pub(super) fn of(form: Form) -> Option<Self> {
        match form {
            Form::Exchange => None,
            Form::Opens(stream) => Some(FormView::Opens(stream.name())),
            Form::Message(on) => Some(FormView::Message(OnSocketView::of(on))),
        }
    }
}

impl<'a> CarrierView<'a> {
    pub(super) fn of(carrier: &'a Carrier) -> Option<Self> {
        match carrier {
            Carrier::Bayeux => None,
            Carrier::Event(event) => Some(CarrierView::Event {
                stream: event.stream.0,
                event: event.event.as_deref(),
                id: event.id.as_deref(),
                retry: event.retry,
            }),
            Carrier::Line(stream) => Some(CarrierView::Line(stream.0)),
            Carrier::Message(on) => Some(CarrierView::Message(OnSocketView::of(*on))),
        }
    }
}

impl OnSocketView {
    fn of(on: OnSocket) -> Self {
        OnSocketView {
            stream: on.stream.0,
            kind: on.kind.name(),
        }
    }
}
