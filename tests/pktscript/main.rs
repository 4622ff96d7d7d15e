//! The packet scripts, a test for each topic and side. The language is on the reference card (`README.md`).

use std::path::{Path, PathBuf};

use fairway_tests::pktscript::corpus::{self, Report, Verdict};

/// Where the scripts are.
fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("pktscript/scripts")
}

/// Scripts that wait side by side; more would not be faster, as two topics run at once.
const JOBS: usize = 16;

/// Fails with every script of `reports` that did.
fn judge(topic: &str, reports: &[Report]) {
    assert!(!reports.is_empty(), "{topic} has no script");
    let failures: Vec<&str> = reports
        .iter()
        .filter_map(|report| match &report.verdict {
            Verdict::Failed(what) => Some(what.as_str()),
            Verdict::Passed(..) | Verdict::NotForThisSide(_) => None,
        })
        .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Runs a topic against the kernel.
fn on_kernel(topic: &str) {
    let test = format!("packet scripts on the kernel: {topic}");
    if !fairway_tests::have_root(&test) || !fairway_tests::have(&test, &["/dev/net/tun", "ip"]) {
        return;
    }
    let program = Path::new(env!("CARGO_BIN_EXE_pktscript"));
    let paths = corpus::scripts(&scripts().join(topic));
    judge(topic, &corpus::kernel(program, &paths, JOBS));
}

/// Runs a topic against the engine, twice: it has to do the same both times, to the octet and the microsecond.
fn on_native(topic: &str) {
    let paths = corpus::scripts(&scripts().join(topic));
    let reports = corpus::native(&paths);
    judge(topic, &reports);
    for (first, second) in reports.iter().zip(corpus::native(&paths)) {
        assert_eq!(first.verdict.to_string(), second.verdict.to_string());
        if let (Verdict::Passed(first, _), Verdict::Passed(second, _)) =
            (&first.verdict, &second.verdict)
        {
            assert_eq!(first, second);
        }
    }
}

/// A test for each topic, that is, each folder of scripts, on both sides.
macro_rules! topics {
    ($($topic:ident)*) => {
        const TOPICS: &[&str] = &[$(stringify!($topic)),*];

        mod native {
            $(#[test]
            fn $topic() {
                super::on_native(stringify!($topic));
            })*
        }

        mod kernel {
            $(#[test]
            fn $topic() {
                super::on_kernel(stringify!($topic));
            })*
        }
    };
}

topics! {
    backlog
    challenge
    close
    delack
    ecn
    handshake
    icmp
    ip
    keepalive
    linger
    long
    nagle
    options
    pathmtu
    rack
    recovery
    reset
    rto
    sack
    segments
    slowstart
    syncookies
    timestamps
    timewait
    udp
    urgent
    window
}

#[test]
fn every_topic_has_a_test() {
    let mut folders: Vec<String> = scripts()
        .read_dir()
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    folders.sort();
    let mut topics = TOPICS.to_vec();
    topics.sort_unstable();
    assert_eq!(folders, topics);
}

#[test]
fn every_script_says_what_it_shows_and_where_that_is_written() {
    for path in corpus::scripts(&scripts()) {
        let script = corpus::load(&path).unwrap_or_else(|error| panic!("{error}"));
        assert!(!script.statements.is_empty());
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let about: String = text
            .lines()
            .take_while(|line| line.starts_with("//"))
            .collect();
        assert!(
            about.contains("RFC ") || about.contains("sockets.md"),
            "{} does not open with a comment that names its source",
            path.display()
        );
    }
}
