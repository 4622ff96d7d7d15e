//! The program `ftp`: what it prints, leaves behind, and ends with.

use fairway_stack::Net;
use fairway_tests::ftp::{
    Config, DataFault, FtpServer, Node, PRODUCTS, Product, RealConfig, RealServer, RealTls, Reply,
};
use fairway_tests::{Child, scratch, until};
use nix::sys::signal::Signal;
use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(30);

/// The program, built as the tests are.
fn program() -> PathBuf {
    fairway_tests::programs("fairway-ftp").join("ftp")
}

/// A folder to run the program in, which is its home, too.
struct Here {
    folder: PathBuf,
}

struct Ran {
    code: i32,
    out: String,
    err: String,
}

impl Here {
    fn new(test: &str) -> Self {
        let folder = scratch(&format!("ftp-tool-{test}"));
        drop(fs::remove_dir_all(&folder));
        fs::create_dir_all(&folder).unwrap();
        Self { folder }
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(program());
        command
            .args(words)
            .current_dir(&self.folder)
            .env("HOME", &self.folder)
            .env_remove("XDG_STATE_HOME")
            .env_remove("RUST_LOG")
            .stdin(Stdio::null());
        command
    }

    fn run(&self, words: &[&str]) -> Ran {
        Self::ran(&mut self.command(words))
    }

    fn run_with(&self, stdin: &str, words: &[&str]) -> Ran {
        self.write(".stdin", stdin);
        let mut command = Command::new("sh");
        command
            .args(["-c", "exec \"$@\" < .stdin", "sh"])
            .arg(program())
            .args(words)
            .current_dir(&self.folder)
            .env("HOME", &self.folder)
            .env_remove("XDG_STATE_HOME");
        Self::ran(&mut command)
    }

    fn ran(command: &mut Command) -> Ran {
        let output = Child::output(command, LIMIT);
        Ran {
            code: output.status.code().unwrap(),
            out: output.stdout,
            err: output.stderr,
        }
    }

    /// Runs what is to succeed; gives its stdout.
    fn ok(&self, words: &[&str]) -> String {
        let ran = self.run(words);
        assert_eq!(ran.code, 0, "{words:?}: {}{}", ran.out, ran.err);
        ran.out
    }

    fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn read(&self, path: &str) -> Vec<u8> {
        fs::read(self.folder.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    fn exists(&self, path: &str) -> bool {
        self.folder.join(path).symlink_metadata().is_ok()
    }
}

/// Our own server, on a runtime of its own.
struct Scripted {
    server: FtpServer,
    _runtime: tokio::runtime::Runtime,
}

impl Scripted {
    fn start(config: Config) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let server = {
            let _entered = runtime.enter();
            FtpServer::start(&Net::system(), config).unwrap()
        };
        Self {
            server,
            _runtime: runtime,
        }
    }

    fn url(&self, path: &str) -> String {
        format!("ftp://u1:secret@{}/{path}", self.server.address())
    }

    fn put(&self, path: &str, content: impl Into<Vec<u8>>) {
        self.server.files().put(path, content);
    }

    fn read(&self, path: &str) -> Option<Vec<u8>> {
        self.server.files().read(path)
    }
}

fn styles() -> [Config; 3] {
    [
        Config::new().like_vsftpd(),
        Config::new().like_pureftpd(),
        Config::new().like_proftpd(),
    ]
}

fn octets(len: usize) -> Vec<u8> {
    (0..len)
        .map(|at| u8::try_from((at * 7 + at / 251) % 256).unwrap())
        .collect()
}

#[test]
fn files_go_there_and_back() {
    for config in styles() {
        let (here, there) = (Here::new("there-and-back"), Scripted::start(config));
        let content = octets(300_000);
        here.write("a b", &content);
        here.write("c", "text\n");
        there.server.files().directory("/in");
        // Into a directory by its slash, to a name, and into a directory that exists.
        here.ok(&["put", "a b", "c", &there.url("in/")]);
        here.ok(&["put", "c", &there.url("in/d")]);
        here.ok(&["put", "c", &there.url("in")]);
        assert!(there.read("/in/a b").unwrap() == content);
        assert_eq!(there.read("/in/d").unwrap(), b"text\n");
        assert_eq!(here.ok(&["ls", "-1", &there.url("in")]), "a b\nc\nd\n");
        assert_eq!(here.run(&["ls", &there.url("nothing")]).code, 1);
        here.ok(&["get", "-o", "copy", &there.url("in/a%20b")]);
        assert!(here.read("copy") == content);
        // Patterns, a directory that is made, several at a time.
        here.ok(&["get", "-j3", "-o", "new/", &there.url("in/*")]);
        assert!(here.read("new/a b") == content);
        assert_eq!(here.read("new/d"), b"text\n");
        assert_eq!(here.ok(&["cat", &there.url("in/[cd]")]), "text\ntext\n");
        assert_eq!(
            here.ok(&["get", "-o", "-", &there.url("%2Fin/d")]),
            "text\n"
        );
        // An escaped star is a star.
        assert_eq!(here.run(&["get", &there.url("in/%2A")]).code, 1);
        here.ok(&["put", "--append", "c", &there.url("in/d")]);
        assert_eq!(there.read("/in/d").unwrap(), b"text\ntext\n");
        let ran = here.run_with("typed", &["put", "-", &there.url("in/stdin")]);
        assert_eq!(
            (ran.code, there.read("/in/stdin").unwrap()),
            (0, b"typed".to_vec())
        );
        let name = here.ok(&["put", "--unique", "c", &there.url("in/c")]);
        assert!(!name.trim().is_empty());
    }
}

#[test]
fn each_small_command_does_its_one_thing() {
    for config in styles() {
        let (here, there) = (Here::new("small"), Scripted::start(config));
        here.ok(&["mkdir", &there.url("a")]);
        assert_eq!(here.run(&["mkdir", &there.url("a")]).code, 1);
        here.ok(&["mkdir", "-p", &there.url("a"), &there.url("x/y/z")]);
        there.put("/a/one", "1");
        there.put("/a/two", "22");
        assert_eq!(here.ok(&["size", &there.url("a/two")]), "2\n");
        here.ok(&["mv", &there.url("a/one"), "a/three"]);
        here.ok(&["mv", &there.url("a/three"), &there.url("x/")]);
        assert_eq!(there.read("/x/three").unwrap(), b"1");
        assert_eq!(here.run(&["rm", &there.url("a/*nothing*")]).code, 1);
        here.ok(&["rm", "-f", &there.url("a/nothing")]);
        here.ok(&["rm", &there.url("a/t*")]);
        here.ok(&["rmdir", &there.url("a")]);
        assert_eq!(here.run(&["rmdir", &there.url("x")]).code, 1);
        // A directory only with -r, and then all of it.
        assert_eq!(here.run(&["rm", &there.url("x")]).code, 1);
        let dry = here.ok(&["rm", "-r", "--dry-run", &there.url("x")]);
        assert!(dry.contains("remove x/y/z\n") && there.read("/x/three").is_some());
        here.ok(&["rm", "-r", &there.url("x")]);
        assert_eq!(here.ok(&["ls", "-1", &there.url("")]), "");
        let quoted = here.ok(&["quote", &there.url(""), "NOOP", "TYPE I"]);
        assert_eq!(quoted.lines().count(), 2, "{quoted}");
        assert_eq!(here.run(&["quote", &there.url(""), "XYZZY"]).code, 1);
        let ping = here.ok(&["ping", "-c", "3", "-i", "0", &there.url("")]);
        assert!(
            ping.contains("answer 3: ") && ping.contains("3 asked, 3 answered"),
            "{ping}"
        );
    }
}

#[test]
fn the_status_tells_who_is_at_fault() {
    let (here, there) = (Here::new("status"), Scripted::start(Config::new()));
    there.put("/f", "x");
    let code = |words: &[&str]| here.run(words).code;
    assert_eq!(code(&["get", &there.url("f")]), 0);
    assert_eq!(code(&["--help"]), 0);
    // 1: the server says no.
    assert_eq!(code(&["get", &there.url("nothing")]), 1);
    let wrong = there.url("f").replace("secret", "wrong");
    assert_eq!(code(&["get", &wrong]), 1);
    // 2: wrong usage or input.
    for words in [
        &["frobnicate", "x"][..],
        &["get"],
        &["get", "http://h/x"],
        &["get", "ftp://h/a%0d%0aDELE%20b"],
        &["put", "nothing", &there.url("f")],
        &["get", "-o", "-", "--json", &there.url("f")],
        &["ls", "--tls", "try", "ftpes://h/"],
        &["mirror", "here", "there"],
        &["ftp://h/", "ls"],
        &["ls", "--proxy", "proxy:1080", "ftp://h/"],
        // A name that needs a password, and nobody to ask.
        &["ls", "ftp://anna@127.0.0.1/"],
        &["ls", "--netrc", "nothing", &there.url("f")],
        &["get", "-o", "none/such/file", &there.url("f")],
    ] {
        let ran = Here::ran(
            // A session of its own has no terminal to ask at.
            Command::new("setsid")
                .arg("-w")
                .arg(program())
                .args(words)
                .current_dir(&here.folder)
                .env("HOME", &here.folder)
                .stdin(Stdio::null()),
        );
        assert_eq!(ran.code, 2, "{words:?}: {}{}", ran.out, ran.err);
        assert!(!ran.err.is_empty(), "{words:?}");
    }
    // 3: nobody answers.
    let address = there.server.address();
    drop(there);
    let gone = format!("ftp://u1:secret@{address}/f");
    assert_eq!(code(&["get", &gone]), 3);
    assert_eq!(code(&["ls", "ftp://nowhere.invalid/"]), 3);
    assert_eq!(
        code(&["ls", "--proxy", "socks5://nowhere.invalid", "ftp://h/"]),
        3
    );
}

#[test]
fn errors_say_what_to_do() {
    for config in styles() {
        let (here, there) = (Here::new("hints"), Scripted::start(config));
        there.put("/d/f", "x");
        here.write("f", "x");
        let (d, root) = (there.url("d"), there.url(""));
        let nothing = there.url("d/nothing");
        let copy = [there.url("d/f"), there.url("g")];
        for (words, code, part) in [
            (&["get", &d][..], 1, "d is a directory; -r gets it"),
            (&["get", &nothing], 1, "d/nothing: 550 "),
            (&["rm", &d], 1, "d is a directory; -r removes it"),
            (&["tree", &nothing], 1, "d/nothing: "),
            (&["ls", &nothing], 1, "d/nothing: "),
            (&["put", "f"], 2, "f: the last argument is the URL"),
            (&["put", &d], 2, "/d: the files to put come before the URL"),
            (&["quote", &root, "RETR f"], 2, "there is a command for it"),
            (&["lst", &root], 2, "lst: no such command"),
            (&["lst"], 3, "lst: unknown host, and no command"),
            (&["cp", "-c", &copy[0], &copy[1]], 2, "begins anew"),
        ] {
            let ran = here.run(words);
            assert_eq!(ran.code, code, "{words:?}: {}{}", ran.out, ran.err);
            assert!(ran.err.contains(part), "{words:?}: {}", ran.err);
            assert!(!ran.err.contains("secret"), "{words:?}: {}", ran.err);
        }
        let lines = |words: &[&str]| here.ok(words).lines().count();
        assert_eq!(lines(&["ls", "-la", &d]), 1);
        // As the server sends it: the code in the first line and in the last.
        let reply = here.ok(&["quote", &root, "FEAT"]);
        assert!(reply.starts_with("211-"), "{reply}");
        assert!(reply.lines().last().unwrap().starts_with("211 "), "{reply}");
        assert!(reply.contains("\n SIZE\n"), "{reply}");
    }
}

#[test]
fn json_has_stable_keys_with_units() {
    let (here, there) = (Here::new("json"), Scripted::start(Config::new()));
    there.put("/d/f", "four");
    there.server.files().directory("/d/sub");
    let lines = |words: &[&str]| -> Vec<serde_json::Value> {
        let out = here.ok(words);
        out.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    };
    let ls = lines(&["ls", "--json", &there.url("d")]);
    assert_eq!(ls.len(), 2);
    let file = &ls[0];
    assert_eq!(file["name"], "f");
    assert_eq!(file["path"], "d/f");
    assert_eq!(file["kind"], "file");
    assert_eq!(file["size_bytes"], 4);
    assert_eq!(file["modified"], "2024-02-29T12:34:56Z");
    assert_eq!(file["modified_precision"], "second");
    assert_eq!(ls[1]["kind"], "directory");
    let size = lines(&["size", "--json", &there.url("d/f")]);
    assert_eq!(size[0]["size_bytes"], 4);
    let got = lines(&["get", "--json", &there.url("d/f")]);
    for (key, value) in [
        ("action", "get"),
        ("from", "d/f"),
        ("to", "f"),
        ("status", "done"),
    ] {
        assert_eq!(got[0][key], value);
    }
    assert_eq!(got[0]["transferred_bytes"], 4);
    assert_eq!(got[0]["resumed_at_bytes"], 0);
    assert!(got[0]["time_secs"].is_f64() && got[0]["retries"].is_u64());
    let put = lines(&["put", "--json", "f", &there.url("d/g")]);
    assert_eq!(put[0]["action"], "put");
    let mirror = lines(&["mirror", "--json", &there.url("d"), "copy"]);
    assert_eq!(mirror[0]["event"], "step");
    let summary = mirror.last().unwrap();
    assert_eq!(summary["event"], "summary");
    assert_eq!(summary["copied"], 2);
    assert_eq!(summary["transferred_bytes"], 8);
    let ping = lines(&["ping", "--json", "-c1", &there.url("")]);
    let events: Vec<_> = ping
        .iter()
        .map(|line| line["event"].as_str().unwrap())
        .collect();
    assert_eq!(events, ["greeting", "login", "answer", "summary"]);
    assert!(ping[2]["time_secs"].is_f64());
    let quote = lines(&["quote", "--json", &there.url(""), "NOOP"]);
    assert_eq!(quote[0]["code"], 200);
    // A failure is a document, too.
    let ran = here.run(&["size", "--json", "ftp://nowhere.invalid/x"]);
    assert!(ran.out.contains("\"error\":"), "{}", ran.out);
}

#[test]
fn what_was_cut_is_gone_on_with() {
    let content = octets(500_000);
    let cut = Config::new().on_nth("RETR", 1, Reply::Data(DataFault::AllCloseAt(200_000)));
    let (here, there) = (Here::new("resume"), Scripted::start(cut));
    there.put("/big", content.clone());
    let ran = here.run(&["get", "--retries", "0", &there.url("big")]);
    assert_eq!(ran.code, 3, "{}", ran.err);
    assert!(ran.err.contains("-c goes on with it"), "{}", ran.err);
    let part = here.read("big").len();
    assert!(0 < part && part <= 200_000);
    let out = here.ok(&["get", "-c", "--json", &there.url("big")]);
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["resumed_at_bytes"], part);
    assert!(here.read("big") == content);
    // There already.
    let again = here.run(&["get", "-c", &there.url("big")]);
    assert!(
        again.code == 0 && again.err.contains("there already"),
        "{}",
        again.err
    );
    // The other way.
    there.put("/half", content[..100_000].to_vec());
    here.write("half", &content);
    here.ok(&["put", "-c", "half", &there.url("half")]);
    assert!(there.read("/half").unwrap() == content);
    assert_eq!(there.server.count("REST"), 2);
}

#[test]
fn a_transfer_takes_itself_up_again() {
    let content = octets(500_000);
    let cut = Config::new().on_nth("RETR", 1, Reply::Data(DataFault::AllCloseAt(200_000)));
    let (here, there) = (Here::new("again"), Scripted::start(cut));
    there.put("/big", content.clone());
    let ran = here.run(&["get", "--verify", "size", &there.url("big")]);
    assert!(
        ran.code == 0 && ran.err.contains("taken up again once"),
        "{}",
        ran.err
    );
    assert!(ran.err.contains("same size"), "{}", ran.err);
    assert!(here.read("big") == content);
}

#[test]
fn nothing_is_overwritten_or_done_against_a_wish() {
    let (here, there) = (Here::new("wishes"), Scripted::start(Config::new()));
    there.put("/d/f", "theirs");
    here.write("f", "ours");
    here.ok(&["get", "-n", &there.url("d/f")]);
    assert_eq!(here.read("f"), b"ours");
    here.ok(&["put", "-n", "f", &there.url("d/f")]);
    assert_eq!(there.read("/d/f").unwrap(), b"theirs");
    let dry = here.ok(&["get", "--dry-run", "-r", "-o", "new", &there.url("d")]);
    assert!(dry.contains("get d/f → new/f"), "{dry}");
    here.ok(&["put", "--dry-run", "f", &there.url("d/g")]);
    let dry = here.ok(&["mirror", "--dry-run", "--delete", &there.url("d"), "new"]);
    assert_eq!(dry, "copy f  (new, 6 B)\n");
    let dry = here.ok(&["mirror", "--dry-run", "--delete", ".", &there.url("new")]);
    assert!(dry.contains("copy f  (new, 4 B)\n"), "{dry}");
    assert!(!here.exists("new"));
    for verb in ["STOR", "MKD", "DELE", "RMD"] {
        assert_eq!(there.server.count(verb), 0, "{verb}");
    }
}

#[test]
fn no_file_is_written_over_by_another_of_the_same_call() {
    let (here, there) = (Here::new("twice"), Scripted::start(Config::new()));
    for path in ["/a/f", "/b/f"] {
        there.put(path, path);
    }
    for path in ["a/g", "b/g"] {
        here.write(path, path);
    }
    let (all, root, to) = (there.url("*/f"), there.url(""), there.url("c/"));
    let (one, other) = (there.url("a/f"), there.url("b/f"));
    for words in [
        &["get", &all][..],
        &["get", "-j2", &one, &other],
        &["put", "a/g", "b/g", &root],
        &["cp", &all, &to],
    ] {
        let ran = here.run(words);
        assert_eq!(ran.code, 2, "{words:?}: {}", ran.err);
        assert!(ran.err.contains("would both become"), "{}", ran.err);
    }
    assert!(!here.exists("f") && there.read("/g").is_none());
    here.ok(&["put", "--append", "a/g", "b/g", &root]);
    assert_eq!(there.read("/g").unwrap(), b"a/gb/g");
}

#[test]
fn a_mirror_copies_what_differs_and_no_more() {
    for config in styles() {
        let (here, there) = (Here::new("mirror"), Scripted::start(config));
        here.write("src/a/b/f", octets(100_000));
        here.write("src/x.o", "object");
        here.write("src/y", "y");
        fs::create_dir_all(here.folder.join("src/empty")).unwrap();
        symlink("y", here.folder.join("src/link")).unwrap();
        let up = there.url("m");
        let ran = here.run(&["mirror", "-j2", "--exclude", "*.o", "src", &up]);
        assert!(
            ran.code == 0 && ran.err.contains("2 files copied"),
            "{}",
            ran.err
        );
        assert!(there.read("/m/x.o").is_none());
        assert!(there.server.files().get("/m/empty").unwrap().is_directory());
        let ran = here.run(&["mirror", "src", &up]);
        assert!(
            ran.err.contains("1 file copied") && ran.err.contains("2 the same"),
            "{}",
            ran.err
        );
        let ran = here.run(&["mirror", "src", &up]);
        assert!(
            ran.err.contains("0 files copied, 3 the same"),
            "{}",
            ran.err
        );
        // Back, into a directory that does not exist; the times go along.
        here.ok(&["mirror", "-j4", &up, "dst"]);
        assert!(here.read("dst/a/b/f") == octets(100_000));
        assert!(here.folder.join("dst/empty").is_dir());
        let ran = here.run(&["mirror", &up, "dst"]);
        assert!(
            ran.err.contains("0 files copied, 3 the same"),
            "{}",
            ran.err
        );
        // What changed at the source is copied, what is left over removed if that is wanted.
        there
            .server
            .files()
            .set("/m/y", Node::file("z", 1_800_000_000));
        here.write("dst/extra/deep", "");
        let ran = here.run(&["mirror", &up, "dst"]);
        assert!(ran.err.contains("1 file copied"), "{}", ran.err);
        assert!(here.read("dst/y") == b"z" && here.exists("dst/extra/deep"));
        here.ok(&["mirror", "--delete", &up, "dst"]);
        assert!(!here.exists("dst/extra"));
        fs::remove_file(here.folder.join("src/x.o")).unwrap();
        here.ok(&["mirror", "--delete", "src", &up]);
        assert!(there.read("/m/x.o").is_none() && there.read("/m/y").is_some());
    }
}

#[test]
fn a_mirror_goes_from_server_to_server() {
    for way in [&["-v"][..], &["-v", "--through"]] {
        let here = Here::new("between");
        let (one, two) = (
            Scripted::start(Config::new().like_pureftpd()),
            Scripted::start(Config::new().like_vsftpd()),
        );
        one.put("/m/a/f", octets(200_000));
        one.put("/m/g", "g");
        let run = |words: &[&str]| {
            let ran = here.run(&[words, way].concat());
            assert_eq!(ran.code, 0, "{way:?}: {}", ran.err);
            ran.err
        };
        let said = run(&["mirror", "-j2", &one.url("m"), &two.url("n")]);
        assert!(said.contains("2 files copied"), "{said}");
        // Straight from one to the other, one is told where the other is.
        let is_direct = said.contains("> PORT ") || said.contains("> EPRT ");
        assert_eq!(is_direct, way.len() == 1, "{said}");
        assert!(two.read("/n/a/f").unwrap() == octets(200_000));
        let said = run(&["mirror", &one.url("m"), &two.url("n")]);
        assert!(said.contains("0 files copied, 2 the same"), "{said}");
        let _said = run(&["cp", &one.url("m/g"), &two.url("h")]);
        let _said = run(&["cp", &one.url("m/*"), &two.url("")]);
        assert_eq!(two.read("/h").unwrap(), b"g");
        assert_eq!(two.read("/g").unwrap(), b"g");
        let same = here.run(&["cp", &one.url("m/g"), &one.url("m/g")]);
        assert_eq!((same.code, one.read("/m/g").unwrap()), (2, b"g".to_vec()));
        let missing = here.run(&[&["cp", &one.url("nothing"), &two.url("x")], way].concat());
        assert_eq!(missing.code, 1, "{}", missing.err);
        assert!(two.read("/x").is_none());
    }
}

#[test]
fn servers_that_do_not_talk_to_each_other_are_said_to() {
    let here = Here::new("apart");
    let no = |config: Config| {
        config
            .on("PORT", Reply::line("500 no"))
            .on("EPRT", Reply::line("500 no"))
    };
    let (one, two) = (
        Scripted::start(no(Config::new())),
        Scripted::start(no(Config::new())),
    );
    one.put("/f", "f");
    let ran = here.run(&["cp", &one.url("f"), &two.url("f")]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.err.contains("--through copies it"), "{}", ran.err);
    here.ok(&["cp", "--through", &one.url("f"), &two.url("f")]);
    assert_eq!(two.read("/f").unwrap(), b"f");
}

// A source that is not there, or was seen in part, must not empty the destination.
#[test]
fn a_mirror_does_not_mistake_trouble_for_emptiness() {
    let config = Config::new()
        .like_vsftpd()
        .with(|config| config.list_missing_is_empty = true);
    let (here, there) = (Here::new("trouble"), Scripted::start(config));
    here.write("dst/f", "f");
    let ran = here.run(&["mirror", "--delete", &there.url("nothing"), "dst"]);
    assert!(ran.code == 1 && here.exists("dst/f"), "{}", ran.err);
    there.put("/m/sub/g", "g");
    there
        .server
        .set(|config| config.rule("LIST", Some(2), Reply::line("550 not today")));
    let ran = here.run(&["mirror", "--delete", &there.url("m"), "dst"]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(
        ran.err.contains("nothing is removed") && here.exists("dst/f"),
        "{}",
        ran.err
    );
}

#[test]
fn names_of_a_server_lead_nowhere_else() {
    let listing = b"-rw-r--r-- 1 a b 4 Jan  1  2020 ../evil\r\n-rw-r--r-- 1 a b 4 Jan  1  2020 ..\r\n\
        -rw-r--r-- 1 a b 4 Jan  1  2020 /tmp/evil\r\n-rw-r--r-- 1 a b 4 Jan  1  2020 good\x1b[2J\r\n";
    let config = Config::new()
        .like_vsftpd()
        .with(|config| config.listing = Some(listing.to_vec()));
    let (here, there) = (Here::new("names"), Scripted::start(config));
    there.put("/m/good\x1b[2J", "good");
    let ran = here.run(&["mirror", &there.url("m"), "in/dst"]);
    assert!(ran.err.contains("leads elsewhere"), "{}", ran.err);
    assert!(!here.exists("in/evil") && !Path::new("/tmp/evil").exists());
    assert!(here.exists("in/dst/good\x1b[2J"), "{}", ran.err);
    let shown = here.ok(&["ls", &there.url("m")]);
    for text in [&ran.err, &ran.out, &shown] {
        assert!(!text.contains('\x1b'), "{text:?}");
    }
}

#[test]
fn nothing_is_written_through_links() {
    let (here, there) = (Here::new("links"), Scripted::start(Config::new()));
    there.put("/m/d/f", "new");
    there.put("/m/g", "new");
    here.write("outside/f", "old");
    fs::create_dir_all(here.folder.join("dst")).unwrap();
    symlink("../outside", here.folder.join("dst/d")).unwrap();
    symlink("../outside/f", here.folder.join("dst/g")).unwrap();
    for words in [
        &["mirror", &there.url("m"), "dst"][..],
        &["get", "-r", "-o", "dst/", &there.url("m")],
        &["get", "-o", "dst", &there.url("m/*")],
        &["get", "-r", "-o", "dst", &there.url("m/d*")],
    ] {
        let _refused = here.run(words);
        assert_eq!(here.read("outside/f"), b"old", "{words:?}");
        assert_eq!(
            fs::read_dir(here.folder.join("outside")).unwrap().count(),
            1
        );
    }
    assert_eq!(here.run(&["mirror", &there.url("m"), "dst"]).code, 1);
    // Removed are links, and not what they lead to.
    here.ok(&["mirror", "--delete", &there.url("m"), "dst"]);
    assert_eq!(
        (here.read("outside/f"), here.read("dst/d/f")),
        (b"old".to_vec(), b"new".to_vec())
    );
}

#[test]
fn logins_come_from_a_file_and_passwords_are_not_shown() {
    let (here, there) = (Here::new("netrc"), Scripted::start(Config::new()));
    there.put("/f", "x");
    let address = there.server.address();
    here.write(".netrc", "machine 127.0.0.1 login u1 password secret\n");
    let netrc = here.folder.join(".netrc");
    fs::set_permissions(&netrc, fs::Permissions::from_mode(0o600)).unwrap();
    let ran = here.run(&["cat", "-vv", &format!("ftp://{address}/f")]);
    assert_eq!((ran.code, &*ran.out), (0, "x"), "{}", ran.err);
    assert!(
        ran.err.contains("> USER u1") && ran.err.contains("> PASS ****"),
        "{}",
        ran.err
    );
    assert!(!ran.err.contains("secret"), "{}", ran.err);
    fs::set_permissions(&netrc, fs::Permissions::from_mode(0o644)).unwrap();
    let ran = here.run(&["cat", "-u", "u1", &format!("ftp://{address}/f")]);
    assert!(
        ran.code == 0 && ran.err.contains("chmod 600"),
        "{}",
        ran.err
    );
    let ran = here.run(&["quote", "-v", &there.url(""), "SITE PASS x"]);
    assert!(!ran.err.contains("secret"), "{}", ran.err);
}

#[test]
fn ctrl_c_leaves_what_has_come() {
    let stall = Config::new().on("RETR", Reply::Data(DataFault::StallAt(300_000)));
    let (here, there) = (Here::new("interrupt"), Scripted::start(stall));
    there.put("/big", octets(2_000_000));
    let mut command = here.command(&["get", &there.url("big")]);
    let errors = here.folder.join("errors");
    let mut child = Child::spawn(command.stderr(File::create(&errors).unwrap()));
    let big = here.folder.join("big");
    until("a part of the file", LIMIT, || {
        fs::metadata(&big)
            .ok()
            .filter(|metadata| metadata.len() > 0)
    });
    let status = child.stop(Signal::SIGINT, LIMIT);
    assert_eq!(status.code(), Some(130));
    let errors = fs::read_to_string(errors).unwrap();
    assert!(
        errors.contains("big is not complete; -c goes on with it"),
        "{errors}"
    );
    assert!(big.exists());
}

#[test]
fn a_closed_pipe_is_no_failure() {
    let there = Scripted::start(Config::new());
    there.put("/big", octets(5_000_000));
    let script = format!(
        "set -o pipefail; '{}' cat '{}' | head -c 10 | wc -c",
        program().display(),
        there.url("big")
    );
    let output = Child::output(Command::new("bash").args(["-c", &script]), LIMIT);
    assert!(output.status.success(), "{output:?}");
    assert_eq!((output.stdout.trim(), &*output.stderr), ("10", ""));
}

#[test]
fn a_script_for_the_shell() {
    for config in styles() {
        let (here, there) = (Here::new("shell"), Scripted::start(config));
        there.put("/d/one.txt", "1");
        there.put("/d/two.txt", "2");
        there.put("/d/three", "3");
        here.write("up a", "a");
        here.write("up b", "b");
        let script = "# a remark\n\
            pwd\ncd d\npwd\nmget *.txt\nget three '3 copy'\nput \"up a\"\nmput up*\n\
            append 'up b' 'up a'\nmkdir new\nrename three new/three\nsize one.txt\nchmod 600 one.txt\n\
            delete one.txt two*\nls -1\nascii\ntype\nbinary\nnlist\ndir\nlpwd\nlcd /\nlpwd\n\
            modtime 'up b'\nquote NOOP\n!echo \"a   b\"\nhelp cd\nstatus\nbye\nget nothing\n";
        let ran = here.run_with(script, &["shell", &there.url("")]);
        assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
        let lines: Vec<&str> = ran.out.lines().collect();
        assert_eq!(lines[..2], ["/", "/d"]);
        assert!(
            ran.out.contains("a   b\n") && ran.out.contains("ascii\n"),
            "{}",
            ran.out
        );
        assert!(ran.out.contains("new\nup a\nup b\n"), "{}", ran.out);
        assert_eq!(
            (here.read("one.txt"), here.read("3 copy")),
            (b"1".to_vec(), b"3".to_vec())
        );
        assert_eq!(there.read("/d/up a").unwrap(), b"ab");
        assert_eq!(there.read("/d/new/three").unwrap(), b"3");
        assert!(there.read("/d/one.txt").is_none() && there.read("/d/two.txt").is_none());
    }
}

#[test]
fn a_script_ends_at_its_first_failure_if_asked() {
    let (here, there) = (Here::new("script"), Scripted::start(Config::new()));
    let script = "cd nowhere\nmkdir made\n";
    let ran = here.run_with(script, &["shell", "-e", &there.url("")]);
    assert_eq!((ran.code, there.server.count("MKD")), (1, 0));
    // Without, it goes on, and the status tells.
    let ran = here.run_with(script, &[&there.url("")]);
    assert_eq!((ran.code, there.server.count("MKD")), (1, 1));
    let lines = [
        "shell",
        "-e",
        "-x",
        "mkdir b",
        "-x",
        "frobnicate",
        "-x",
        "mkdir c",
        &there.url(""),
    ];
    assert_eq!((here.run(&lines).code, there.server.count("MKD")), (2, 2));
}

#[test]
fn servers_of_others_are_mirrored_with_and_without_tls() {
    let test = "servers_of_others_are_mirrored_with_and_without_tls";
    for product in PRODUCTS {
        for tls in [RealTls::None, RealTls::Explicit] {
            let config = RealConfig {
                tls,
                reuse_required: tls != RealTls::None && product != Product::PureFtpd,
                ..RealConfig::default()
            };
            let Some(server) = RealServer::start(test, product, &config) else {
                continue;
            };
            let here = Here::new("real");
            let file = server.certificate_file();
            let (scheme, ca) = match tls {
                RealTls::None => ("ftp:", ""),
                _ => ("ftpes:", file.to_str().unwrap()),
            };
            let url = server
                .url("w/m")
                .replacen("ftp:", scheme, 1)
                .replace(":@", "@");
            let trust: &[&str] = if ca.is_empty() { &[] } else { &["--ca", ca] };
            for at in 0..12 {
                here.write(&format!("src/d{}/f {at}", at % 3), octets(at * 10_000));
            }
            let mirror = |words: &[&str]| {
                let ran = here.run(&[&["mirror", "-j3"], words, trust].concat());
                assert_eq!(
                    ran.code,
                    0,
                    "{product:?} {tls:?}: {}\n{}",
                    ran.err,
                    server.log()
                );
                ran.err
            };
            assert!(mirror(&["src", &url]).contains("12 files copied"));
            assert!(mirror(&["src", &url]).contains("0 files copied, 12 the same"));
            assert!(mirror(&[&url, "dst"]).contains("12 files copied"));
            assert!(mirror(&[&url, "dst"]).contains("0 files copied, 12 the same"));
            let differ = Command::new("diff")
                .args(["-r", "src", "dst"])
                .current_dir(&here.folder)
                .status()
                .unwrap();
            assert!(differ.success());
            if tls != RealTls::None {
                // Whom nobody vouches for is refused, unless that is wanted.
                assert_eq!(here.run(&["ls", &url]).code, 1);
                here.ok(&["ls", "--insecure", &url]);
            }
            here.ok(&[&["rm", "-r", &url], trust].concat());
        }
    }
}
