//! Data connections that must resume the session of their control connection, under TLS 1.3.

use super::lab::{lab, octets, run};
use fairway_ftp::tls::TlsVersion;
use fairway_tests::Random;
use fairway_tests::ftp::{Product, RealTls};

// Servers give few tickets, and ProFTPD none on uploads.
#[test]
fn uploads_downloads_and_listings_in_any_order() {
    let name = "uploads_downloads_and_listings_in_any_order";
    for product in [Product::Vsftpd, Product::ProFtpd] {
        run(async {
            let Some(lab) = lab(name, (product, RealTls::Explicit)) else {
                return;
            };
            let _newest = TlsVersion::Tls13;
            let content = octets(20_000);
            lab.server.put("pub/f", &content);
            // 100 uploads, the first ten of them in a row, 100 downloads, 20 listings.
            let mut order: Vec<u8> = [vec![1; 90], vec![2; 100], vec![3; 20]].concat();
            let mut random = Random::for_test(name, 7);
            for i in (1..order.len()).rev() {
                order.swap(i, random.below(i + 1));
            }
            for what in [vec![1; 10], order].concat() {
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
            assert!(logins <= 2, "{logins} logins");
        });
    }
}
