//! The commands of the shell.

use super::words::Word;
use super::{Next, Shell};
use crate::args::{LsArgs, SortBy, parse_mode};
use crate::exit::{Failure, Outcome};
use crate::glob::{Found, Pattern, expand};
use crate::jobs::each;
use crate::ls::{self, Style};
use crate::output::{clean, colours, name, print};
use crate::transfer::{self, GetJob, PutJob, PutVerb, Way, get_to_stdout};
use crate::url::name_of;
use crate::walk;
use fairway_ftp::session::Verb;
use fairway_ftp::{DataMode, Name};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What the arguments of a command name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Takes {
    Nothing,
    Remote,
    Local,
}

/// A command.
pub(super) struct Command {
    pub(super) name: &'static str,
    pub(super) aliases: &'static [&'static str],
    /// At least and at most so many.
    pub(super) arguments: (usize, usize),
    /// What they name, the last again and again.
    pub(super) takes: &'static [Takes],
    pub(super) usage: &'static str,
    pub(super) help: &'static str,
}

const MANY: usize = usize::MAX;

macro_rules! commands {
    ($($name:literal $aliases:expr, $least:expr, $most:expr, $takes:expr, $usage:literal, $help:literal;)+) => {
        &[$(Command {
            name: $name,
            aliases: &$aliases,
            arguments: ($least, $most),
            takes: &$takes,
            usage: $usage,
            help: $help,
        },)+]
    };
}

use Takes::{Local, Remote};

/// All commands, as `help` lists them.
pub(super) const COMMANDS: &[Command] = commands! {
    "open" [], 1, 2, [], "URL|HOST [PORT]", "connect to a server";
    "close" ["disconnect"], 0, 0, [], "", "leave it";
    "cd" [], 0, 1, [Remote], "[DIR]", "change the directory there; without DIR, back to the first";
    "lcd" [], 0, 1, [Local], "[DIR]", "change the directory here";
    "pwd" [], 0, 0, [], "", "the directory there";
    "lpwd" [], 0, 0, [], "", "the directory here";
    "ls" [], 0, MANY, [Remote], "[PATH…]", "list, as a table";
    "dir" [], 0, 1, [Remote], "[PATH]", "list, as the server writes it";
    "nlist" ["nls"], 0, 1, [Remote], "[PATTERN]", "names only, as the server writes them";
    "get" ["recv"], 1, 2, [Remote, Local], "REMOTE [LOCAL]", "get a file; - is the terminal";
    "reget" [], 1, 2, [Remote, Local], "REMOTE [LOCAL]", "go on with a get that was interrupted";
    "mget" [], 1, MANY, [Remote], "PATTERN…", "get files";
    "put" ["send"], 1, 2, [Local, Remote], "LOCAL [REMOTE]", "put a file";
    "mput" [], 1, MANY, [Local], "PATTERN…", "put files";
    "append" [], 2, 2, [Local, Remote], "LOCAL REMOTE", "put behind what the file there has";
    "cat" ["page"], 1, MANY, [Remote], "REMOTE…", "print files";
    "delete" ["rm"], 1, MANY, [Remote], "PATTERN…", "remove files there";
    "rename" ["mv"], 2, 2, [Remote, Remote], "FROM TO", "rename there";
    "mkdir" [], 1, MANY, [Remote], "DIR…", "make directories there";
    "rmdir" [], 1, MANY, [Remote], "DIR…", "remove empty directories there";
    "chmod" [], 2, MANY, [Takes::Nothing, Remote], "MODE PATTERN…", "set permissions, as 644";
    "size" [], 1, MANY, [Remote], "REMOTE…", "sizes in octets";
    "modtime" [], 1, MANY, [Remote], "REMOTE…", "when files were changed";
    "site" [], 1, MANY, [], "WORD…", "a command of the server's own";
    "quote" ["literal"], 1, MANY, [], "WORD…", "a line to the server as it is";
    "type" [], 0, 1, [], "[ascii|binary]", "how files are moved";
    "ascii" [], 0, 0, [], "", "as text, with line ends converted";
    "binary" ["image"], 0, 0, [], "", "as octets; the default";
    "passive" [], 0, 0, [], "", "we make the data connections";
    "active" [], 0, 0, [], "", "the server makes them";
    "verbose" [], 0, 0, [], "", "show the conversation, or not any more";
    "status" [], 0, 0, [], "", "what is set, and what the server says";
    "help" ["?"], 0, 1, [], "[COMMAND]", "this list, or about one command";
    "bye" ["quit", "exit"], 0, 0, [], "", "leave";
};

/// The command of that name, or whose name begins so.
pub(super) fn find(name: &str) -> Outcome<&'static Command> {
    let wanted = name.to_ascii_lowercase();
    let exact = |command: &&Command| command.name == wanted || command.aliases.contains(&&*wanted);
    if let Some(command) = COMMANDS.iter().find(exact) {
        return Ok(command);
    }
    let begins = |command: &&Command| {
        command.name.starts_with(&wanted)
            || command
                .aliases
                .iter()
                .any(|alias| alias.starts_with(&wanted))
    };
    let fitting: Vec<&Command> = COMMANDS.iter().filter(begins).collect();
    match *fitting {
        [command] => Ok(command),
        [] => Err(Failure::usage(format!(
            "{}: no such command; try help",
            clean(name)
        ))),
        _ => {
            let names: Vec<&str> = fitting.iter().map(|command| command.name).collect();
            Err(Failure::usage(format!(
                "{}: which one? {}",
                clean(name),
                names.join(", ")
            )))
        }
    }
}

/// Runs a command whose arguments are as many as it takes.
pub(super) async fn run(shell: &mut Shell, command: &str, words: &[Word]) -> Outcome<Next> {
    let first = words.first();
    match command {
        "open" => {
            let text = first.map(|word| word.text.as_str()).unwrap_or_default();
            shell
                .open(text, words.get(1).map(|word| word.text.as_str()))
                .await?;
        }
        "close" => shell.close().await,
        "bye" => return Ok(Next::End),
        "help" => {
            print(&Shell::help(first)?);
        }
        "lcd" => shell.lcd(first).await?,
        "lpwd" => {
            print(&format!("{}\n", shell.local.display()));
        }
        "type" | "ascii" | "binary" => shell.set_type(command, first)?,
        "verbose" => {
            let verbose = !shell.verbose;
            shell.set_verbose(verbose);
            shell
                .tool
                .tell(if verbose { "verbose" } else { "not verbose" });
        }
        "cd" => shell.cd(first).await?,
        "pwd" => {
            let path = shell.site()?.pwd().await?;
            print(&format!("{}\n", name(path.raw())));
        }
        "passive" => shell.set_mode(DataMode::Passive).await?,
        "active" => shell.set_mode(DataMode::Active).await?,
        "ls" => shell.ls(words).await?,
        "dir" => shell.raw_listing(Verb::List, first).await?,
        "nlist" => shell.raw_listing(Verb::Nlst, first).await?,
        "get" | "reget" => shell.get(words, command == "reget").await?,
        "mget" => shell.mget(words).await?,
        "put" | "append" => shell.put(words, command == "append").await?,
        "mput" => shell.mput(words).await?,
        "site" | "quote" => shell.quote(command == "site", words).await?,
        "status" => shell.status().await?,
        "rename" => {
            if let [from, to] = words {
                let renamed = shell.site()?.rename(&*from.text, &*to.text).await;
                renamed.map_err(|error| Failure::ftp(name(from.text.as_bytes()), &error))?;
            }
        }
        _ => shell.each_path(command, words).await?,
    }
    Ok(Next::Line)
}

impl Shell {
    async fn lcd(&mut self, to: Option<&Word>) -> Outcome {
        let to = match to {
            Some(word) => self.local.join(&word.text),
            None => PathBuf::from(std::env::var_os("HOME").unwrap_or_else(|| "/".into())),
        };
        match self.tool.files().metadata(&to).await {
            Ok(metadata) if metadata.is_dir() => {}
            Ok(_) => return Err(Failure::usage(format!("{}: not a directory", to.display()))),
            Err(error) => return Err(Failure::usage(format!("{}: {error}", to.display()))),
        }
        // Without the ".." and links on the way.
        self.local = std::fs::canonicalize(&to).unwrap_or(to);
        crate::tool::lock(&self.places)
            .local
            .clone_from(&self.local);
        Ok(())
    }

    async fn cd(&mut self, to: Option<&Word>) -> Outcome {
        let site = self.site()?;
        match to {
            Some(word) if word.text == ".." => site.cdup().await?,
            Some(word) => {
                let moved = site.cd(&*word.text).await;
                moved.map_err(|error| Failure::ftp(name(word.text.as_bytes()), &error))?;
            }
            // A new handle is where the login leads to.
            None => self.site = Some(self.tool.client.site(site.server().clone())),
        }
        self.locate().await;
        Ok(())
    }

    fn set_type(&mut self, command: &str, word: Option<&Word>) -> Outcome {
        match word.map_or(command, |word| word.text.as_str()) {
            "ascii" | "a" | "text" => self.text = true,
            "binary" | "i" | "image" => self.text = false,
            "type" => {
                print(if self.text { "ascii\n" } else { "binary\n" });
                return Ok(());
            }
            other => return Err(Failure::usage(format!("{}: ascii or binary", clean(other)))),
        }
        Ok(())
    }

    /// The same server, with connections made the other way.
    async fn set_mode(&mut self, mode: DataMode) -> Outcome {
        let site = self.site()?;
        let here = site.pwd().await?;
        let other = self.tool.client.site(site.server().clone().data_mode(mode));
        other.cd(&here).await?;
        self.site = Some(other);
        self.locate().await;
        Ok(())
    }

    async fn ls(&self, words: &[Word]) -> Outcome {
        let (flags, paths): (Vec<&Word>, Vec<&Word>) = words
            .iter()
            .partition(|word| word.text.starts_with('-') && word.text.len() > 1);
        let all = flags.iter().any(|flag| flag.text.contains('a'));
        let style = Style {
            names: flags.iter().any(|flag| flag.text.contains('1')),
            bytes: false,
            json: self.tool.options.json,
            colours: colours(),
        };
        let args = LsArgs {
            urls: Vec::new(),
            long: false,
            names: style.names,
            all,
            bytes: false,
            directory: false,
            sort: SortBy::Name,
            reverse: false,
            no_glob: false,
        };
        let site = self.site()?;
        let current = Word::default();
        let paths = if paths.is_empty() {
            vec![&current]
        } else {
            paths
        };
        for path in &paths {
            let mut loose = Vec::new();
            for found in expand(site, &path.path().trimmed(), false).await? {
                match found.entry {
                    Some(entry) if !entry.kind.is_directory() => {
                        loose.push(ls::Row::new(site, entry, found.path));
                    }
                    _ => {
                        let mut rows = ls::rows(site, &found.path, all).await?;
                        ls::sort(&mut rows, &args);
                        ls::show(&rows, style);
                    }
                }
            }
            ls::show(&loose, style);
        }
        Ok(())
    }

    async fn raw_listing(&self, verb: Verb, path: Option<&Word>) -> Outcome {
        let path = path.map(|word| Name::from(&word.text));
        let text = self.site()?.listing(verb, path.as_ref()).await?;
        print(&clean(
            &String::from_utf8_lossy(&text).replace("\r\n", "\n"),
        ));
        Ok(())
    }

    fn way(&self, resume: bool) -> Way {
        Way {
            text: self.text,
            resume,
            keep_time: true,
            ..Way::default()
        }
    }

    async fn get(&self, words: &[Word], resume: bool) -> Outcome {
        let site = self.site()?;
        let Some(remote) = words.first() else {
            return Ok(());
        };
        let path = Name::from(&remote.text);
        if words.get(1).is_some_and(|word| word.text == "-") {
            return get_to_stdout(&self.tool, site, &path, &self.way(false)).await;
        }
        let last = remote.path().file_name();
        let local = match words.get(1) {
            Some(word) => self.local.join(&word.text),
            None if matches!(&*last, b"" | b"." | b"..") => {
                return Err(Failure::usage(format!(
                    "{} names no file",
                    clean(&remote.text)
                )));
            }
            None => self.local.join(OsStr::from_bytes(&last)),
        };
        let is_directory =
            matches!(self.tool.files().metadata(&local).await, Ok(it) if it.is_dir());
        let job = GetJob {
            site: site.clone(),
            remote: path,
            local: if is_directory {
                local.join(OsStr::from_bytes(&last))
            } else {
                local
            },
            size: None,
            time: None,
        };
        let total = self.tool.board.total(1, None);
        transfer::get(Arc::clone(&self.tool), job, self.way(resume), total).await?;
        Ok(())
    }

    /// What the words lead to there, directories left out.
    async fn found(&self, words: &[Word]) -> Outcome<Vec<Found>> {
        let site = self.site()?;
        let mut all = Vec::new();
        for word in words {
            let found = expand(site, &word.path().trimmed(), false).await?;
            let files = found
                .into_iter()
                .filter(|found| !matches!(&found.entry, Some(entry) if entry.kind.is_directory()));
            all.extend(files);
        }
        Ok(all)
    }

    async fn mget(&self, words: &[Word]) -> Outcome {
        let site = self.site()?;
        let mut jobs = Vec::new();
        for found in self.found(words).await? {
            let last = found
                .path
                .raw()
                .rsplit(|octet| *octet == b'/')
                .next()
                .unwrap_or_default();
            if matches!(last, b"" | b"." | b"..") {
                continue;
            }
            jobs.push(GetJob {
                site: site.clone(),
                local: walk::safe_file(&self.tool, &self.local, last).await?,
                size: found
                    .entry
                    .as_ref()
                    .and_then(|entry| walk::node_of(entry).size),
                time: found.entry.and_then(|entry| entry.modified),
                remote: found.path,
            });
        }
        let total = self
            .tool
            .board
            .total(jobs.len(), jobs.iter().map(|job| job.size).sum());
        let way = self.way(false);
        let work = |job| transfer::get(Arc::clone(&self.tool), job, way.clone(), total.clone());
        each(&self.tool, jobs, 1, work).await.1
    }

    async fn put(&self, words: &[Word], append: bool) -> Outcome {
        let Some(word) = words.first() else {
            return Ok(());
        };
        let local = self.local.join(&word.text);
        let remote = match words.get(1) {
            Some(word) => Name::from(&word.text),
            None => last_of(&local)?,
        };
        let verb = if append {
            PutVerb::Append
        } else {
            PutVerb::Replace
        };
        self.put_all(vec![(local, remote)], verb).await
    }

    async fn put_all(&self, files: Vec<(PathBuf, Name)>, verb: PutVerb) -> Outcome {
        let site = self.site()?;
        let mut jobs = Vec::new();
        for (local, remote) in files {
            let metadata = self.tool.files().metadata(&local).await;
            let metadata = metadata
                .map_err(|error| Failure::usage(format!("{}: {error}", local.display())))?;
            jobs.push(PutJob {
                site: site.clone(),
                local,
                remote,
                size: Some(metadata.len),
                verb,
            });
        }
        let total = self
            .tool
            .board
            .total(jobs.len(), jobs.iter().map(|job| job.size).sum());
        let way = self.way(false);
        let work = |job| transfer::put(Arc::clone(&self.tool), job, way.clone(), total.clone());
        each(&self.tool, jobs, 1, work).await.1
    }

    async fn mput(&self, words: &[Word]) -> Outcome {
        let mut files = Vec::new();
        for word in words {
            let found = self.local_files(word).await?;
            if found.is_empty() {
                return Err(Failure::usage(format!(
                    "nothing here matches {}",
                    clean(&word.text)
                )));
            }
            for path in found {
                let remote = last_of(&path)?;
                files.push((path, remote));
            }
        }
        self.put_all(files, PutVerb::Replace).await
    }

    /// The local files that a word stands for; only its last part may be a pattern.
    async fn local_files(&self, word: &Word) -> Outcome<Vec<PathBuf>> {
        let slash = word.text.rfind('/').map_or(0, |at| at + 1);
        let (directory, last) = word.text.split_at(slash);
        let pattern = Pattern::new(
            last.as_bytes(),
            word.quoted.get(slash..).unwrap_or_default(),
        );
        let directory = self.local.join(directory);
        if pattern.literal().is_some() {
            return Ok(vec![directory.join(last)]);
        }
        let entries = self.tool.files().read_dir(&directory).await;
        let entries =
            entries.map_err(|error| Failure::usage(format!("{}: {error}", directory.display())))?;
        let hidden = last.starts_with('.');
        Ok(entries
            .into_iter()
            .filter(|entry| entry.metadata.is_file())
            .filter(|entry| pattern.matches(entry.name.as_bytes()))
            .filter(|entry| hidden || !entry.name.as_bytes().starts_with(b"."))
            .map(|entry| directory.join(entry.name))
            .collect())
    }

    async fn quote(&self, is_site: bool, words: &[Word]) -> Outcome {
        let site = self.site()?;
        let words: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
        let line = words.join(" ");
        let line = if is_site {
            format!("SITE {line}")
        } else {
            line
        };
        let reply = site.quote(line).await?;
        print(&format!("{}\n", crate::output::reply(&reply)));
        if reply.is_negative() {
            return Err(Failure::told(crate::exit::Exit::Refused));
        }
        Ok(())
    }

    async fn status(&self) -> Outcome {
        let mode = if self.text { "ascii" } else { "binary" };
        print(&format!(
            "here {}, type {mode}, {}\n",
            self.local.display(),
            if self.verbose {
                "verbose"
            } else {
                "not verbose"
            }
        ));
        let Some(site) = &self.site else {
            print("not connected\n");
            return Ok(());
        };
        let plan = match site.server().tls_plan() {
            fairway_ftp::Tls::None => "no TLS",
            fairway_ftp::Tls::IfOffered => "TLS if the server has it",
            fairway_ftp::Tls::Explicit => "TLS",
            fairway_ftp::Tls::Implicit => "implicit TLS",
        };
        print(&format!(
            "there {}, {plan}\n",
            clean(&site.server().to_string())
        ));
        let reply = site.status(None).await?;
        print(&format!("{}\n", clean(&reply.text())));
        Ok(())
    }

    /// Commands that do the same with each of their paths.
    async fn each_path(&self, command: &str, words: &[Word]) -> Outcome {
        let site = self.site()?;
        let mut words = words;
        let mut mode = 0;
        if command == "chmod"
            && let Some((first, rest)) = words.split_first()
        {
            mode = parse_mode(&first.text).map_err(Failure::usage)?;
            words = rest;
        }
        let mut failure = None;
        for word in words {
            // A directory that is to be made matches nothing.
            let found = if command == "mkdir" {
                vec![Name::from(&word.text)]
            } else {
                let found = expand(site, &word.path(), false).await?;
                found.into_iter().map(|found| found.path).collect()
            };
            for path in found {
                let shown = name(path.raw());
                let done = match command {
                    "delete" => site.delete(&path).await,
                    "mkdir" => site.mkdir(&path).await.map(drop),
                    "rmdir" => site.rmdir(&path).await,
                    "chmod" => site.chmod(&path, mode).await,
                    "size" => site.size(&path).await.map(|size| {
                        print(&format!("{size}\t{shown}\n"));
                    }),
                    "modtime" => site.modified(&path).await.map(|time| {
                        print(&format!("{time}\t{shown}\n"));
                    }),
                    _ => {
                        get_to_stdout(&self.tool, site, &path, &self.way(false)).await?;
                        Ok(())
                    }
                };
                if let Err(error) = done {
                    let failed = Failure::ftp(shown, &error);
                    if failed.ends_all {
                        return Err(failed);
                    }
                    self.tool.say(&failed.text);
                    failure.get_or_insert(Failure::told(failed.exit));
                }
            }
        }
        failure.map_or(Ok(()), Err)
    }
}

fn last_of(path: &Path) -> Outcome<Name> {
    path.file_name()
        .map(|last| name_of(last.as_bytes()))
        .ok_or_else(|| Failure::usage(format!("{} has no name", path.display())))
}

#[cfg(test)]
mod tests {
    use super::{COMMANDS, find};

    #[test]
    fn a_beginning_that_fits_one_is_enough() {
        assert_eq!(find("BIN").unwrap().name, "binary");
        assert_eq!(find("quit").unwrap().name, "bye");
        assert_eq!(find("ls").unwrap().name, "ls");
        assert!(
            find("m")
                .err()
                .unwrap()
                .text
                .contains("which one? mget, mput")
        );
        assert!(find("frobnicate").is_err());
    }

    #[test]
    fn no_name_is_given_twice() {
        let names = COMMANDS
            .iter()
            .flat_map(|it| it.aliases.iter().chain([&it.name]));
        let mut names: Vec<_> = names.collect();
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
