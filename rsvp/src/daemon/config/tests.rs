use core::time::Duration;

use super::*;

fn parsed(text: &str) -> Config {
    Config::parse(Path::new("r.toml"), text).unwrap()
}

fn error(text: &str) -> String {
    Config::parse(Path::new("r.toml"), text)
        .unwrap_err()
        .to_string()
}

const EVERYTHING: &str = r#"
control_socket = ""
metrics = "127.0.0.1:9746"
router = "yes"
other_interfaces = "ignore"

[limits]
sessions = 7

[defaults]
refresh = "10s"

[interface.eth0]
bandwidth = "20Mbit/s"
reservable = "5Mbit/s"
per_flow = "50%"
udp = "only via 192.0.2.1"
hello = "1s"
authentication = "optional"

[[interface.eth0.key]]
id = 1
secret = "rsvp-example-key"
ends = "2026-07-01T00:00:00Z"

[[interface.eth0.key]]
id = 2
algorithm = "hmac-sha1"
secret_file = "/etc/rsvpd.key"
neighbour = "192.0.2.9"

[interface."eth1.5"]
enabled = true

[[sender]]
destination = "239.1.2.3:5004"
source = "192.0.2.1:5004"
traffic = { rate = "5Mbit/s", peak = "10Mbit/s" }

[[reservation]]
destination = "239.1.2.3:5004"
style = "se"
senders = ["192.0.2.1:5004"]
service = "guaranteed"
delay = "30ms"
confirm = true
"#;

#[test]
fn nothing_is_the_default() {
    assert_eq!(parsed(""), Config::default());
}

/// STYLE §11: what `--print-config` prints parses to the same value.
#[test]
fn what_is_printed_parses_to_the_same() {
    for text in ["", EVERYTHING] {
        let config = parsed(text);
        let printed = config.to_toml();
        assert_eq!(parsed(&printed), config, "{printed}");
    }
}

/// STYLE §11: the shipped file explains each key and shows the default commented out.
#[test]
fn the_shipped_file_shows_the_defaults() {
    let shipped = include_str!("../../../etc/rsvpd.toml");
    assert_eq!(parsed(shipped), Config::default());
    let shown: String = shipped
        .lines()
        .filter_map(|line| match line.strip_prefix('#') {
            Some(shown) if shown.starts_with(|c: char| c.is_ascii_lowercase()) => {
                Some(format!("{shown}\n"))
            }
            Some(_) => None,
            None => Some(format!("{line}\n")),
        })
        .collect();
    assert_eq!(parsed(&shown), Config::default());
    let all: toml::Table = toml::from_str(&Config::default().to_toml()).unwrap();
    let told: toml::Table = toml::from_str(&shown).unwrap();
    let keys = |table: &toml::Table| table.keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&all), keys(&told));
    for table in ["limits", "defaults"] {
        let keys_of = |of: &toml::Table| {
            let mut keys = keys(of[table].as_table().unwrap());
            keys.retain(|key| key != "key"); // a list of tables: shown as an example
            keys
        };
        assert_eq!(keys_of(&all), keys_of(&told), "{table}");
    }
}

/// The examples below the defaults, which are commented out with a space, are good, too.
#[test]
fn the_examples_of_the_shipped_file_parse() {
    let shipped = include_str!("../../../etc/rsvpd.toml");
    let (_, examples) = shipped.split_once("# Examples\n").unwrap();
    let text: String = examples
        .lines()
        .filter_map(|line| line.strip_prefix("#  "))
        .map(|line| format!("{line}\n"))
        .collect();
    let config = parsed(&text);
    assert!(!config.interface.is_empty());
    assert!(!config.sender.is_empty());
    assert!(!config.reservation.is_empty());
}

/// STYLE §11: errors give file, line, key.
#[test]
fn errors_name_file_line_and_key() {
    for (text, expected) in [
        (
            "router = \"yes\"\nruter = 1\n",
            "r.toml:2: key `ruter`: unknown field `ruter`",
        ),
        (
            "router = \"perhaps\"\n",
            "r.toml:1: key `router`: unknown variant `perhaps`",
        ),
        (
            "[defaults]\nrefresh = 30\n",
            "r.toml:2: key `defaults.refresh`: invalid type: integer `30`, expected a span of time",
        ),
        (
            "[defaults]\n\nrefresh = \"30\"\n",
            "r.toml:3: key `defaults.refresh`: `30` is not a span of time",
        ),
        (
            "[interface.eth0]\nenabled = true\nbandwidth = \"10\"\n",
            "r.toml:3: key `interface.eth0.bandwidth`: `10` is not \"auto\", or a rate",
        ),
        (
            "[interface.eth0]\nrefresh = \"1ms\"\n",
            "r.toml:2: key `interface.eth0.refresh`: from 100ms to 65535s",
        ),
        (
            "[interface.eth0]\nttl_limit = 256\n",
            "r.toml:2: key `interface.eth0.ttl_limit`: invalid value: integer `256`, expected a number from 0 to 255",
        ),
        (
            "[interface.eth0]\nauthentication = \"required\"\n",
            "r.toml:2: key `interface.eth0.authentication`: there is no key to sign with",
        ),
        (
            "[[interface.eth0.key]]\nid = 1\nsecret = \"a\"\n[[interface.eth0.key]]\nid = 2\n",
            "r.toml:5: key `interface.eth0.key.id`: a key needs a secret",
        ),
        (
            "[[interface.eth0.key]]\nid = 1\nsecret = \"\"\n",
            "r.toml:3: key `interface.eth0.key.secret`: a key of no octets is none",
        ),
        (
            "[limits]\nsessions = 0\n",
            "r.toml:2: key `limits.sessions`: at least 1",
        ),
        (
            "metrics = \"192.0.2.1:80\"\n",
            "r.toml:1: key `metrics`: 192.0.2.1:80 can be reached by others",
        ),
        (
            "metrics = \"here\"\n",
            "r.toml:1: key `metrics`: `here` is no address",
        ),
        (
            "control_mode = \"999\"\n",
            "r.toml:1: key `control_mode`: `999` is not permissions",
        ),
        (
            "[[sender]]\ndestination = \"192.0.2.1:1\"\ntraffic = { rate = \"1Mbit/s\" }\n[[sender]]\ndestination = \"192.0.2.1:1\"\nsource = \"::1\"\ntraffic = { rate = \"1Mbit/s\" }\n",
            "r.toml:6: key `sender.source`: of another family",
        ),
        (
            "[[reservation]]\ndestination = \"192.0.2.1:1\"\ndelay = \"1s\"\n",
            "r.toml:3: key `reservation.delay`: only guaranteed service",
        ),
        (
            "[[reservation]]\nstyle = \"wf\"\n",
            "r.toml:1: key `reservation`: missing field `destination`",
        ),
    ] {
        let told = error(text);
        assert!(told.starts_with(expected), "{told} for {text:?}");
    }
}

#[test]
fn tables_win_over_defaults_and_defaults_over_what_is_built_in() {
    let config = parsed(EVERYTHING);
    let keys = config.keys("eth0");
    assert_eq!(keys.bandwidth.to_string(), "20Mbit/s");
    assert_eq!(keys.refresh.0, Duration::from_secs(10));
    assert_eq!(keys.keep_multiplier, 3);
    assert!(keys.enabled);
    assert!(config.keys("eth1.5").enabled);
    assert!(!config.keys("eth9").enabled);
    assert!(parsed("").keys("eth9").enabled);
}

struct Files(&'static [(&'static str, &'static str)]);

impl ReadSecret for Files {
    fn read(&mut self, file: &Path) -> Result<Vec<u8>, String> {
        let found = self.0.iter().find(|(name, _)| Path::new(name) == file);
        found
            .map(|(_, text)| text.as_bytes().to_vec())
            .ok_or_else(|| "not found".to_owned())
    }
}

/// RFC 2747 §5: several keys, each with its life.
#[test]
fn keys_come_from_the_file_or_from_files_of_their_own() {
    let load = |files| parsed(EVERYTHING).load(Path::new("r.toml"), EVERYTHING, &mut Files(files));
    let loaded = load(&[("/etc/rsvpd.key", "hush\n")]).unwrap();
    let security = loaded.settings("eth0").security.unwrap();
    assert_eq!(security.keys.len(), 2);
    assert!(!security.required);
    assert_eq!(security.keys[0].ends, 1_782_864_000);
    assert_eq!(security.keys[1].ends, u64::MAX);
    assert!(loaded.settings("eth1.5").security.is_none());
    let line = 1 + EVERYTHING
        .lines()
        .position(|line| line.starts_with("secret_file"))
        .unwrap();
    for (files, what) in [
        (&[][..], "not found"),
        (&[("/etc/rsvpd.key", "\n")][..], "there is no key in it"),
    ] {
        assert_eq!(
            load(files).unwrap_err().to_string(),
            format!("r.toml:{line}: key `interface.eth0.key.secret_file`: /etc/rsvpd.key: {what}")
        );
    }
}

#[test]
fn secrets_are_not_in_what_is_debugged() {
    let config = parsed(EVERYTHING);
    assert!(config.holds_secrets());
    assert!(!format!("{config:?}").contains("example-key"));
}

/// A name that is misspelt is no error, for interfaces come and go; but one wants to know.
#[test]
fn interfaces_that_are_not_there_are_named_with_their_line() {
    let text = "\n[interface.eth0]\nenabled = false\n[interface.\"eth1.7\"]\n[[interface.eth9.key]]\nid = 1\nsecret = \"x\"\n";
    let config = Config::parse(Path::new("r.toml"), text).unwrap();
    let machine = ["lo", "eth0"].map(str::to_owned);
    let missing = config.missing_interfaces(text, &machine);
    assert_eq!(missing, [("eth1.7", Some(4)), ("eth9", Some(5))]);
}

/// A level misspelt would be taken for a target, and nothing logged.
/// What no interface lives by needs no keys.
#[test]
fn keys_are_expected_where_something_is_signed() {
    let signed = "[defaults]\nauthentication = \"required\"\n";
    let ignore = "other_interfaces = \"ignore\"\n";
    let keys = "[[interface.eth0.key]]\nid = 1\nsecret = \"hush\"\n";
    let disabled = "[interface.eth1]\nenabled = false\n";
    for good in [
        format!("{ignore}{signed}{keys}"),
        format!("{ignore}{signed}{keys}{disabled}"),
        format!("{signed}enabled = false\n{keys}"),
        "[interface.eth1]\nenabled = false\nauthentication = \"required\"\n".to_owned(),
    ] {
        let config = parsed(&good);
        assert_eq!(config.keys("eth0").key.len(), good.matches("key]]").count());
    }
    for (wrong, key) in [
        (format!("{signed}{keys}"), "defaults"),
        (
            format!("{ignore}{signed}[interface.eth1]\n"),
            "interface.eth1",
        ),
        (
            format!("{signed}enabled = false\n[interface.eth1]\nenabled = true\n"),
            "interface.eth1",
        ),
    ] {
        let told = error(&wrong);
        let expected = format!("key `{key}.authentication`: there is no key to sign with");
        assert!(told.ends_with(&expected), "{told}");
    }
    // Other mistakes are some everywhere.
    let told = error(&format!("{ignore}[defaults]\nrefresh = \"1ms\"\n"));
    assert_eq!(
        told,
        "r.toml:3: key `defaults.refresh`: from 100ms to 65535s"
    );
}

/// Time passes without anybody reading a configuration.
#[test]
fn keys_of_which_none_is_valid_are_named_with_their_line() {
    let text = "\
[defaults]
authentication = \"required\"
[[defaults.key]]
id = 1
secret = \"a\"
starts = \"1970-01-01T00:16:40Z\"
ends = \"1970-01-01T00:33:20Z\"
[[defaults.key]]
id = 2
secret = \"b\"
starts = \"1970-01-01T00:25:00Z\"
ends = \"1970-01-01T00:41:40Z\"
[interface.eth0]
bandwidth = \"1Mbit/s\"
[[interface.eth1.key]]
id = 1
secret = \"c\"
starts = \"1970-01-01T00:50:00Z\"
[interface.eth2]
authentication = \"off\"
[[interface.eth2.key]]
id = 1
secret = \"d\"
ends = \"1970-01-01T00:00:01Z\"
";
    let loaded = parsed(text).load(Path::new("r.toml"), text, &mut Files(&[]));
    let loaded = loaded.unwrap();
    let told = |now| -> Vec<String> {
        let all = loaded.without_key(now);
        all.map(|of| format!("{} {} {}", of.line.unwrap(), of.key, of.what))
            .collect()
    };
    let early =
        "6 defaults.key.starts no key is valid yet: the first one begins 1970-01-01T00:16:40Z";
    let eth1 = "18 interface.eth1.key.starts no key is valid yet: the first one begins 1970-01-01T00:50:00Z";
    let late =
        "12 defaults.key.ends no key is valid any more: the last one ended 1970-01-01T00:41:40Z";
    assert_eq!(told(999), [early, eth1]);
    assert_eq!(told(1000), [eth1]);
    assert_eq!(told(2500), [eth1]);
    assert_eq!(told(2501), [late, eth1]);
    assert_eq!(told(3000), [late]);
}

#[test]
fn what_is_logged_has_levels() {
    for wrong in ["debgu", "foo=bar", "info,foo=bar"] {
        let text = format!("\nlog = \"{wrong}\"\n");
        let told = Config::parse(Path::new("r.toml"), &text).unwrap_err();
        let told = told.to_string();
        assert!(told.starts_with("r.toml:2: key `log`: `"), "{told}");
        assert!(told.contains("has none of the levels off, error"), "{told}");
    }
}

#[test]
fn keys_that_count_at_the_start_only_are_those_that_differ() {
    let of = |text| parsed(EVERYTHING).only_at_start(&parsed(text));
    assert_eq!(of(EVERYTHING), [""; 0]);
    let default = parsed("");
    for (text, keys) in [
        (
            "router = \"yes\"\nmetrics = \"127.0.0.1:9\"\n",
            "metrics router",
        ),
        (
            "rapi_socket = \"\"\ncontrol_socket = \"\"\n",
            "control_socket rapi_socket",
        ),
        (
            "user = []\n[limits]\nsessions = 1\nlog_entries = 1\n",
            "user limits.sessions limits.log_entries",
        ),
        // These count at once.
        (
            "log = \"off\"\nother_interfaces = \"ignore\"\n[limits]\napplications = 1\nmemberships = 1\n",
            "",
        ),
    ] {
        assert_eq!(default.only_at_start(&parsed(text)).join(" "), keys);
    }
}
