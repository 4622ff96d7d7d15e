//! Every call, through a network that loses, repeats and reorders.

use super::{Lab, octets, secs};
use fairway_ftp::tls::TlsOptions;
use fairway_ftp::{Name, Server, Tls};
use fairway_tests::ftp::{Certificate, Config, Reply, Tls as ServerTls};
use jiff::Timestamp;

/// TCP hides all of it: what arrives is what was sent, and every call has its answer.
#[test]
fn all_of_them_work_through_a_bad_network() {
    for seed in 0..2 {
        let lab = Lab::new(seed, Config::new());
        lab.world.spoil();
        lab.world.network.run(async {
            let site = lab.site();
            let file = octets(60_000);
            let name = |text: &str| Name::from(text);
            assert_eq!(site.pwd().await.unwrap(), name("/"), "seed {seed}");
            site.mkdir("d").await.unwrap();
            site.cd("d").await.unwrap();
            assert_eq!(site.pwd().await.unwrap(), name("/d"));

            let report = site.put("a").bytes(&file).await.unwrap();
            assert_eq!(report.octets, 60_000);
            assert!(
                lab.server.files().read("/d/a").unwrap() == file,
                "seed {seed}"
            );
            assert!(site.get("a").bytes().await.unwrap() == file, "seed {seed}");
            site.append("a").bytes(b"end").await.unwrap();
            let whole = [&file[..], b"end"].concat();
            assert!(site.get("a").bytes().await.unwrap() == whole, "seed {seed}");
            let unique = site.put_unique("u").bytes(b"one").await.unwrap().name;
            let unique = unique.expect("the server says it");
            assert_eq!(site.get(unique.clone()).bytes().await.unwrap(), b"one");

            site.put("t").text().bytes("a\nb\n").await.unwrap();
            assert_eq!(lab.server.files().read("/d/t").unwrap(), b"a\nb\n");
            assert_eq!(site.get("t").text().bytes().await.unwrap(), b"a\nb\n");

            assert_eq!(site.list(None).await.unwrap().len(), 3);
            assert_eq!(site.names(None).await.unwrap().len(), 3);
            let mut entries = site.entries(None, Default::default()).await.unwrap();
            let mut count = 0;
            while entries.next().await.unwrap().is_some() {
                count += 1;
            }
            assert_eq!(count, 3);
            assert_eq!(site.metadata("a").await.unwrap().size, Some(60_003));
            assert_eq!(site.size("a").await.unwrap(), 60_003);
            let then: Timestamp = "2024-02-29T12:34:56Z".parse().unwrap();
            site.set_modified("a", then).await.unwrap();
            assert_eq!(site.modified("a").await.unwrap(), then);
            site.chmod("a", 0o600).await.unwrap();
            assert_eq!(lab.server.files().get("/d/a").unwrap().mode & 0o777, 0o600);

            site.rename("a", "b").await.unwrap();
            assert!(site.size("a").await.unwrap_err().is_not_found());
            site.delete("b").await.unwrap();
            site.delete("t").await.unwrap();
            site.delete(unique).await.unwrap();
            site.cdup().await.unwrap();
            site.rmdir("d").await.unwrap();
            assert!(site.list(None).await.unwrap().is_empty());

            assert!(site.system().await.unwrap().is(215));
            assert!(!site.status(None).await.unwrap().is_negative());
            assert!(!site.help(None).await.unwrap().is_negative());
            assert!(!site.quote("NOOP").await.unwrap().is_negative());
            site.noop().await.unwrap();
            assert!(site.features().await.unwrap().has("MLST"));
        });
        let lost: u64 = lab
            .world
            .directions()
            .iter()
            .map(|direction| direction.counters().lost)
            .sum();
        assert!(lost > 20, "seed {seed}: the network was kind");
    }
}

/// A large file, both ways, in the middle of everything.
#[test]
fn a_transfer_is_octet_equal_through_a_bad_network() {
    for seed in 10..12 {
        let lab = Lab::new(seed, Config::new());
        lab.world.spoil();
        lab.world.network.run(async {
            let site = lab.site();
            let file = octets(600_000);
            lab.write("/here", &file).await;
            let report = site.put("a").check_size(true).from_file("/here").await;
            assert_eq!(report.unwrap().retries, 0, "seed {seed}");
            assert!(
                lab.server.files().read("/a").unwrap() == file,
                "seed {seed}"
            );
            let report = site.get("a").check_size(true).to_file("/there").await;
            assert_eq!(report.unwrap().octets, 600_000, "seed {seed}");
            assert!(lab.read("/there").await == file, "seed {seed}");
        });
    }
}

impl Lab {
    /// Nothing happens for a day.
    async fn is_quiet(&self) {
        // TCP and ARP have their own last things to do.
        self.wait(secs(3600)).await;
        let events = self.world.network.events();
        self.wait(secs(86_400)).await;
        let day = self.world.network.events() - events;
        assert!(day <= 2, "{day} events of an idle day");
    }
}

/// A client that nobody uses any more ends its connections, and then nothing happens any more.
#[test]
fn idle_connections_are_closed_after_their_time_and_nothing_is_left() {
    let lab = Lab::new(20, Config::new());
    lab.world.network.run(async {
        let client = lab.client(|_| {});
        let site = client.site(super::there());
        site.noop().await.unwrap();
        let used = lab.now();
        assert_eq!(client.connections().idle, 1);
        let clock = lab.world.network.clock();
        clock.sleep_until(used + secs(299)).await;
        assert_eq!(client.connections().idle, 1);
        assert_eq!(lab.server.counters().open, 1);
        clock.sleep_until(used + secs(301)).await;
        assert_eq!(
            (client.connections().idle, client.connections().busy),
            (0, 0)
        );
        assert_eq!(lab.server.commands(0).last().unwrap(), "QUIT");
        lab.is_quiet().await;
        assert_eq!(lab.server.counters().open, 0);
        // And it is of use still.
        site.noop().await.unwrap();
        assert_eq!(client.connections().logins, 2);
    });
}

/// What a dropped client leaves is closed at once.
#[test]
fn a_dropped_client_leaves_nothing() {
    let lab = Lab::new(21, Config::new());
    lab.world.network.run(async {
        let client = lab.client(|_| {});
        client.site(super::there()).noop().await.unwrap();
        drop(client);
        lab.wait(secs(1)).await;
        assert_eq!(lab.server.counters().open, 0);
        lab.is_quiet().await;
    });
}

/// RFC 959 §4.1.1: SMNT and REIN; after the second nobody is logged in on that connection.
#[test]
fn what_few_servers_know_can_be_said() {
    let lab = Lab::new(22, Config::new());
    lab.world.network.run(async {
        let client = lab.client(|_| {});
        let site = client.site(super::there());
        assert!(site.mount("/other").await.unwrap().is(202));
        assert!(site.reinitialize().await.unwrap().is(220));
        assert_eq!(client.connections().idle, 0);
        site.noop().await.unwrap();
        // Where SMNT had led was not known, so that REIN had a connection of its own, and the last call another.
        assert_eq!(client.connections().logins, 3);
    });
}

/// MFF (draft-somers-ftp-mfxx §3): where a server names it and not MFMT.
#[test]
fn a_time_is_set_as_a_fact() {
    let features = b"211-Features:\r\n MFF modify;\r\n211 End\r\n";
    let config = Config::new()
        .with(|config| config.feat = Some(features.to_vec()))
        .on("MFF", Reply::line("213 modify=20240229123456; a"));
    let lab = Lab::new(23, config);
    lab.world.network.run(async {
        let then: Timestamp = "2024-02-29T12:34:56Z".parse().unwrap();
        lab.site().set_modified("a", then).await.unwrap();
        let said = lab.server.commands(0);
        assert_eq!(said.last().unwrap(), "MFF modify=20240229123456; a");
    });
}

/// A file is not copied onto itself, whatever its server is called: the target would be emptied first.
#[test]
fn one_server_under_two_names_is_one() {
    let lab = Lab::new(24, Config::new());
    lab.world.network.run(async {
        let file = octets(5_000);
        lab.server.files().put("/d/a", file.clone());
        let client = lab.client(|_| {});
        let address = client.net().lookup("server").await.unwrap()[0];
        let by_name = client.site(super::there());
        let by_address = Server::new(address.to_string()).login("u1", "secret");
        let by_address = client.site(by_address);
        let copy = client.copy((&by_name, "/d/a"), (&by_address, "/x/../d/./a"));
        let error = copy.run().await.unwrap_err();
        assert!(error.to_string().contains("the same file"), "{error}");
        assert!(lab.server.files().read("/d/a").unwrap() == file);
        // Another file of the same server is another matter.
        let copy = client.copy((&by_name, "/d/a"), (&by_address, "/d/b"));
        copy.run().await.unwrap();
        assert!(lab.server.files().read("/d/b").unwrap() == file);
    });
}

/// RFC 4217 §12.3: after CCC the control connection is plain again, and data connections are protected all the same.
#[test]
fn a_control_connection_may_leave_tls_again() {
    let certificate = Certificate::new(&["server"]);
    let trust = TlsOptions::new()
        .system_roots(false)
        .root_der(certificate.der().to_vec());
    let config = Config::new().with(|config| config.tls = Some(ServerTls::new(certificate)));
    let lab = Lab::new(25, config);
    lab.world.network.run(async {
        let client = lab.client(|_| {});
        let server = super::there().tls(Tls::Explicit).tls_options(trust);
        let site = client.site(server.clear_control(true));
        let file = octets(50_000);
        site.put("a").bytes(&file).await.unwrap();
        assert!(site.get("a").bytes().await.unwrap() == file);
        assert_eq!(site.list(None).await.unwrap().len(), 1);
        let said = lab.server.commands(0);
        let at = |verb: &str| said.iter().position(|line| line.starts_with(verb));
        assert!(at("AUTH TLS") < at("PASS") && at("PASS") < at("CCC") && at("CCC") < at("STOR"));
        assert!(at("AUTH TLS").is_some());
        let connections = lab.server.data_connections();
        assert_eq!(connections.len(), 3);
        assert!(connections.iter().all(|data| data.tls.is_some()));
        assert_eq!(client.connections().logins, 1);
    });
}

/// Servers behind a distributor want PRET before PASV; how much room a file needs is said before it is sent.
#[test]
fn a_server_is_told_beforehand_what_comes() {
    let lab = Lab::new(26, Config::new().with(|config| config.pret = true));
    lab.world.network.run(async {
        let site = lab.site();
        lab.write("/local", &octets(7_000)).await;
        let put = site.put("a").allocate(true);
        let _report = put.from_file("/local").await.unwrap();
        assert!(site.get("a").bytes().await.unwrap() == octets(7_000));
        let said = lab.server.commands(0);
        for line in ["ALLO 7000", "PRET STOR a", "PRET RETR a"] {
            assert!(said.iter().any(|said| said == line), "{line} in {said:?}");
        }
    });
}

/// OS/400 names libraries and members until one asks it for paths.
#[test]
fn os400_is_asked_for_paths() {
    let config = Config::new()
        .on_nth("PWD", 1, Reply::line("257 \"QGPL\" is current library."))
        .on(
            "SYST",
            Reply::line("215 OS/400 is the remote operating system."),
        )
        .on("SITE", Reply::line("250 Now using naming format \"1\"."));
    let lab = Lab::new(27, config);
    lab.world.network.run(async {
        let site = lab.site();
        site.mkdir("d").await.unwrap();
        site.cd("d").await.unwrap();
        assert_eq!(site.pwd().await.unwrap(), Name::from("/d"));
        let said = lab.server.commands(0);
        let lines = ["PWD", "SYST", "SITE NAMEFMT 1", "PWD", "CWD d"];
        assert!(said.windows(5).any(|said| said == lines), "{said:?}");
    });
}
