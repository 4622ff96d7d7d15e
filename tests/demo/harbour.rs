//! The harbour office.

use std::sync::atomic::{AtomicU32, Ordering};

use fairway_rpc::{CallContext, Refusal, Reply};
use fairway_tests::generated::harbour::{Answer, HarbourV1, Ship};

/// Gives out berths until there are none.
#[derive(Debug)]
pub(crate) struct Harbour {
    berths: u32,
    taken: AtomicU32,
}

impl Harbour {
    pub(crate) fn new(berths: u32) -> Self {
        Self {
            berths,
            taken: AtomicU32::new(0),
        }
    }
}

impl HarbourV1 for Harbour {
    async fn moor(&self, _: &CallContext, _: Ship) -> Result<Reply<Answer>, Refusal> {
        let next = |taken| (taken < self.berths).then_some(taken + 1);
        let answer = match self
            .taken
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, next)
        {
            Ok(before) => Answer::Free(before + 1),
            Err(_) => Answer::Taken,
        };
        Ok(answer.into())
    }

    async fn tide(&self, _: &CallContext, minute: u32) -> Result<Reply<i64>, Refusal> {
        Ok(tide(minute).into())
    }
}

/// Height of the tide in millimetres: twice a day up and down again, by two parabolas.
pub(crate) fn tide(minute: u32) -> i64 {
    const HALF: i64 = 6 * 60 + 12;
    let minute = i64::from(minute);
    let (half, within) = (minute / HALF, minute % HALF);
    let rise = 4 * 2_100 * within * (HALF - within) / (HALF * HALF);
    2_500 + if half % 2 == 0 { rise } else { -rise }
}
