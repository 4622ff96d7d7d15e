//! The packet scripts on the engine (G23). What they do on the kernel is a matter of the tests, which take a while.

use std::path::Path;

use fairway_tests::pktscript::corpus::{self, Verdict};

use super::count;
use crate::lab::{Error, put};

pub(super) fn run() -> Result<(), Error> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("pktscript/scripts");
    let outcomes = corpus::native(&corpus::scripts(&folder));
    let of = |which: fn(&Verdict) -> bool| {
        let verdicts = outcomes.iter().map(|outcome| &outcome.verdict);
        count(verdicts.filter(|verdict| which(verdict)).count())
    };
    let passed = of(|verdict| matches!(verdict, Verdict::Passed(..)));
    let failed = of(|verdict| matches!(verdict, Verdict::Failed(_)));
    if passed + failed == 0.0 {
        return Err("no scripts".into());
    }
    put("ours.scripts", passed, "scripts");
    put(
        "ours.scripts.share",
        100.0 * passed / (passed + failed),
        "%",
    );
    Ok(())
}
