//! Traffic control state: RFC 2209 §1.2.

use crate::interface::IfIndex;
use crate::intserv::{Flowspec, GuaranteedTerms, Tspec};
use crate::tc::{Policing, RHandle};
use crate::wire::{ResvConfirm, Sender, Style};

/// Which installed reservation: interface, and, style FF only, sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TcsbKey {
    pub(crate) outgoing: IfIndex,
    pub(crate) filter: Option<Sender>,
}

/// What is installed on an interface for one session, or one sender of it.
#[derive(Clone, Debug)]
pub(crate) struct Tcsb {
    pub(crate) style: Style,
    /// *TC_Flowspec*: what the next hops ask, merged.
    pub(crate) flowspec: Flowspec,
    /// *Fwd_Flowspec*, if traffic control gave one.
    pub(crate) forward: Option<Flowspec>,
    /// *Path_Te*.
    pub(crate) path: Tspec,
    pub(crate) policing: Policing,
    pub(crate) upstream: Option<GuaranteedTerms>,
    /// `None` on [`IfIndex::LOCAL`].
    pub(crate) handle: Option<RHandle>,
    /// The senders it is for, in order; `None`: whomever.
    pub(crate) filters: Vec<Option<Sender>>,
    /// A confirmation that is to go on with the next Resv, and what it is about.
    pub(crate) confirm: Option<(ResvConfirm, Flowspec)>,
}

impl Tcsb {
    /// What is asked of the nodes before this one.
    pub(crate) fn forwarded(&self) -> Flowspec {
        self.forward.unwrap_or(self.flowspec)
    }
}
