//! Traffic control that the engine and others hold.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Granted, RHandle, Request, Shortage, TcError, TrafficControl};
use crate::interface::IfIndex;
use crate::intserv::LocalElement;
use crate::wire::{Sender, Session};

/// The engine owns its traffic control; whoever tells that of interfaces, or shows what is installed, holds it, too:
/// `Box::new(Arc::clone(&shared))` is what the engine gets. Nobody holds the lock across calls.
impl<T: TrafficControl> TrafficControl for Arc<Mutex<T>> {
    fn advertise(&self, interface: IfIndex) -> LocalElement {
        locked(self).advertise(interface)
    }

    fn install(
        &mut self,
        interface: IfIndex,
        handle: Option<RHandle>,
        request: &Request,
        session: &Session,
        filters: &[Option<Sender>],
    ) -> Result<Granted, TcError> {
        locked(self).install(interface, handle, request, session, filters)
    }

    fn shortage(
        &self,
        interface: IfIndex,
        handle: Option<RHandle>,
        request: &Request,
    ) -> Option<Shortage> {
        locked(self).shortage(interface, handle, request)
    }

    fn remove(&mut self, interface: IfIndex, handle: RHandle) {
        locked(self).remove(interface, handle);
    }
}

/// A panic of another holder does not end traffic control: each call leaves it whole.
fn locked<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tc::AdmissionOnly;

    #[test]
    fn the_engine_and_others_hold_the_same() {
        let shared = Arc::new(Mutex::new(AdmissionOnly::new()));
        let engines: Box<dyn TrafficControl> = Box::new(Arc::clone(&shared));
        assert!(engines.advertise(IfIndex(1)).guaranteed.is_none());
        assert!(locked(&shared).ledger(IfIndex(1)).is_none());
    }
}
