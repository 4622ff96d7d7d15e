//! Every call of the client, on every server, plain and under TLS.

use super::lab::{KINDS, Lab, lab, octets, run, say};
use fairway_ftp::list::Kind;
use fairway_ftp::{Charset, Error, ErrorKind, ListOptions, Name, session::Verb};
use fairway_tests::ftp::{Product, RealTls};
use fairway_tests::{Child, have, scratch};
use jiff::Timestamp;
use std::process::Command;
use std::time::Duration;

/// Runs `test` against each server and kind of TLS.
fn each<F: Future<Output = ()>>(name: &str, test: impl Fn(Lab, RealTls) -> F) {
    for kind in KINDS {
        run(async {
            if let Some(lab) = lab(name, kind) {
                say(&format!("{kind:?}"));
                test(lab, kind.1).await;
            }
        });
    }
}

fn refused(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Refused { .. })
}

#[test]
fn the_whole_set() {
    each("the_whole_set", |lab, _| async move {
        let Lab { server, site, .. } = &lab;
        let product = server.product();
        assert_eq!(site.pwd().await.unwrap().display(), "/");
        site.cd("w").await.unwrap();
        assert_eq!(site.pwd().await.unwrap().display(), "/w");
        // Files.
        let content = octets(300_000);
        let report = site
            .put("a.bin")
            .check_size(true)
            .bytes(&content)
            .await
            .unwrap();
        assert_eq!(
            (report.octets, report.from, report.retries),
            (300_000, 0, 0)
        );
        assert!(server.read("w/a.bin").unwrap() == content);
        assert_eq!(site.size("a.bin").await.unwrap(), 300_000);
        assert!(site.get("a.bin").bytes().await.unwrap() == content);
        assert!(site.get("a.bin").from(299_000).bytes().await.unwrap() == content[299_000..]);
        let _report = site.append("a.bin").bytes("tail").await.unwrap();
        assert!(server.read("w/a.bin").unwrap() == [&content[..], b"tail"].concat());
        let _report = site.put("empty").bytes("").await.unwrap();
        assert_eq!(server.read("w/empty").unwrap(), b"");
        assert_eq!(site.get("empty").bytes().await.unwrap(), b"");
        assert_eq!(site.size("empty").await.unwrap(), 0);
        let report = site.put_unique("a.bin").bytes("unique").await.unwrap();
        let unique = report.name.unwrap();
        assert_eq!(site.get(&unique).bytes().await.unwrap(), b"unique");
        assert_ne!(unique.display(), "a.bin");
        // What there is not.
        let missing = site.get("none").bytes().await.unwrap_err();
        assert!(missing.is_not_found(), "{missing}");
        assert!(site.size("none").await.unwrap_err().is_not_found());
        assert!(refused(&site.cd("none").await.unwrap_err()));
        assert_eq!(site.pwd().await.unwrap().display(), "/w");
        assert!(refused(&site.put("none/f").bytes("x").await.unwrap_err()));
        // Directories.
        let made = site.mkdir("d").await.unwrap();
        assert!(made.is_none_or(|path| path.display().ends_with('d')));
        assert!(refused(&site.mkdir("d").await.unwrap_err()));
        site.rename("a.bin", "d/b.bin").await.unwrap();
        site.cd("d").await.unwrap();
        assert_eq!(site.size("b.bin").await.unwrap(), 300_004);
        site.cdup().await.unwrap();
        assert_eq!(site.pwd().await.unwrap().display(), "/w");
        let names = site.names(None).await.unwrap();
        assert!(names.contains(&Name::from("d")), "{names:?}");
        let entries = site.list(Some(&"d".into())).await.unwrap();
        assert_eq!(entries.len(), 1);
        assert_eq!(
            (&entries[0].name[..], entries[0].size),
            (&b"b.bin"[..], Some(300_004))
        );
        let text = site.listing(Verb::List, Some(&"d".into())).await.unwrap();
        assert!(String::from_utf8(text).unwrap().contains("b.bin\r\n"));
        let mut classic = ListOptions::default();
        classic.classic = true;
        let mut entries = site.entries(Some(&"d".into()), classic).await.unwrap();
        assert_eq!(&entries.next().await.unwrap().unwrap().name[..], b"b.bin");
        assert!(entries.next().await.unwrap().is_none());
        let metadata = site.metadata("d/b.bin").await.unwrap();
        assert_eq!((metadata.kind, metadata.size), (Kind::File, Some(300_004)));
        assert_eq!(site.metadata("d").await.unwrap().kind, Kind::Directory);
        assert!(site.metadata("none").await.unwrap_err().is_not_found());
        // Times.
        let time: Timestamp = "2001-02-03T04:05:06Z".parse().unwrap();
        let now = Timestamp::now();
        let modified = site.modified("d/b.bin").await.unwrap();
        assert!(
            now.duration_since(modified).as_secs().abs() < 600,
            "{modified}"
        );
        site.set_modified("d/b.bin", time).await.unwrap();
        assert_eq!(site.modified("d/b.bin").await.unwrap(), time);
        let metadata = site.metadata("d/b.bin").await.unwrap();
        assert_eq!(metadata.modified.unwrap().at, time);
        // The rest.
        match site.chmod("d/b.bin", 0o600).await {
            Ok(()) => assert_eq!(
                site.list(Some(&"d".into())).await.unwrap()[0].mode,
                Some(0o600)
            ),
            // Not for anonymous users.
            Err(error) => assert!(product == Product::Vsftpd && refused(&error), "{error}"),
        }
        let help = site.site("HELP").await;
        assert!(product == Product::Vsftpd || help.unwrap().is(214));
        assert!(site.system().await.unwrap().text().contains("UNIX"));
        assert!(site.status(None).await.unwrap().is(211));
        let _state = site.status(Some(&"d".into())).await.unwrap();
        assert!(site.help(None).await.unwrap().lines().count() > 1);
        assert!(site.features().await.unwrap().has("REST"));
        site.noop().await.unwrap();
        assert!(site.quote("TYPE A").await.unwrap().is(200));
        assert!(site.quote("NONSENSE").await.unwrap().is_negative());
        assert!(site.quote("RETR d/b.bin").await.is_err());
        assert!(site.get("d/b.bin").bytes().await.unwrap()[..300_000] == content);
        site.delete("d/b.bin").await.unwrap();
        assert!(site.delete("d/b.bin").await.unwrap_err().is_not_found());
        site.rmdir("d").await.unwrap();
        assert!(refused(&site.rmdir("d").await.unwrap_err()));
        assert_eq!(lab.client.connections().logins, 1, "{}", server.log());
        lab.client.close().await;
        assert_eq!(lab.client.connections().idle, 0);
    });
}

// RFC 959 §3.1.1.1: text is CR LF on the way, and LF here.
#[test]
fn text_goes_both_ways() {
    each("text_goes_both_ways", |lab, _| async move {
        let text = "one\ntwo\n\nfour\r\nhalf".repeat(5_000);
        let report = lab.site.put("w/t").text().bytes(&text).await.unwrap();
        assert_eq!(report.octets, text.len() as u64);
        let back = lab.site.get("w/t").text().bytes().await.unwrap();
        // A CR before a LF is the line's end for a server of Unix, whoever wrote it.
        let expected = text.replace("\r\n", "\n");
        assert!(String::from_utf8(back).unwrap().replace("\r\n", "\n") == expected);
        let stored = String::from_utf8(lab.server.read("w/t").unwrap()).unwrap();
        assert!(stored.replace("\r\n", "\n") == expected);
        assert!(!stored.starts_with("one\r\n"));
        // And octets again, on the same connection.
        assert_eq!(
            lab.site.get("w/t").bytes().await.unwrap().len(),
            stored.len()
        );
    });
}

#[test]
fn names_are_octets() {
    each("names_are_octets", |lab, tls| async move {
        let latin: Name = Name::octets(&b"caf\xe9 cr\xe8me"[..]);
        let names: Vec<Name> = vec![
            "with blanks  in it".into(),
            "\"quoted\" \"\"twice".into(),
            "-leading".into(),
            "über straße €".into(),
            "*?[x]{a,b}".into(),
            "日本語".into(),
            latin,
        ];
        let Lab { server, site, .. } = &lab;
        for name in &names {
            // Pure-FTPd makes no such directory.
            let is_pattern = name.raw().contains(&b'*');
            let directory = if is_pattern {
                "pattern".into()
            } else {
                name.clone()
            };
            let directory = Name::from("w").join(&directory);
            let made = site.mkdir(&directory).await.unwrap();
            if let Some(made) = made {
                assert!(made.raw().ends_with(directory.raw()), "{made:?} {name:?}");
            }
            let there = site.detached();
            there.cd(&directory).await.unwrap();
            let pwd = there.pwd().await.unwrap();
            assert!(
                pwd.raw() == Name::from("/").join(&directory).raw(),
                "{pwd:?} {name:?}"
            );
            let _report = there.put(name).bytes(name.raw()).await.unwrap();
            assert_eq!(there.get(name).bytes().await.unwrap(), name.raw());
            assert_eq!(there.size(name).await.unwrap(), name.raw().len() as u64);
            let listed = there.list(None).await.unwrap();
            assert_eq!(listed.len(), 1, "{listed:?}");
            assert_eq!(listed[0].name, name.raw());
            assert_eq!(there.names(None).await.unwrap().len(), 1);
            let metadata = there.metadata(name).await.unwrap();
            assert_eq!(metadata.kind, Kind::File);
            there.rename(name, "plain").await.unwrap();
            there.rename("plain", name).await.unwrap();
            there.delete(name).await.unwrap();
        }
        let mut listed = site.list(Some(&"w".into())).await.unwrap();
        listed.sort_by(|a, b| a.name.cmp(&b.name));
        let plain = names.iter().filter(|name| !name.raw().contains(&b'*'));
        let mut expected: Vec<&[u8]> = plain.map(Name::raw).chain([&b"pattern"[..]]).collect();
        expected.sort_unstable();
        let listed: Vec<&[u8]> = listed.iter().map(|entry| &entry.name[..]).collect();
        assert_eq!(listed, expected);
        // The same as text, for who says how the server writes it.
        let latin =
            super::lab::address_of(server, tls).charset(Charset::named("iso-8859-1").unwrap());
        let site = lab.client.site(latin);
        site.cd("w/café crème").await.unwrap();
        assert_eq!(site.pwd().await.unwrap().display(), "/w/café crème");
        for name in ["a\rb", "a\nb", "a\0b"] {
            let error = site.get(name).bytes().await.unwrap_err();
            assert!(
                matches!(error.kind(), ErrorKind::Argument { .. }),
                "{error}"
            );
        }
    });
}

#[test]
fn ten_thousand_entries() {
    each("ten_thousand_entries", |lab, _| async move {
        let folder = lab.server.root().join("pub");
        for i in 0..10_000 {
            std::fs::write(
                folder.join(format!("file {i:05}")),
                &b"0123456789"[..i % 10],
            )
            .unwrap();
        }
        let path = Name::from("pub");
        for classic in [false, true] {
            let mut options = ListOptions::default();
            options.classic = classic;
            let mut entries = lab.site.entries(Some(&path), options).await.unwrap();
            let (mut count, mut sizes) = (0, 0);
            while let Some(entry) = entries.next().await.unwrap() {
                assert!(entry.name.starts_with(b"file "), "{entry:?}");
                count += 1;
                sizes += entry.size.unwrap();
            }
            assert_eq!((count, sizes), (10_000, 45_000));
            assert_eq!(entries.report().unknown, 0);
        }
        assert_eq!(lab.site.names(Some(&path)).await.unwrap().len(), 10_000);
        assert_eq!(lab.client.connections().logins, 1);
    });
}

#[test]
fn transfers_are_resumed_both_ways() {
    each("transfers_are_resumed_both_ways", |lab, _| async move {
        let Lab { server, site, .. } = &lab;
        let content = octets(500_000);
        let folder = scratch(&format!("resumed-{}", server.address().ip()));
        let local = folder.join("local");
        server.put("pub/f", &content);
        std::fs::write(&local, &content[..123_456]).unwrap();
        let report = site
            .get("pub/f")
            .resume(true)
            .check_size(true)
            .keep_time(true)
            .to_file(&local)
            .await
            .unwrap();
        assert_eq!((report.from, report.octets), (123_456, 500_000 - 123_456));
        assert!(std::fs::read(&local).unwrap() == content);
        let report = site
            .get("pub/f")
            .resume(true)
            .to_file(&local)
            .await
            .unwrap();
        assert_eq!(
            (report.from, report.octets, report.reply.is_none()),
            (500_000, 0, true)
        );
        server.put("w/f", &content[..200_000]);
        let report = site
            .put("w/f")
            .resume(true)
            .check_size(true)
            .from_file(&local)
            .await
            .unwrap();
        assert_eq!((report.from, report.octets), (200_000, 300_000));
        assert!(server.read("w/f").unwrap() == content);
        let report = site
            .put("w/new")
            .resume(true)
            .keep_time(true)
            .from_file(&local)
            .await
            .unwrap();
        assert_eq!((report.from, report.octets), (0, 500_000));
        assert!(server.read("w/new").unwrap() == content);
        let time = std::fs::metadata(&local).unwrap().modified().unwrap();
        let time = Timestamp::try_from(time).unwrap().as_second();
        assert_eq!(site.modified("w/new").await.unwrap().as_second(), time);
        // The part that is there is longer than the whole.
        server.put("pub/f", "short");
        let error = site
            .get("pub/f")
            .resume(true)
            .to_file(&local)
            .await
            .unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Verify(_)), "{error}");
        // Behind the end, and where there is nothing: each server in its own way, and in step afterwards.
        let _outcome = site.get("pub/f").from(1_000).bytes().await;
        let _outcome = site.get("none").from(1_000).bytes().await;
        // A restart that somebody left behind is nothing to the next transfer.
        let _reply = site.quote("REST 3").await.unwrap();
        let _report = site.put("w/none").bytes("abcdef").await.unwrap();
        assert_eq!(server.read("w/none").unwrap(), b"abcdef");
        let _reply = site.quote("REST 3").await.unwrap();
        assert_eq!(site.get("pub/f").bytes().await.unwrap(), b"short");
        assert_eq!(site.pwd().await.unwrap().display(), "/");
        assert_eq!(lab.client.connections().logins, 1);
    });
}

// What we have put, others get.
#[test]
fn curl_reads_what_we_put() {
    let test = "curl_reads_what_we_put";
    if !have(test, &["curl"]) {
        return;
    }
    each(test, |lab, tls| async move {
        if tls == RealTls::Implicit {
            return;
        }
        let content: String = (0..50_000).map(|i| format!("{i}\n")).collect();
        let _report = lab.site.put("w/f").bytes(&content).await.unwrap();
        let mut curl = Command::new("curl");
        if tls == RealTls::Explicit {
            let _curl = curl
                .arg("--ssl-reqd")
                .arg("--cacert")
                .arg(lab.server.certificate_file());
        }
        let output = Child::output(
            curl.arg("-sS").arg(lab.server.url("w/f")),
            Duration::from_secs(20),
        );
        assert!(
            output.status.success() && output.stdout == content,
            "{}",
            output.stderr
        );
    });
}
