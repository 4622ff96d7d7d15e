//! What traffic control says of its own accord: RFC 2205 §3.11.2, `TC_Preempt`, and another answer of `TC_Advertise`.

use fairway_wire::Instant;

use super::core::Engine;
use super::node::Node;
use super::refresh::Cause;
use super::resv::Refusal;
use crate::interface::IfIndex;
use crate::notice::Why;
use crate::state::{RsbKey, SessionState, TcsbKey};
use crate::tc::RHandle;
use crate::wire::ErrorCode;

impl Engine {
    /// [`TrafficControl::advertise`](crate::tc::TrafficControl::advertise) answers otherwise than before for `interface`:
    /// Paths that leave there and say something else for it are sent at once (RFC 2205 §3.3).
    pub fn handle_traffic_control_changed(&mut self, now: Instant, interface: IfIndex) {
        self.each_session(now, |node, session| {
            node.send_changed_paths(now, session, interface);
        });
        self.flush(now);
    }

    /// Traffic control has taken an installed reservation away, and `handle` names nothing any more: preempted (code 12),
    /// or lost with what carried it out (codes 21, 22). `code` and `value` are what its next hops are told, in a ResvErr
    /// each; previous hops hear in a ResvTear, or a Resv, of what is left. A handle that is not known is no error.
    ///
    /// The next hops' reservation state goes, too: what they refresh afterwards is a request like any other, and is
    /// admitted or refused.
    pub fn handle_reservation_lost(
        &mut self,
        now: Instant,
        interface: IfIndex,
        handle: RHandle,
        code: ErrorCode,
        value: u16,
    ) {
        let refusal = Refusal::of(code, value);
        self.each_session(now, |node, session| {
            let found = session.tcsbs.iter().find_map(|(key, tcsb)| {
                (key.outgoing == interface && tcsb.handle == Some(handle)).then_some(*key)
            });
            if let Some(key) = found {
                node.lose_reservation(now, session, key, refusal);
            }
        });
        self.flush(now);
    }
}

impl Node {
    fn lose_reservation(
        &mut self,
        now: Instant,
        session: &mut SessionState,
        key: TcsbKey,
        refusal: Refusal,
    ) {
        self.report_refusal(now, session, key, refusal);
        // It is not there to be removed.
        if let Some(old) = session.tcsbs.remove(&key) {
            let what = (old.style, &*old.filters);
            let why = Why::Removed(old.flowspec.effective(&old.path));
            self.note_installed(session, key.outgoing, what, why);
        }
        let lost: Vec<RsbKey> = super::control::members(session, key)
            .map(|(rsb_key, _)| *rsb_key)
            .collect();
        for rsb_key in lost {
            let id = session.rsbs.get(&rsb_key).and_then(|rsb| rsb.id);
            self.drop_rsb(session, rsb_key);
            self.unname(session, id);
        }
        self.branches_changed(session, key);
        self.refresh_all(now, session, Cause::Torn);
    }
}
