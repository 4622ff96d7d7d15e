//! Whole links at once: installed, changed, removed, and put back when somebody else has removed them.

use tracing::warn;

use super::flow::Flow;
use super::link::{Installed, Link, Lost};
use super::plan::Plan;
use super::{LinuxTc, TcState, classifier, htb};
use crate::interface::IfIndex;
use crate::netlink::KernelError;
use crate::tc::{RHandle, TcError};
use crate::wire::{Sender, Session};

impl LinuxTc {
    /// Removes what is installed for a link, and forgets the names it had.
    pub(super) fn uninstall(&mut self, index: IfIndex, link: &mut Link, has_qdisc: bool) {
        // The qdisc first: all its classes go with it at once.
        if has_qdisc && let Err(error) = self.scheduler.remove(index) {
            let name = &link.name;
            warn!(name, %error, "its scheduler cannot be removed");
        }
        let installed = link.take_installed();
        let numbers = core::mem::take(&mut link.numbers);
        if let Ok(classifier) = &mut self.classifier {
            let entries = installed.iter().map(|of| (of.minor, &of.entry));
            classifier.remove_link(index, entries);
        }
        self.numbers.give_back_all(numbers);
    }

    /// Installs a link with all its reservations, or else has them counted only. Gives those that cannot stay.
    pub(super) fn install_or_count(
        &mut self,
        index: IfIndex,
        link: &mut Link,
        foreign: Option<&htb::Root>,
    ) -> Vec<Lost> {
        let lost = self.install_all(index, link, foreign);
        lost.unwrap_or_else(|reason| {
            link.state = TcState::AdmissionOnly(reason);
            Vec::new()
        })
    }

    /// Installs a link with all its reservations; why not, if not. Those that cannot be are left out, and given.
    fn install_all(
        &mut self,
        index: IfIndex,
        link: &mut Link,
        foreign: Option<&htb::Root>,
    ) -> Result<Vec<Lost>, String> {
        let classifier = self.classifier.as_mut().map_err(|reason| reason.clone())?;
        if let Some(root) = foreign
            && !link.settings.replace_qdisc
        {
            return Err(format!(
                "somebody made the root queueing discipline {} {:x}:",
                root.kind,
                root.handle >> 16
            ));
        }
        let terms = link.terms().ok_or("the rate of the link is not known")?;
        self.scheduler
            .install(index, foreign.is_some(), &terms)
            .map_err(|error| format!("htb: {error}"))?;
        let mut lost = Vec::new();
        let mut classes = Vec::new();
        for (handle, reservation) in &mut link.reservations {
            let entry = link.ledger.as_ref().and_then(|ledger| ledger.get(*handle));
            let planned = entry.ok_or(TcError::NoSuchHandle).and_then(|entry| {
                let plan = Plan::new(&reservation.request, entry, &terms)?;
                Ok((plan, self.numbers.take().ok_or(TcError::TooMany)?))
            });
            match planned {
                Ok((plan, minor)) => {
                    link.numbers.insert(minor);
                    classes.push((minor, plan.class, plan.queue));
                    let entry = rules(index, &reservation.session, &reservation.filters, &plan);
                    reservation.installed = Some(Installed { minor, plan, entry });
                }
                Err(error) => lost.push((*handle, error)),
            }
        }
        for (handle, _) in &lost {
            link.forget(*handle);
        }
        let made = self
            .scheduler
            .add_classes(index, &classes)
            .map_err(|error| format!("htb: {error}"))
            .and_then(|()| {
                let added = classifier.add_link(index, &link.entries());
                added.map_err(|error| format!("nftables: {error}"))
            });
        match made {
            Ok(()) => Ok(lost),
            Err(reason) => {
                self.uninstall(index, link, true);
                link.state = TcState::AdmissionOnly(reason);
                Ok(lost)
            }
        }
    }

    /// Makes what is installed for a link what it is to be now. Gives the reservations that cannot be: they are installed as
    /// they were.
    ///
    /// # Errors
    /// What the kernel says; then some may have changed.
    pub(super) fn change_all(
        &mut self,
        index: IfIndex,
        link: &mut Link,
    ) -> Result<Vec<Lost>, Option<KernelError>> {
        let (Ok(classifier), Some(terms)) = (&mut self.classifier, link.terms()) else {
            return Err(None);
        };
        let (mut lost, mut classes, mut buckets) = (Vec::new(), Vec::new(), Vec::new());
        for (handle, reservation) in &mut link.reservations {
            let entry = link.ledger.as_ref().and_then(|ledger| ledger.get(*handle));
            let (Some(entry), Some(installed)) = (entry, &mut reservation.installed) else {
                return Err(None);
            };
            let plan = match Plan::new(&reservation.request, entry, &terms) {
                Ok(plan) => plan,
                Err(error) => {
                    lost.push((*handle, error));
                    continue;
                }
            };
            let old = core::mem::replace(&mut installed.plan, plan);
            if old.class != plan.class || old.queue != plan.queue {
                classes.push((installed.minor, plan.class, plan.queue));
            }
            if old.bucket != plan.bucket {
                buckets.push((installed.minor, plan.bucket));
                installed.entry.bucket = plan.bucket;
            }
        }
        self.scheduler.change(index, &terms)?;
        self.scheduler.change_classes(index, &classes)?;
        classifier.change_buckets(index, &buckets)?;
        Ok(lost)
    }

    /// Removes what is installed for a reservation that is no longer there. What cannot be removed keeps its number, so that
    /// nothing else is taken for it.
    pub(super) fn withdraw(&mut self, index: IfIndex, handle: RHandle, installed: &Installed) {
        let minor = installed.minor;
        let removed = match &mut self.classifier {
            Ok(classifier) => {
                classifier.change((handle, index, minor), Some(&installed.entry), None)
            }
            Err(_) => Ok(()),
        };
        let removed = match removed {
            // Written anew, the table does not have it.
            Err(error) if error.is_missing() && self.mend_table() == Ok(true) => {
                self.expect();
                Ok(())
            }
            Err(error) => {
                if let Ok(classifier) = &mut self.classifier {
                    classifier.note_remains();
                }
                self.expect();
                Err(error)
            }
            removed => removed,
        };
        let removed = removed.and(self.scheduler.delete_class(index, minor));
        let Some(link) = self.links.get_mut(&index) else {
            return;
        };
        match removed {
            Ok(()) => {
                if link.numbers.remove(&minor) {
                    self.numbers.give_back(minor);
                }
            }
            Err(error) => {
                let (name, class) = (&link.name, format!("{:x}", htb::class_id(minor)));
                warn!(name, class, %error, "a reservation cannot be removed");
            }
        }
    }

    /// Puts back what somebody else has removed: the table, or the scheduler of this link. Whether something was missing, and
    /// is there again.
    ///
    /// What cannot be put back is left to [`set_interface`](Self::set_interface), whose caller learns what has become of the
    /// link.
    pub(super) fn mend(&mut self, index: IfIndex) -> bool {
        let has_written = self.mend_table() == Ok(true);
        let has_installed = self.mend_link(index);
        self.expect();
        has_written || has_installed
    }

    /// Writes the table anew, with all that belongs in it, if somebody has removed it, or something could not be removed from
    /// it. Whether it was so.
    ///
    /// # Errors
    /// What the kernel says; then the table is not whole.
    pub(super) fn mend_table(&mut self) -> Result<bool, KernelError> {
        let Ok(classifier) = &mut self.classifier else {
            return Ok(false);
        };
        if classifier.is_whole() {
            return Ok(false);
        }
        warn!("the table of nftables is not as it was written, or is gone: it is written anew");
        classifier.rewrite()?;
        for (index, link) in self.links.iter().filter(|(_, link)| link.is_installed()) {
            classifier.add_link(*index, &link.entries())?;
        }
        Ok(true)
    }

    /// There is no table: all that is reserved is only counted.
    pub(super) fn count_only(&mut self, error: &KernelError) {
        let links = self.links.iter_mut();
        for (index, link) in links.filter(|(_, link)| link.is_installed()) {
            if let Err(error) = self.scheduler.remove(*index) {
                let name = &link.name;
                warn!(name, %error, "its scheduler cannot be removed");
            }
            link.take_installed();
            self.numbers
                .give_back_all(core::mem::take(&mut link.numbers));
            link.state = TcState::AdmissionOnly(format!("nftables: {error}"));
        }
    }

    fn mend_link(&mut self, index: IfIndex) -> bool {
        let Ok(root) = self.scheduler.root(index) else {
            return false;
        };
        if root.is_some_and(|root| root.is_ours() || root.is_made()) {
            return false;
        }
        let Some(mut link) = self.links.remove(&index) else {
            return false;
        };
        warn!(name = link.name, "somebody else has removed its scheduler");
        self.uninstall(index, &mut link, false);
        // None is lost: nothing has changed but what is there, so that all can be planned as before, and have numbers.
        for (handle, error) in self.install_or_count(index, &mut link, None) {
            warn!(name = link.name, handle = handle.0, %error, "a reservation is lost");
        }
        let is_installed = link.is_installed();
        // If it could not be put back, it is missed still: who watches has interfaces read, and whoever is told then learns
        // what has become of it. Until then it answers as before.
        link.state = TcState::Installed;
        self.links.insert(index, link);
        is_installed
    }
}

/// What the classifier is to hold.
pub(super) fn rules(
    index: IfIndex,
    session: &Session,
    filters: &[Option<Sender>],
    plan: &Plan,
) -> classifier::Entry {
    classifier::Entry {
        flows: filters
            .iter()
            .filter_map(|sender| Flow::new(index, session, *sender))
            .collect(),
        bucket: plan.bucket,
    }
}
