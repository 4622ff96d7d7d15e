//! One file over several connections.
//!
//! ```text
//!  file  |---------------|---------------|---------------|---------------|
//!         lease 1 ──►      REST, lease 2 ──►    …                        its end is the file's
//!                        ▲ enough: the transfer is given up there (ABOR)
//! ```
//!
//! Each part is written at its place of one local file. Which parts are there is told by a map in a file beside it, a
//! line for what the file on the server is and one for each part that is not complete:
//!
//! ```text
//! fairway-ftp segments 1
//! size 1073741824 modified 2026-11-26T12:00:00Z
//! 134217728 268435456
//! ```
//!
//! A part may be done by whichever connection has nothing else to do, so that a server that takes few logins gets few.

use crate::client::lock;
use crate::error::{Error, ErrorKind};
use crate::name::Name;
use crate::reply::Reply;
use crate::session::Verb;
use crate::tasks::Tasks;
use crate::transfer::{BUFFER, Get, Meter, Patience, Seen, fill, has_changed, local_error};
use fairway_stack::{CreateOptions, File, NetError};
use jiff::Timestamp;
use std::collections::VecDeque;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::AsyncReadExt as _;
use tokio::sync::mpsc;

/// How many segments there may be at once.
pub(crate) const LIMIT: usize = 16;
/// Octets that are worth a connection of their own.
const WORTH: u64 = 1 << 20;
/// How often the map is written.
const SAVE: Duration = Duration::from_secs(2);
/// Lines of a map that are read.
const LINES: usize = 4 * LIMIT;
/// The first line of a map.
const HEAD: &str = "fairway-ftp segments 1";

/// A part that is still to be got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Part {
    at: u64,
    end: u64,
}

/// What is missing, and of what.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Map {
    seen: Seen,
    parts: Vec<Part>,
}

impl Map {
    /// What is behind `from` in so many parts.
    fn split(seen: Seen, from: u64, segments: u64) -> Self {
        let length = seen.size.saturating_sub(from);
        let segments = segments.min(length / WORTH).max(1);
        let each = length.div_ceil(segments).max(1);
        let mut parts = Vec::new();
        let mut at = from;
        while at < seen.size {
            let end = seen.size.min(at.saturating_add(each));
            parts.push(Part { at, end });
            at = end;
        }
        Self { seen, parts }
    }

    fn text(&self) -> String {
        let mut text = format!("{HEAD}\nsize {}", self.seen.size);
        // Writing to a string cannot fail.
        if let Some(modified) = self.seen.modified {
            let _ = write!(text, " modified {modified}");
        }
        for part in &self.parts {
            let _ = write!(text, "\n{} {}", part.at, part.end);
        }
        text.push('\n');
        text
    }

    /// Reads a map; `None` if it is none, or contradicts itself.
    fn read(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        if lines.next()? != HEAD {
            return None;
        }
        let mut words = lines.next()?.split(' ');
        if words.next()? != "size" {
            return None;
        }
        let size = words.next()?.parse().ok()?;
        let modified: Option<Timestamp> = match (words.next(), words.next()) {
            (Some("modified"), Some(time)) => Some(time.parse().ok()?),
            (None, None) => None,
            _ => return None,
        };
        let mut parts = Vec::new();
        for line in lines {
            let (at, end) = line.split_once(' ')?;
            let (at, end) = (at.parse().ok()?, end.parse().ok()?);
            let after = parts.last().map_or(0, |part: &Part| part.end);
            if parts.len() == LINES || at < after || at >= end || end > size {
                return None;
            }
            parts.push(Part { at, end });
        }
        let seen = Seen { size, modified };
        Some(Self { seen, parts })
    }

    /// How long the local file is at least, if what the map does not miss is there.
    fn reach(&self) -> u64 {
        let parts = self.parts.iter().rev();
        parts.fold(self.seen.size, |reach, part| {
            if part.end == reach { part.at } else { reach }
        })
    }

    fn missing(&self) -> u64 {
        self.parts.iter().map(|part| part.end - part.at).sum()
    }
}

/// Where the map of a file is.
fn map_of(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".segments");
    name.into()
}

/// What those who get the parts share.
struct Board {
    get: Get,
    remote: Name,
    seen: Seen,
    file: File,
    path: PathBuf,
    chunk: usize,
    state: Mutex<State>,
    moved: mpsc::Sender<usize>,
}

#[derive(Default)]
struct State {
    /// Nobody works at these.
    waiting: VecDeque<Part>,
    /// At these somebody does, by the number of the worker.
    busy: Vec<(usize, Part)>,
    reply: Option<Reply>,
    retries: u32,
    /// Some part cannot be got at all.
    failed: Option<Error>,
}

impl State {
    /// Gives up a worker's part if there are other workers.
    fn leave_to_others(&mut self, worker: usize) -> bool {
        let others = self.busy.len() > 1;
        if others && let Some(at) = self.busy.iter().position(|(by, _)| *by == worker) {
            let (_, part) = self.busy.remove(at);
            self.waiting.push_back(part);
        }
        others
    }

    /// What is missing, in order.
    fn parts(&self) -> Vec<Part> {
        let busy = self.busy.iter().map(|(_, part)| *part);
        let mut parts: Vec<Part> = self.waiting.iter().copied().chain(busy).collect();
        parts.retain(|part| part.at < part.end);
        parts.sort_by_key(|part| part.at);
        parts
    }
}

/// Why a worker ended before its part did.
enum End {
    /// There is no connection for it: others may have one.
    NoConnection(Error),
    /// The file cannot be got in this way, or at all.
    Failed(Error),
}

impl Get {
    /// Gets the file from `from` on in segments, if that is wanted and possible: the last reply, if anything was moved.
    /// `None` if it must be got over one connection.
    pub(crate) async fn in_segments(
        &self,
        file: &mut Option<File>,
        path: &Path,
        from: &mut u64,
        meter: &mut Meter,
    ) -> Result<Option<Option<Reply>>, Error> {
        let representation = &self.options.representation;
        let stream = representation.mode == crate::data::Mode::Stream;
        let (true, Verb::Retr, false, Some(remote)) = (
            representation.is_verbatim() && stream,
            self.verb,
            self.appending,
            &self.path,
        ) else {
            return Ok(None);
        };
        let files = self.site.shared.net.files();
        let local = local_error(path);
        let map_path = map_of(path);
        let mut known = None;
        if self.options.resume {
            known = match files.read(&map_path).await {
                Ok(text) => Some(Map::read(&String::from_utf8_lossy(&text))),
                Err(NetError::NotFound) => None,
                Err(error) => return Err(local_error(&map_path)(error)),
            };
        }
        if self.segments < 2 && known.is_none() {
            return Ok(None);
        }
        let seen = match Seen::ask(&self.site, remote).await {
            Ok(seen) => seen,
            Err(error) if error.is_not_found() => return Err(error),
            // No SIZE.
            Err(error) if matches!(error.kind(), ErrorKind::Refused { .. }) => {
                if known.is_some() {
                    *from = 0;
                    meter.restart_at(0);
                }
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let resumed = known.is_some();
        let length = match (&known, &*file) {
            (Some(_), Some(file)) => file.len().await.map_err(&local)?,
            _ => 0,
        };
        let segments = self.segments as u64;
        let map = match known {
            Some(Some(map)) if map.seen == seen && map.reach() <= length => {
                // What is in between counts as there already.
                meter.restart_at(seen.size - map.missing());
                map
            }
            // The file has changed, here or there, or the map is not to be trusted: so is nothing of what it tells of.
            Some(_) => {
                *from = 0;
                meter.restart_at(0);
                Map::split(seen.clone(), 0, segments)
            }
            None => Map::split(seen.clone(), *from, segments),
        };
        if map.parts.len() < 2 && !resumed {
            return Ok(None);
        }
        meter.total(Some(seen.size));
        let there = match file {
            Some(file) => file.clone(),
            None => {
                let created = files.create(path, CreateOptions::KEEP).await;
                file.insert(created.map_err(&local)?).clone()
            }
        };
        let (moved, mut told) = mpsc::channel(LIMIT);
        let board = Arc::new(Board {
            get: self.clone(),
            remote: remote.clone(),
            seen: seen.clone(),
            file: there.clone(),
            path: path.to_owned(),
            chunk: meter.chunk(),
            state: Mutex::new(State {
                waiting: map.parts.iter().copied().collect(),
                ..State::default()
            }),
            moved,
        });
        board.save(&map_path).await?;
        let mut tasks = Tasks::new();
        for worker in 0..self.segments.clamp(1, map.parts.len().max(1)) {
            tasks.spawn(&self.site.shared.net, work(Arc::clone(&board), worker));
        }
        let clock = self.site.shared.net.clock();
        let mut saved_at = clock.now();
        let mut join = std::pin::pin!(tasks.join());
        let ends = loop {
            tokio::select! {
                biased;
                octets = told.recv() => {
                    meter.moved(octets.unwrap_or(0)).await;
                    let now = clock.now();
                    if now.saturating_duration_since(saved_at) >= SAVE {
                        saved_at = now;
                        board.save(&map_path).await?;
                    }
                }
                ends = &mut join => break ends,
            }
        };
        while let Ok(octets) = told.try_recv() {
            meter.moved(octets).await;
        }
        let (missing, failed, reply, retries) = {
            let mut state = lock(&board.state);
            let missing = state.parts();
            (
                missing,
                state.failed.take(),
                state.reply.take(),
                state.retries,
            )
        };
        meter.retries += retries;
        let no_connection = ends.into_iter().flatten().flatten().next();
        let error = match (failed, missing.is_empty()) {
            (None, true) => {
                // The parts must be of one file.
                if Seen::ask(&self.site, remote).await? != seen {
                    return Err(has_changed());
                }
                there.set_len(seen.size).await.map_err(&local)?;
                files
                    .remove(&map_path)
                    .await
                    .map_err(local_error(&map_path))?;
                return Ok(Some(reply));
            }
            (Some(error), _) => error,
            (None, false) => no_connection.unwrap_or_else(|| Error::lost("a segment was lost")),
        };
        if cannot_begin_anywhere(&error) {
            tracing::info!(%error, "one connection for the whole file");
            meter.restart_at(*from);
            there.set_len(*from).await.map_err(&local)?;
            files
                .remove(&map_path)
                .await
                .map_err(local_error(&map_path))?;
            return Ok(None);
        }
        board.save(&map_path).await?;
        Err(error)
    }
}

/// Whether the server has no `REST`, or one without effect.
fn cannot_begin_anywhere(error: &Error) -> bool {
    match error.kind() {
        ErrorKind::Refused { command, .. } => command.starts_with("REST"),
        ErrorKind::Protocol(reason) => reason == FORGOTTEN,
        _ => false,
    }
}

/// Said of a server that took `REST` and sent the file from its start.
const FORGOTTEN: &str = "more octets than the file has behind REST";

/// Gets one part after the other. Tells why it ended before there were no more, if others may do better.
async fn work(board: Arc<Board>, worker: usize) -> Option<Error> {
    loop {
        let part = {
            let mut state = lock(&board.state);
            if state.failed.is_some() {
                return None;
            }
            let part = state.waiting.pop_front()?;
            state.busy.push((worker, part));
            part
        };
        let result = board.part(worker, part).await;
        let mut state = lock(&board.state);
        let at = state.busy.iter().position(|(by, _)| *by == worker);
        let rest = at.map(|at| state.busy.remove(at).1);
        let rest = rest.filter(|rest| rest.at < rest.end);
        match result {
            Ok(reply) => state.reply = reply.or_else(|| state.reply.take()),
            Err(end) => {
                state.waiting.extend(rest);
                match end {
                    End::NoConnection(error) => return Some(error),
                    End::Failed(error) => {
                        state.failed.get_or_insert(error);
                        return None;
                    }
                }
            }
        }
    }
}

impl Board {
    /// Writes the map.
    async fn save(&self, path: &Path) -> Result<(), Error> {
        let map = Map {
            seen: self.seen.clone(),
            parts: lock(&self.state).parts(),
        };
        let files = self.get.site.shared.net.files();
        let saved = files.write(path, map.text().into_bytes()).await;
        saved.map_err(local_error(path))
    }

    /// Gets one part, taken up again where it breaks. The final reply, if the part ends the file.
    async fn part(&self, worker: usize, part: Part) -> Result<Option<Reply>, End> {
        let mut patience = Patience::new(&self.get.site);
        let mut at = part.at;
        loop {
            let error = match self.stretch(worker, &mut at, part.end).await {
                Ok(reply) => return Ok(reply),
                Err(error) => error,
            };
            // Where there is no room for all, one keeps at it.
            if is_crowded(&error) && lock(&self.state).leave_to_others(worker) {
                return Err(End::NoConnection(error));
            }
            if !error.is_transient() {
                return Err(End::Failed(error));
            }
            patience.wait(error).await.map_err(End::Failed)?;
            lock(&self.state).retries += 1;
            // What broke it may last, and a question is an attempt like any other.
            let now = loop {
                match Seen::ask(&self.get.site, &self.remote).await {
                    Ok(now) => break now,
                    Err(error) if error.is_transient() => {
                        patience.wait(error).await.map_err(End::Failed)?;
                        lock(&self.state).retries += 1;
                    }
                    Err(error) => return Err(End::Failed(error)),
                }
            };
            if now != self.seen {
                return Err(End::Failed(has_changed()));
            }
        }
    }

    /// What one connection carries of a part.
    async fn stretch(&self, worker: usize, at: &mut u64, end: u64) -> Result<Option<Reply>, Error> {
        let local = local_error(&self.path);
        let mut download = self.get.open(*at).await?;
        let mut reading = Vec::with_capacity(BUFFER);
        let mut writing = Vec::with_capacity(BUFFER);
        let room = |at: u64| {
            let left = usize::try_from(end - at).unwrap_or(usize::MAX);
            self.chunk.min(left)
        };
        fill(&mut download, &mut reading, room(*at)).await?;
        while !reading.is_empty() {
            std::mem::swap(&mut reading, &mut writing);
            reading.clear();
            let len = writing.len();
            let next = *at + len as u64;
            let more = async {
                match room(next) {
                    0 => Ok(false),
                    room => fill(&mut download, &mut reading, room).await,
                }
            };
            let (filled, written) = tokio::join!(more, self.file.write_at(*at, writing));
            writing = written.map_err(&local)?;
            *at = next;
            if let Some((_, part)) = lock(&self.state)
                .busy
                .iter_mut()
                .find(|(by, _)| *by == worker)
            {
                part.at = next;
            }
            // Nobody listens only when all is given up.
            let _ = self.moved.send(len).await;
            filled?;
        }
        if *at < end {
            let reason = format!("the file ends at {at}, before {end}");
            download.finish().await?;
            return Err(ErrorKind::Verify(reason).into());
        }
        if end < self.seen.size {
            // What the server still sends is another's: the connection gets back in step by itself.
            return Ok(None);
        }
        let mut beyond = [0; 1];
        match download.read(&mut beyond).await {
            Ok(0) => download.finish().await.map(Some),
            Ok(_) => Err(ErrorKind::Protocol(FORGOTTEN.into()).into()),
            Err(error) => Err(download.failure(error)),
        }
    }
}

/// Whether the server, or the pool, has no room for one more connection.
fn is_crowded(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Unavailable { .. }
            | ErrorKind::Login { .. }
            | ErrorKind::PoolFull { .. }
            | ErrorKind::Connect { .. }
    )
}

#[cfg(test)]
mod tests {
    use super::{Map, Part};
    use crate::transfer::Seen;

    fn seen(size: u64) -> Seen {
        Seen {
            size,
            modified: Some("2026-11-26T12:00:00Z".parse().unwrap()),
        }
    }

    #[test]
    fn parts_are_worth_a_connection_and_cover_all() {
        for (size, from, segments, parts) in [
            (10 << 20, 0, 4, 4),
            (10 << 20, 9 << 20, 4, 1),
            (3 << 20, 1, 4, 2),
            (100, 0, 4, 1),
            (0, 0, 4, 0),
        ] {
            let map = Map::split(seen(size), from, segments);
            assert_eq!(map.parts.len(), parts, "{size} {from}");
            let mut at = from;
            for part in &map.parts {
                assert!(part.at == at && part.end > at);
                at = part.end;
            }
            assert_eq!(at, size);
            assert_eq!(map.missing(), size - from);
        }
    }

    #[test]
    fn maps_are_read_as_they_were_written() {
        let mut map = Map::split(seen(10 << 20), 5, 3);
        map.parts.remove(1);
        assert_eq!(Map::read(&map.text()), Some(map.clone()));
        map.seen.modified = None;
        assert_eq!(Map::read(&map.text()), Some(map));
        let none = Map {
            seen: seen(7),
            parts: Vec::new(),
        };
        assert_eq!(Map::read(&none.text()), Some(none));
    }

    #[test]
    fn a_map_tells_how_long_the_file_must_be() {
        let reach = |parts: &[(u64, u64)]| {
            let parts = parts.iter().map(|&(at, end)| Part { at, end }).collect();
            let seen = seen(10);
            Map { seen, parts }.reach()
        };
        assert_eq!(reach(&[]), 10);
        assert_eq!(reach(&[(0, 5), (5, 10)]), 0);
        assert_eq!(reach(&[(2, 5), (5, 10)]), 2);
        assert_eq!(reach(&[(0, 4), (5, 10)]), 5);
        assert_eq!(reach(&[(0, 4), (5, 9)]), 10);
    }

    #[test]
    fn maps_that_contradict_themselves_are_none() {
        let head = "fairway-ftp segments 1\nsize 10\n";
        assert_eq!(
            Map::read(&format!("{head}2 5")).unwrap().parts,
            [Part { at: 2, end: 5 }]
        );
        for rest in ["5 2", "2 2", "0 11", "2 5\n4 6", "2", "x y", "-1 2"] {
            assert_eq!(Map::read(&format!("{head}{rest}")), None, "{rest}");
        }
        for text in ["", "size 10\n", "fairway-ftp segments 2\nsize 10\n"] {
            assert_eq!(Map::read(text), None, "{text}");
        }
    }

    proptest::proptest! {
        /// What is read is what was written, and nothing makes it stumble.
        #[test]
        fn any_map_is_read(text in "(fairway-ftp segments 1|size [0-9]{1,20}|\n|[0-9]{1,3} [0-9]{1,3}|modified| |[ -~]{0,5})*") {
            if let Some(map) = Map::read(&text) {
                proptest::prop_assert!(map.missing() <= map.seen.size);
                proptest::prop_assert_eq!(Map::read(&map.text()), Some(map));
            }
        }
    }
}
