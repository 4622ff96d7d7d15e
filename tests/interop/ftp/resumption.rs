//! Data connections that must resume the session of their control connection, under TLS 1.3.

use super::lab::{address_of, lab, octets, run, trust};
use fairway_ftp::tls::TlsVersion;
use fairway_tests::Random;
use fairway_tests::ftp::{Product, RealTls};

// Servers give few tickets, and ProFTPD none on uploads.
#[test]
fn uploads_downloads_and_listings_in_any_order() {
    let name = "uploads_downloads_and_listings_in_any_order";
    for product in [Product::Vsftpd, Product::ProFtpd] {
        run(async {
            let Some(mut lab) = lab(name, (product, RealTls::Explicit)) else {
                return;
            };
            // Nothing older: then there is no way out to sessions that can be resumed for ever.
            let options = trust(&lab.server).version(TlsVersion::Tls13..=TlsVersion::Tls13);
            let server = address_of(&lab.server, RealTls::Explicit).tls_options(options);
            lab.site = lab.client.site(server);
            let content = octets(20_000);
            lab.server.put("pub/f", &content);
            // 100 uploads in a row; then 50 more, 100 downloads and 20 listings in any order.
            let mut order: Vec<u8> = [vec![1; 50], vec![2; 100], vec![3; 20]].concat();
            let mut random = Random::for_test(name, 7);
            for i in (1..order.len()).rev() {
                order.swap(i, random.below(i + 1));
            }
            for what in [vec![1; 100], order].concat() {
                match what {
                    1 => {
                        let _report = lab.site.put("w/f").bytes(&content).await.unwrap();
                        assert!(lab.server.read("w/f").unwrap() == content);
                    }
                    2 => assert!(lab.site.get("pub/f").bytes().await.unwrap() == content),
                    _ => assert_eq!(lab.site.list(Some(&"pub".into())).await.unwrap().len(), 1),
                }
            }
            let logins = lab.client.connections().logins;
            println!("{product:?}: {logins} logins");
            assert_eq!(logins, 1);
        });
    }
}
