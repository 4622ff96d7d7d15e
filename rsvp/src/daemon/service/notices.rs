//! What the engine refused or left out, and the reservations that came and went, in the log.

use fairway_stack::Instant;
use tracing::field::display;
use tracing::{info, warn};

use super::Service;
use crate::daemon::control::value;
use crate::daemon::told::Verdict;
use crate::interface::IfIndex;
use crate::notice::{Notice, Why};
use crate::wire::MessageType;

impl Service {
    /// Tells what has come up, at a bounded rate.
    pub(super) fn tell_notices(&mut self, now: Instant) {
        let over = self.told.over(now);
        for of in over.into_iter().chain(self.told_installed.over(now)) {
            let neighbour = of.neighbour.map(display);
            info!(
                neighbour,
                reason = of.reason,
                left_out = of.count,
                "more of the same were left out"
            );
        }
        while let Some(notice) = self.engine.poll_notice() {
            let verdict = self.told.judge(now, &notice);
            if verdict != Verdict::LeaveOut {
                self.tell(&notice, verdict == Verdict::TellLast);
            }
        }
        while let Some(notice) = self.engine.poll_installed() {
            let verdict = self.told_installed.judge(now, &notice);
            if verdict != Verdict::LeaveOut {
                self.tell(&notice, verdict == Verdict::TellLast);
            }
        }
    }

    fn tell(&self, Notice { about, why }: &Notice, is_last: bool) {
        let interface = match about.interface {
            IfIndex::LOCAL => "local".to_owned(),
            index => self.name(index),
        };
        let sender = about.sender.map(|sender| match about.others {
            0 => value::sender(sender),
            others => format!("{} and {others} more", value::sender(sender)),
        });
        let then = is_last.then_some("more of the same are counted for a minute");
        // Every line has the same fields, as far as they are known.
        macro_rules! line {
            ($text:literal $(, $($own:tt)+)?) => {
                line!(warn, $text $(, $($own)+)?)
            };
            ($level:ident, $text:literal $(, $($own:tt)+)?) => {
                $level!(
                    $($($own)+,)?
                    neighbour = about.neighbour.map(display),
                    interface,
                    session = about.session.map(display),
                    style = about.style.map(display),
                    sender,
                    then,
                    $text
                )
            };
        }
        let what = about.message_type.map(display);
        match why {
            Why::Limit { limit, most } => {
                let key = format_args!("limits.{limit}");
                line!("limit met", %key, most, what);
            }
            Why::Signature { key, .. } => {
                line!("signature", reason = %why, key = key.map(|key| key.number()), what);
            }
            Why::Dropped(_) | Why::Unreadable { .. } => {
                line!("message dropped", reason = %why, what);
            }
            Why::Refused { .. } | Why::NotAdmitted { .. } => match about.message_type {
                Some(MessageType::PATH) => line!("Path refused", reason = %why),
                Some(_) => line!("Resv refused", reason = %why),
                None => line!("a reservation does not fit any more", reason = %why),
            },
            Why::Installed(_) => line!(info, "reservation installed", reserved = %why),
            Why::Changed(_) => line!(info, "reservation changed", reserved = %why),
            Why::Removed(_) => line!(info, "reservation removed", reserved = %why, what),
        }
    }
}
