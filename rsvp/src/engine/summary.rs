//! Messages in one line, for people.

use core::fmt::Write as _;

use crate::intserv::{Flowspec, Reading, Tspec};
use crate::msg::{Body, Flows, FlowspecSlot};
use crate::wire::{FilterSpec, FlowspecObject, Scope, SenderTspecObject};

/// The longest packet of all: objects are shown as they are.
const AS_SENT: Reading = Reading::Deployed { mtu: 65_535 };

/// What a message says besides its type and session.
pub(super) fn of(body: &Body) -> String {
    let mut text = String::new();
    // Writing into a string does not fail.
    let _ = match body {
        Body::Path(path) => {
            if let Some(sender) = &path.sender {
                let _ = write!(text, "from {} ", sender.template.0);
                let _ = tspec(&mut text, &sender.tspec);
            }
            write!(text, "hop {}", path.hop)
        }
        Body::PathTear(tear) => {
            if let Some(sender) = &tear.sender {
                let _ = write!(text, "from {} ", sender.template.0);
            }
            write!(text, "hop {}", tear.hop)
        }
        Body::PathErr(error) => {
            if let Some(sender) = &error.sender {
                let _ = write!(text, "from {} ", sender.template.0);
            }
            write!(text, "{}", error.error)
        }
        Body::Resv(resv) => {
            flows(&mut text, &resv.flows);
            if let Some(list) = &resv.scope {
                scope(&mut text, list);
            }
            if let Some(confirm) = &resv.confirm {
                let _ = write!(text, "confirm to {} ", confirm.receiver);
            }
            write!(text, "hop {}", resv.hop)
        }
        Body::ResvTear(tear) => {
            flows(&mut text, &tear.flows);
            write!(text, "hop {}", tear.hop)
        }
        Body::ResvErr(error) => {
            flows(&mut text, &error.flows);
            write!(text, "{}", error.error)
        }
        Body::ResvConf(confirm) => {
            flows(&mut text, &confirm.flows);
            write!(
                text,
                "by {} to {}",
                confirm.error.node, confirm.confirm.receiver
            )
        }
        Body::Bundle(_)
        | Body::Ack(_)
        | Body::Srefresh(_)
        | Body::Hello(_)
        | Body::Challenge(_)
        | Body::Response(_) => Ok(()),
    };
    text
}

fn tspec(text: &mut String, object: &SenderTspecObject) -> core::fmt::Result {
    match Tspec::from_object(object, AS_SENT) {
        Ok(tspec) => write!(text, "sends {tspec} "),
        Err(error) => write!(text, "bad Tspec ({error}) "),
    }
}

fn flowspec(text: &mut String, object: &FlowspecObject) {
    let _ = match Flowspec::from_object(object, AS_SENT) {
        Ok(flowspec) => write!(text, "{flowspec} "),
        Err(error) => write!(text, "bad flowspec ({error}) "),
    };
}

fn flows<F: FlowspecSlot>(text: &mut String, flows: &Flows<F>) {
    let _ = write!(text, "{} ", flows.style());
    let of_slot = |text: &mut String, slot: &F| {
        if let Some(object) = slot.flowspec() {
            flowspec(text, object);
        }
    };
    let name = |text: &mut String, filter: &FilterSpec| {
        let _ = write!(text, "{} ", filter.0);
    };
    match flows {
        Flows::Wf(slot) => of_slot(text, slot),
        Flows::Ff(list) => {
            for one in list {
                name(text, &one.filter);
                of_slot(text, &one.flowspec);
            }
        }
        Flows::Se { flowspec, filters } => {
            filters.iter().for_each(|filter| name(text, filter));
            of_slot(text, flowspec);
        }
        Flows::Unknown { items, .. } => {
            let _ = write!(text, "{} objects ", items.len());
        }
    }
}

fn scope(text: &mut String, scope: &Scope) {
    text.push_str("scope");
    for address in scope.addresses() {
        let _ = write!(text, " {address}");
    }
    text.push(' ');
}
