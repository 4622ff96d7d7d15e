//! Names of program numbers: the `rpc` database, `/etc/rpc` (rpc-api §8).

use std::collections::HashMap;

use fairway_stack::Net;

/// Where the file is.
pub const PATH: &str = "/etc/rpc";

/// The most octets of the file that are read.
const MAX_FILE: usize = 1 << 20;

/// One entry: a program with its names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Program {
    /// The program number.
    pub number: u32,
    /// The name it is shown by.
    pub name: String,
    /// Other names it is found by.
    pub aliases: Vec<String>,
}

/// Names and numbers of programs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Programs {
    entries: Vec<Program>,
    by_number: HashMap<u32, usize>,
    by_name: HashMap<String, usize>,
}

/// The customary entries, in the form of the file.
const BUILT_IN: &str = "\
portmapper 100000 portmap sunrpc rpcbind
rstatd 100001 rstat rstat_svc rup perfmeter
rusersd 100002 rusers
nfs 100003 nfsprog
ypserv 100004 ypprog
mountd 100005 mount showmount
ypbind 100007
walld 100008 rwall shutdown
yppasswdd 100009 yppasswd
etherstatd 100010 etherstat
rquotad 100011 rquotaprog quota rquota
sprayd 100012 spray
3270_mapper 100013
rje_mapper 100014
selection_svc 100015 selnsvc
database_svc 100016
rexd 100017 rex
alis 100018
sched 100019
llockmgr 100020
nlockmgr 100021
statmon 100023
status 100024
bootparam 100026
ypupdated 100028 ypupdate
keyserv 100029 keyserver
tfsd 100037
nsed 100038
nsemntd 100039
pcnfsd 150001 pcnfs
amd 300019
fypxfrd 600100069 freebsd-ypxfrd
";

impl Programs {
    /// The customary entries alone.
    #[must_use]
    pub fn built_in() -> Self {
        Self::parse(BUILT_IN)
    }

    /// The machine's file, and the customary entries for what it does not name. A file that is not there or cannot
    /// be read counts as empty.
    ///
    /// # Cancel safety
    /// Dropping it stops reading.
    pub async fn load(net: &Net) -> Self {
        Self::load_from(net, PATH).await
    }

    /// [`load`](Self::load) from another file.
    ///
    /// # Cancel safety
    /// Dropping it stops reading.
    pub async fn load_from(net: &Net, path: &str) -> Self {
        let octets = net.files().read(path).await.unwrap_or_default();
        let text = String::from_utf8_lossy(octets.get(..MAX_FILE).unwrap_or(&octets)).into_owned();
        let mut programs = Self::parse(&text);
        programs.read(BUILT_IN);
        programs
    }

    /// Entries of text in the form of the file: name, number, aliases, separated by blanks; `#` begins a comment. Lines
    /// that are not of this form are passed over. The first entry of a name or number counts.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut programs = Self::default();
        programs.read(text);
        programs
    }

    fn read(&mut self, text: &str) {
        for line in text.lines() {
            let line = line.split('#').next().unwrap_or_default();
            let mut words = line.split_ascii_whitespace();
            let (Some(name), Some(number)) = (words.next(), words.next()) else {
                continue;
            };
            let Ok(number) = number.parse() else {
                continue;
            };
            let entry = Program {
                number,
                name: name.to_owned(),
                aliases: words.map(str::to_owned).collect(),
            };
            let index = self.entries.len();
            self.by_number.entry(number).or_insert(index);
            for name in entry.aliases.iter().chain([&entry.name]) {
                self.by_name.entry(name.clone()).or_insert(index);
            }
            self.entries.push(entry);
        }
    }

    /// The entry of a program number (`getrpcbynumber`).
    #[must_use]
    pub fn by_number(&self, number: u32) -> Option<&Program> {
        self.entries.get(*self.by_number.get(&number)?)
    }

    /// The entry with this name or alias (`getrpcbyname`).
    #[must_use]
    pub fn by_name(&self, name: &str) -> Option<&Program> {
        self.entries.get(*self.by_name.get(name)?)
    }

    /// All entries in the order of the file, then the customary ones (`getrpcent`).
    pub fn iter(&self) -> impl Iterator<Item = &Program> {
        self.entries.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// rpc-api §8.
    mod section_8 {
        use super::*;

        #[test]
        fn customary_programs_are_known_by_name_alias_and_number() {
            let programs = Programs::built_in();
            for (name, number) in [
                ("portmapper", 100_000),
                ("sunrpc", 100_000),
                ("rup", 100_001),
                ("nfs", 100_003),
                ("showmount", 100_005),
                ("nlockmgr", 100_021),
                ("pcnfs", 150_001),
            ] {
                assert_eq!(programs.by_name(name).unwrap().number, number, "{name}");
            }
            assert_eq!(programs.by_number(100_005).unwrap().name, "mountd");
            assert_eq!(programs.by_number(1), None);
        }

        #[test]
        fn comments_blanks_and_broken_lines_are_passed_over() {
            let programs = Programs::parse(
                "# file\n\n\t one   17 uno ein # comment two 18\nbad number\nalone\nhex 0x11\n\
                 big 4294967296\ntwo 18#x\n",
            );
            let numbers: Vec<u32> = programs.iter().map(|entry| entry.number).collect();
            assert_eq!(numbers, [17, 18]);
            assert_eq!(programs.by_name("ein").unwrap().aliases, ["uno", "ein"]);
            assert_eq!(programs.by_name("comment"), None);
        }

        #[test]
        fn the_first_entry_counts() {
            let programs = Programs::parse("a 1 x\nb 1\nc 2 x\n");
            assert_eq!(programs.by_number(1).unwrap().name, "a");
            assert_eq!(programs.by_name("x").unwrap().number, 1);
            assert_eq!(programs.by_name("b").unwrap().number, 1);
        }
    }

    #[tokio::test]
    async fn missing_file_leaves_the_customary_entries() {
        let programs = Programs::load_from(&Net::system(), "/nonexistent/rpc").await;
        assert_eq!(programs, Programs::built_in());
    }
}
