use super::*;
use crate::intserv::{
    ErrorTerms, Latency, LocalControlledLoad, LocalElement, LocalGuaranteed, LocalValues,
};

fn tspec() -> Tspec {
    Tspec::new(125e3, 10e3, 250e3, 64, 1500).unwrap()
}

fn router() -> LocalElement {
    LocalElement {
        general: LocalValues {
            bandwidth: Bandwidth::new(200e3).unwrap(),
            latency: Latency::from_micros(500),
            mtu: 1500,
        },
        guaranteed: Some(LocalGuaranteed {
            terms: ErrorTerms::new(4500, 3000),
            ..LocalGuaranteed::default()
        }),
        controlled_load: Some(LocalControlledLoad::default()),
        after_non_is_hop: false,
    }
}

fn path(change: impl Fn(&mut LocalElement)) -> Adspec {
    let mut router = router();
    change(&mut router);
    Adspec::of_link(Bandwidth::new(1.25e6).unwrap(), 1500)
        .with_guaranteed(true)
        .with_controlled_load(true)
        .compose(&router)
}

fn queueing(adspec: &Adspec, millis: u64) -> Result<Reservation, NoReservation> {
    guaranteed(
        &tspec(),
        adspec,
        Wish::Queueing(Duration::from_millis(millis)),
    )
}

/// RFC 2212: R for a wished delay; what is over is slack.
#[test]
fn wishes_become_rates_and_slack() {
    let adspec = path(|_| {});
    let found = queueing(&adspec, 60).unwrap();
    assert_eq!(
        found.flowspec,
        Flowspec::guaranteed(tspec(), 184e3, 0).unwrap()
    );
    assert_eq!(found.queueing, Duration::from_millis(60));
    let found = queueing(&adspec, 150).unwrap();
    assert_eq!(
        found.flowspec,
        Flowspec::guaranteed(tspec(), 125e3, 31_000).unwrap()
    );
    let found = guaranteed(
        &tspec(),
        &adspec,
        Wish::EndToEnd(Duration::from_micros(60_500)),
    )
    .unwrap();
    assert_eq!(found.flowspec.rate().get(), 184e3);
    assert_eq!(found.end_to_end, Some(Duration::from_micros(60_500)));
}

#[test]
fn reasons_why_not() {
    assert!(
        matches!(queueing(&path(|_| {}), 3), Err(NoReservation::TooSoon { least }) if least.as_millis() == 3)
    );
    let end_to_end = guaranteed(
        &tspec(),
        &path(|_| {}),
        Wish::EndToEnd(Duration::from_micros(400)),
    );
    assert!(
        matches!(end_to_end, Err(NoReservation::TooSoon { least }) if least.as_micros() == 3500)
    );
    assert!(matches!(
        queueing(&path(|_| {}), 20),
        Err(NoReservation::Bandwidth { .. })
    ));
    assert_eq!(
        queueing(&path(|r| r.after_non_is_hop = true), 60),
        Err(NoReservation::NonIsHop)
    );
    assert_eq!(
        queueing(&path(|r| r.guaranteed = None), 60),
        Err(NoReservation::ServiceBroken)
    );
    let alone = Adspec::of_link(Bandwidth::UNKNOWN, 1500);
    assert_eq!(queueing(&alone, 60), Err(NoReservation::NotOffered));
    let lost = path(|r| r.general.latency = Latency::INDETERMINATE);
    let wish = Wish::EndToEnd(Duration::from_secs(1));
    assert_eq!(
        guaranteed(&tspec(), &lost, wish),
        Err(NoReservation::LatencyUnknown)
    );
    assert_eq!(queueing(&lost, 60).unwrap().end_to_end, None);
    let vague = path(|r| r.guaranteed.as_mut().unwrap().terms.d_micros = u32::MAX);
    assert_eq!(queueing(&vague, 60), Err(NoReservation::TermsUnknown));
}

/// RFC 2215 §3.3: a bandwidth of zero is not known, and refuses nothing.
#[test]
fn unknown_bandwidth_does_not_refuse() {
    assert!(queueing(&path(|r| r.general.bandwidth = Bandwidth::UNKNOWN), 20).is_ok());
}

/// RFC 2210 §3.2.1: M is no more than the path's MTU.
#[test]
fn packets_fit_the_path() {
    let adspec = path(|r| r.general.mtu = 1000);
    let flowspec = controlled_load(&tspec(), &adspec).unwrap();
    assert_eq!(flowspec.tspec().max_packet_size(), 1000);
    let narrow = path(|r| r.general.bandwidth = Bandwidth::new(1e3).unwrap());
    assert!(matches!(
        controlled_load(&tspec(), &narrow),
        Err(NoReservation::Bandwidth { .. })
    ));
    assert_eq!(
        controlled_load(&tspec(), &path(|r| r.controlled_load = None)),
        Err(NoReservation::ServiceBroken)
    );
}
