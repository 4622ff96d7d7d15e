//! Control and data connections over IPv6 (RFC 2428).

use super::lab::{octets, run};
use fairway_ftp::{Client, DataMode, Server};
use fairway_stack::Net;
use fairway_tests::ftp::{Config, FtpServer};
use std::net::Ipv6Addr;

#[test]
fn files_go_both_ways_whoever_connects() {
    run(async {
        let net = Net::system();
        let config = Config::new().listen((Ipv6Addr::LOCALHOST, 0));
        let server = FtpServer::start(&net, config).unwrap();
        let client = Client::new(net);
        for (mode, said) in [
            (DataMode::Passive, "EPSV"),
            (DataMode::Active, "EPRT |2|::1|"),
        ] {
            let to = Server::new("::1").on_port(server.address().port());
            let site = client.site(to.login("u1", "secret").data_mode(mode));
            let file = octets(100_000);
            site.put("/f").bytes(&file).await.unwrap();
            assert!(site.get("/f").bytes().await.unwrap() == file);
            assert_eq!(site.list(None).await.unwrap().len(), 1);
            let lines = server.all_commands();
            let asked = lines
                .iter()
                .filter(|line| line.raw.starts_with(said.as_bytes()))
                .count();
            assert_eq!(asked, 3, "{mode:?}");
        }
        assert!(
            server
                .data_connections()
                .iter()
                .all(|data| data.peer.is_ipv6())
        );
    });
}
