use core::future::{Future as _, poll_fn};
use core::pin::Pin;
use core::task::{Context, Waker};
use std::io::{Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::net::UnixListener;
use std::time::Duration;

use fairway_rsvp::api::client::{CallError, Notice, Rapi, Session};
use fairway_rsvp::api::proto::{ToDaemon, ToLibrary, VERSION};
use fairway_rsvp::api::{ApiError, ApiId, Call, Event, ReserveCall};
use fairway_sim::Network;
use fairway_stack::{LocalAddr, Net};
use futures_core::Stream as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::daemon::Daemon;
use crate::{flow, path, sender, socket, wanted};

async fn event(session: &mut Session) -> Event {
    match session.next_event().await {
        Some(Notice::Event(event)) => event,
        other => panic!("{other:?}"),
    }
}

/// rapi.md §1: the flow of control.
#[tokio::test]
async fn senders_and_receivers_find_each_other() {
    let at = socket();
    let daemon = Daemon::start(&at);
    let rapi = Rapi::connect(&Net::system(), &LocalAddr::path(&at))
        .await
        .unwrap();
    let mut receiver = rapi.open(flow()).await.unwrap();
    let mut source = rapi.open(flow()).await.unwrap();
    source.sender(sender(6000)).await.unwrap();
    let senders = path(event(&mut receiver).await);
    receiver.reserve(wanted(&senders)).await.unwrap();
    assert!(matches!(event(&mut receiver).await, Event::Confirm { .. }));
    assert_eq!(path(event(&mut source).await), senders);
    assert!(matches!(event(&mut source).await, Event::Resv { .. }));
    assert_eq!(source.dispatch(|notice| panic!("{notice:?}")), 0);
    receiver.release().await.unwrap();
    assert!(matches!(
        event(&mut source).await,
        Event::Resv { flowspec: None, .. }
    ));
    source.withdraw().await.unwrap();
    assert_eq!(path(event(&mut source).await), []);
    // Dropping a session releases it; with the last handle the connection ends.
    drop((source, rapi));
    let seen = tokio::task::spawn_blocking(move || {
        daemon.until(|seen| (seen.clients == 0).then_some(()));
        daemon.until(|seen| (seen.calls.last()?.1 == Call::Release).then_some(()));
    });
    seen.await.unwrap();
}

/// For `select` and `map` of others: what is not there yet wakes who has asked for it, and a question that is dropped takes
/// nothing along.
#[tokio::test]
async fn a_session_is_a_stream() {
    let at = socket();
    let _daemon = Daemon::start(&at);
    let rapi = Rapi::connect(&Net::system(), &LocalAddr::path(&at))
        .await
        .unwrap();
    let mut receiver = rapi.open(flow()).await.unwrap();
    let source = rapi.open(flow()).await.unwrap();
    let next =
        async |session: &mut Session| poll_fn(|cx| Pin::new(&mut *session).poll_next(cx)).await;
    let (heard, sent) = tokio::join!(next(&mut receiver), source.sender(sender(6000)));
    sent.unwrap();
    let Some(Notice::Event(Event::Path(senders))) = heard else {
        panic!("{heard:?}");
    };
    assert_eq!(senders.len(), 1);
    {
        let mut asking = core::pin::pin!(next(&mut receiver));
        let mut cx = Context::from_waker(Waker::noop());
        assert!(asking.as_mut().poll(&mut cx).is_pending());
    }
    source.withdraw().await.unwrap();
    let heard = next(&mut receiver).await;
    assert_eq!(heard, Some(Notice::Event(Event::Path(Vec::new()))));
}

#[tokio::test]
async fn a_restarted_daemon_is_asked_again() {
    let at = socket();
    let daemon = Daemon::start(&at);
    let rapi = Rapi::connect(&Net::system(), &LocalAddr::path(&at))
        .await
        .unwrap();
    let mut session = rapi.open(flow()).await.unwrap();
    session.sender(sender(6000)).await.unwrap();
    assert_eq!(path(event(&mut session).await).len(), 1);
    drop(daemon);
    let _daemon = Daemon::start(&at);
    assert_eq!(session.next_event().await, Some(Notice::Reestablished));
    assert_eq!(path(event(&mut session).await).len(), 1);
}

/// Whoever opens a session and does not wait for it has none, be it that the answer has come already.
#[tokio::test]
async fn a_session_that_nobody_waits_for_is_released() {
    let at = socket();
    let daemon = Daemon::start(&at);
    let rapi = Rapi::connect(&Net::system(), &LocalAddr::path(&at))
        .await
        .unwrap();
    let mut first = Box::pin(rapi.open(flow()));
    let waker = Waker::noop();
    assert!(
        first
            .as_mut()
            .poll(&mut Context::from_waker(waker))
            .is_pending()
    );
    // Answers come in order: here the first has one, and nobody has looked at it.
    let _second = rapi.open(flow()).await.unwrap();
    drop(first);
    let seen = tokio::task::spawn_blocking(move || {
        let released = (ApiId(1), Call::Release);
        daemon.until(|seen| (seen.calls.last()? == &released).then_some(()));
    });
    seen.await.unwrap();
}

/// Who takes connections and does not greet is looked for less and less often; who greets is a daemon.
#[test]
fn a_daemon_that_does_not_greet_is_left_in_peace() {
    let network = Network::new(7);
    let net = network.node("host").net();
    network.run(async {
        let at = LocalAddr::path("/run/rapi.sock");
        let listener = net.listen_local(&at).unwrap();
        let _rapi = Rapi::connect(&net, &at).await.unwrap();
        let mut accepted = Vec::new();
        for number in 0..11 {
            let (mut stream, _) = listener.accept().await.unwrap();
            accepted.push(net.clock().now());
            if number == 9 {
                let hello = ToLibrary::Hello { version: VERSION }.encode();
                stream.read_u8().await.unwrap();
                stream.write_all(&hello).await.unwrap();
            }
        }
        let pauses = accepted.windows(2).map(|two| two[1] - two[0]);
        let millis: Vec<u128> = pauses.map(|pause| pause.as_millis()).collect();
        let expected = [100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000, 100];
        assert_eq!(millis, expected);
    });
}

/// Who was turned away hears that there is no room as long as there may be somebody to say so.
#[test]
fn a_daemon_that_was_full_and_has_gone_is_not_full() {
    let network = Network::new(7);
    let net = network.node("host").net();
    network.run(async {
        let at = LocalAddr::path("/run/rapi.sock");
        let listener = net.listen_local(&at).unwrap();
        let rapi = Rapi::connect(&net, &at).await.unwrap();
        let (mut stream, _) = listener.accept().await.unwrap();
        let error = ApiError::TooManyConnections;
        let full = ToLibrary::Refusal { error }.encode();
        stream.write_all(&full).await.unwrap();
        drop((stream, listener));
        net.clock().sleep(Duration::from_millis(50)).await;
        let opened = rapi.open(flow()).await;
        assert_eq!(opened.unwrap_err(), CallError::Refused(error));
        net.clock().sleep(Duration::from_secs(1)).await;
        let opened = rapi.open(flow()).await;
        assert_eq!(opened.unwrap_err(), CallError::NoDaemon);
    });
}

/// A daemon that takes no calls and keeps the connection open is as good as gone; who calls hears of it.
#[tokio::test]
async fn a_daemon_that_takes_no_calls_is_not_waited_for() {
    let (at, net) = (socket(), Net::system());
    let listener = UnixListener::bind(&at).unwrap();
    let rapi = Rapi::connect(&net, &LocalAddr::path(&at)).await.unwrap();
    let (mut peer, _) = listener.accept().unwrap();
    let daemon = tokio::task::spawn_blocking(move || {
        let hello = ToDaemon::Hello { version: VERSION };
        let open = ToDaemon::Request {
            request: 0,
            session: 1,
            call: Some(Call::Open(flow())),
        };
        let asked = [hello, open].map(|asked| asked.encode().unwrap());
        let mut heard = vec![0; asked.concat().len()];
        peer.read_exact(&mut heard).unwrap();
        assert_eq!(heard, asked.concat());
        peer.shutdown(Shutdown::Read).unwrap();
        let hello = ToLibrary::Hello { version: VERSION };
        let opened = ToLibrary::Reply {
            request: 0,
            result: Ok(()),
        };
        let said = [hello, opened].map(|said| said.encode());
        peer.write_all(&said.concat()).unwrap();
        peer
    });
    let session = rapi.open(flow()).await.unwrap();
    let patience = Duration::from_secs(20);
    let called = session.sender(sender(6000));
    let called = net.clock().timeout(patience, called).await;
    assert_eq!(called, Ok(Err(CallError::NoDaemon)));
    drop(daemon.await.unwrap());
    std::fs::remove_file(&at).unwrap();
}

#[tokio::test]
async fn refusals_are_told_and_no_daemon_is_no_connection() {
    let at = socket();
    assert!(
        Rapi::connect(&Net::system(), &LocalAddr::path(&at))
            .await
            .is_err()
    );
    let _daemon = Daemon::start(&at);
    let rapi = Rapi::connect(&Net::system(), &LocalAddr::path(&at))
        .await
        .unwrap();
    let mut portless = flow();
    portless.port = 0;
    let session = rapi.open(portless).await.unwrap();
    assert_eq!(
        session.sender(sender(6000)).await,
        Err(CallError::Refused(ApiError::BadSourcePort))
    );
    let many = ReserveCall {
        filters: vec![sender(1).template; 10_000],
        ..wanted(&[])
    };
    assert!(matches!(
        session.reserve(many).await,
        Err(CallError::TooLong(_))
    ));
}
