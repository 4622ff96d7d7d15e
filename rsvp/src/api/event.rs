//! What an application hears.

use crate::intserv::{Adspec, Flowspec, Tspec};
use crate::wire::{ErrorSpec, Sender, Style};

/// One sender of a path event.
#[derive(Clone, Debug, PartialEq)]
pub struct PathSender {
    /// The source of its data.
    pub template: Sender,
    /// What it sends.
    pub tspec: Tspec,
    /// What the path can do, this node included; `None` if the sender sent none, or one that cannot be read.
    pub adspec: Option<Adspec>,
}

/// Something happened in an application's session: `rapi.md` §5.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// `RAPI_PATH_EVENT`: the senders there are now, all of them, in order; none: the last has gone.
    Path(Vec<PathSender>),
    /// `RAPI_RESV_EVENT`: what is reserved now for this application's sender.
    Resv {
        /// The style.
        style: Style,
        /// The senders it is for: none of style WF.
        filters: Vec<Sender>,
        /// What is reserved; `None`: nothing any more.
        flowspec: Option<Flowspec>,
    },
    /// `RAPI_PATH_ERROR`: something is wrong with this application's sender.
    PathError {
        /// What, and where.
        error: ErrorSpec,
        /// The sender.
        sender: Sender,
        /// What it says it sends.
        tspec: Option<Tspec>,
    },
    /// `RAPI_RESV_ERROR`: something is wrong with this application's reservation.
    ResvError {
        /// What, and where, and whether it is this reservation's fault.
        error: ErrorSpec,
        /// The style.
        style: Style,
        /// The senders.
        filters: Vec<Sender>,
        /// What failed, which may be more than this application's reservation.
        flowspec: Option<Flowspec>,
    },
    /// `RAPI_RESV_CONFIRM`: the reservation stands, very probably.
    Confirm {
        /// Where it was confirmed.
        confirmed_by: ErrorSpec,
        /// The style.
        style: Style,
        /// The senders.
        filters: Vec<Sender>,
        /// What is reserved.
        flowspec: Option<Flowspec>,
    },
}
