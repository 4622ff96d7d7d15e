//! Our own stack.

use async_trait::async_trait;
use fairway_stack::native::Changes as StackChanges;
use fairway_stack::{Net, NetError};
use tracing::error;

use super::{Change, Changes, Platform, Reservations, Shaper, ShaperState};
use crate::interface::{IfIndex, Interface};
use crate::routing::NativeRouting;
use crate::tc::NativeTc;
use crate::tc::TcSettings;

impl Platform {
    /// A host of our own stack. It is a router of multicast while it has been made one
    /// ([`Manage::start_multicast`](fairway_stack::Manage::start_multicast)), or if `forwards_multicast` says so.
    ///
    /// # Errors
    /// [`NetError::OpNotSupp`] on the system back end.
    pub fn native(net: &Net, forwards_multicast: bool) -> Result<Self, NetError> {
        let manage = net.manage();
        let forwards = manage.parameter("net.inet.ip.forwarding")?.current != 0;
        Ok(Self {
            changes: Box::new(NativeChanges(manage.changes()?)),
            routing: Box::new(NativeRouting::new(manage.clone())),
            shaper: Box::new(NativeTc::new(manage.clone())),
            forwards,
            forwards_multicast: Box::new(move || {
                let between = || manage.multicast_interfaces().unwrap_or_default();
                forwards_multicast || !between().is_empty()
            }),
        })
    }
}

/// The stack tells that something has changed, and not what.
#[derive(Debug)]
struct NativeChanges(StackChanges);

#[async_trait]
impl Changes for NativeChanges {
    async fn next(&mut self) -> Change {
        match self.0.changed().await {
            Ok(()) => Change::All,
            // The host is down, and this task with it.
            Err(_) => core::future::pending().await,
        }
    }
}

impl Shaper for NativeTc {
    fn set_interface(&mut self, interface: &Interface, settings: &TcSettings) -> Reservations {
        let was_shared = self.has_fair_queue(interface.index);
        if let Err(error) = Self::set_interface(self, interface, settings) {
            error!(%error, name = interface.name, "no traffic control");
        }
        // A fair queue and the ledger of an interface without one do not know each other's names.
        if was_shared == self.has_fair_queue(interface.index) {
            Reservations::Kept
        } else {
            Reservations::Lost
        }
    }

    fn interface_gone(&mut self, interface: IfIndex) {
        Self::interface_gone(self, interface);
    }

    fn state(&self, interface: IfIndex) -> ShaperState {
        let ledger = self.ledger(interface);
        ShaperState {
            kind: if ledger.is_some() {
                "fair queue"
            } else {
                "off"
            },
            share: ledger.map(|ledger| ledger.bounds().share.get()),
            reserved: ledger.map(|ledger| ledger.reserved().get()),
            link_header: ledger.map(|ledger| ledger.bounds().link_header),
            ..ShaperState::default()
        }
    }
}
