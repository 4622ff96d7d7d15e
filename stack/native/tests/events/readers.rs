//! What whoever reads `tracing` events gets.

use super::*;
use std::sync::{Arc, Mutex};
use tracing::span;

/// Reads events down to INFO, and keeps their names.
#[derive(Clone, Default)]
struct Reader(Arc<Mutex<Vec<String>>>);

impl tracing::Subscriber for Reader {
    fn enabled(&self, about: &tracing::Metadata<'_>) -> bool {
        *about.level() <= tracing::Level::INFO
    }
    fn max_level_hint(&self) -> Option<tracing::level_filters::LevelFilter> {
        Some(tracing::level_filters::LevelFilter::INFO)
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
    fn event(&self, event: &tracing::Event<'_>) {
        let about = event.metadata();
        let line = format!("{} {}", about.target(), about.name());
        self.0.lock().unwrap().push(line);
    }
}

/// A host that is made while somebody reads writes what they read, and no more.
#[test]
fn hosts_write_for_whoever_reads() {
    let reader = Reader::default();
    tracing::subscriber::with_default(reader.clone(), || {
        let mut lab = Lab::new();
        let (host, other) = (lab.host("host"), lab.host("other"));
        lab.ethernet(&[(host, "10.0.0.1"), (other, "10.0.0.2")]);
        reader.0.lock().unwrap().clear();
        let id = lab.udp(host, "0.0.0.0:1000");
        lab.send(host, id, "172.16.0.1:7", b"x").unwrap_err();
        lab.send(host, id, "10.0.0.2:7", b"x").unwrap();
        assert!(lab.hosts[host].events().is_selected(EventId::ArpResolved));
        assert!(!lab.hosts[host].events().is_selected(EventId::LinkIn));
        assert!(lab.hosts[host].events().count_of(EventId::LinkIn) > 0);
    });
    let lines = std::mem::take(&mut *reader.0.lock().unwrap());
    for line in [
        "net::route rtalloc1-miss",
        "net::ip::out ip_output-badaddr",
        "net::socket sosend-error",
        "net::arp arp-resolved",
        "net::udp udp_input-noport",
    ] {
        assert!(
            lines.iter().any(|written| written == line),
            "{line}: {lines:?}"
        );
    }
    assert!(
        !lines.iter().any(|line| line.ends_with("link-in")),
        "{lines:?}"
    );
}
