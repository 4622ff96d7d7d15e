//! Sessions of TLS 1.2, tickets of TLS 1.3.

use super::{Authority, HOST, context, control, data, sending, try_data, with_tickets};
use crate::tls::{End, Idle, TlsContext, TlsError, TlsVersion};
use rustls::ServerConfig;
use rustls::version::{TLS12, TLS13};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// What is uploaded or downloaded.
const FILE: &[u8] = b"some octets";

/// One upload; whether it resumed.
async fn upload(context: &TlsContext, config: &ServerConfig) -> bool {
    let (mut client, mut server) = data(context, config).await;
    let serve = async {
        let mut got = Vec::new();
        server.read_to_end(&mut got).await.unwrap();
        server.shutdown().await.unwrap();
        got
    };
    client.write_all(FILE).await.unwrap();
    let (end, got) = tokio::join!(client.finish_upload(), serve);
    assert_eq!((end.unwrap(), &*got), (End::Closed, FILE));
    client.is_resumed()
}

/// One download; whether it resumed.
async fn download(context: &TlsContext, config: &ServerConfig) -> bool {
    let (mut client, mut server) = data(context, config).await;
    server.write_all(FILE).await.unwrap();
    server.shutdown().await.unwrap();
    let mut got = Vec::new();
    client.read_to_end(&mut got).await.unwrap();
    assert_eq!(got, FILE);
    client.is_resumed()
}

/// Reads the tickets of a login.
async fn idle(client: &mut crate::tls::ControlTls, context: &TlsContext, tickets: usize) {
    while context.tickets() < tickets {
        client.stream().readable().await.unwrap();
        assert_eq!(client.poll_idle().unwrap(), Idle::Nothing);
    }
}

#[tokio::test]
async fn of_tls_1_2_lasts_for_any_number() {
    let authority = Authority::new();
    for config in [
        authority.issue(HOST).config(&[&TLS12]),
        with_tickets(authority.issue(HOST).config(&[&TLS12]), 2),
    ] {
        let context = context(&authority.trusted());
        assert_eq!((context.version(), context.can_resume()), (None, false));
        let _control = control(&context, &config).await;
        assert_eq!(context.version(), Some(TlsVersion::Tls12));
        assert!(context.can_resume());
        for _ in 0..20 {
            assert!(upload(&context, &config).await);
        }
        assert!(download(&context, &config).await);
    }
}

#[tokio::test]
async fn stock_of_tickets_is_counted() {
    let authority = Authority::new();
    let login = with_tickets(authority.issue(HOST).config(&[&TLS13]), 2);
    let (bringing_none, bringing_one) = (sending(&login, 0), sending(&login, 1));
    let context = context(&authority.trusted());
    let (mut client, _server) = control(&context, &login).await;
    assert_eq!(context.version(), Some(TlsVersion::Tls13));
    // They come behind the handshake, and nobody reads replies: still they are found.
    idle(&mut client, &context, 2).await;
    assert!(upload(&context, &bringing_none).await);
    assert_eq!(context.tickets(), 1);
    for _ in 0..3 {
        assert!(download(&context, &bringing_one).await);
        assert_eq!(context.tickets(), 1);
    }
    assert!(upload(&context, &bringing_none).await);
    assert_eq!(context.tickets(), 0);
    assert!(context.can_resume());
}

#[tokio::test]
async fn uploads_in_a_row_outlast_the_tickets() {
    let authority = Authority::new();
    let login = with_tickets(authority.issue(HOST).config(&[&TLS13]), 2);
    let uploads = sending(&login, 0);
    let options = authority.trusted().require_resumption(true);
    let context = context(&options);
    let (mut client, _server) = control(&context, &login).await;
    idle(&mut client, &context, 2).await;
    for _ in 0..100 {
        assert!(upload(&context, &uploads).await);
    }
    assert_eq!(context.tickets(), 0);
    assert!(context.can_resume());
}

#[tokio::test]
async fn server_that_sees_tickets_once_only_is_noticed() {
    let authority = Authority::new();
    // Without a ticketer it keeps sessions itself, and forgets each when it is resumed.
    let login = authority.issue(HOST).any();
    let uploads = sending(&login, 0);
    let options = authority.trusted().require_resumption(true);
    let first = context(&options);
    let (mut client, _server) = control(&first, &login).await;
    idle(&mut client, &first, 2).await;
    assert!(upload(&first, &uploads).await);
    assert!(upload(&first, &uploads).await);
    assert!(first.can_resume());
    let (third, _) = try_data(&first, &uploads).await;
    assert!(matches!(third, Err(TlsError::NotResumed { .. })));
    assert!(!first.can_resume());
    // The way out.
    let second = first.capped().unwrap();
    let _control = control(&second, &login).await;
    assert_eq!(second.version(), Some(TlsVersion::Tls12));
    for _ in 0..10 {
        assert!(upload(&second, &uploads).await);
    }
}

#[tokio::test]
async fn sessions_of_another_control_connection_are_not_used() {
    let authority = Authority::new();
    let config = with_tickets(authority.issue(HOST).any(), 2);
    let options = authority.trusted();
    let (first, second) = (context(&options), context(&options));
    let (mut client, _server) = control(&first, &config).await;
    idle(&mut client, &first, 2).await;
    assert!(!second.can_resume());
    assert!(!upload(&second, &config).await);
    assert!(upload(&first, &config).await);
}

#[tokio::test]
async fn no_way_down_if_the_options_forbid_it() {
    let options = Authority::new().trusted();
    let options = options.version(TlsVersion::Tls13..=TlsVersion::Tls13);
    assert!(context(&options).capped().is_none());
}
