//! Events that wait for a reader: the newest state of each session, and everything else in order.

use std::collections::{BTreeMap, BTreeSet};

/// A kind of event that carries the whole state, so that a newer one takes an older one's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum State {
    Path,
    Resv,
    /// What is told from here on is of another daemon.
    Anew,
}

impl State {
    /// The state that an event tells, if it tells one.
    pub(super) const fn of(event: &super::Event) -> Option<Self> {
        match event {
            super::Event::Path(_) => Some(Self::Path),
            super::Event::Resv { .. } => Some(Self::Resv),
            super::Event::PathError { .. }
            | super::Event::ResvError { .. }
            | super::Event::Confirm { .. } => None,
        }
    }
}

#[derive(Clone, Debug)]
struct Item<T> {
    session: Option<u32>,
    state: Option<State>,
    octets: usize,
    value: T,
}

/// First in, first out; a state may take the place of the one before it, of the same session and kind.
#[derive(Clone, Debug)]
pub(super) struct Queue<T> {
    items: BTreeMap<u64, Item<T>>,
    /// The places of all of each.
    states: BTreeSet<(u32, State, u64)>,
    /// Those of each session that can be spared.
    loose: BTreeMap<u32, BTreeSet<u64>>,
    /// How many there are of each length.
    lengths: BTreeMap<usize, usize>,
    next: u64,
    octets: usize,
}

impl<T> Queue<T> {
    pub(super) const fn new() -> Self {
        Self {
            items: BTreeMap::new(),
            states: BTreeSet::new(),
            loose: BTreeMap::new(),
            lengths: BTreeMap::new(),
            next: 0,
            octets: 0,
        }
    }

    /// Appends what belongs to no session.
    pub(super) fn push(&mut self, value: T, octets: usize) {
        self.append(Item {
            session: None,
            state: None,
            octets,
            value,
        });
    }

    /// Appends an event of a session. If states `coalesce`, the last one makes way for its successor, which takes its
    /// place; says whether that happened.
    pub(super) fn push_event(
        &mut self,
        session: u32,
        state: Option<State>,
        coalesce: bool,
        value: T,
        octets: usize,
    ) -> bool {
        let item = Item {
            session: Some(session),
            state,
            octets,
            value,
        };
        let Some(state) = state else {
            self.append(item);
            return false;
        };
        if coalesce
            && let Some(place) = self.newest(session, state)
            && let Some(old) = self.items.get_mut(&place)
        {
            let before = core::mem::replace(old, item).octets;
            self.count(octets);
            self.discount(before);
            return true;
        }
        self.states.insert((session, state, self.next));
        self.append(item);
        false
    }

    /// The last place of a state; what is said of a daemon before the newest is none.
    fn newest(&self, session: u32, state: State) -> Option<u64> {
        let last = |state| {
            let places = (session, state, 0)..=(session, state, u64::MAX);
            self.states.range(places).next_back().map(|last| last.2)
        };
        last(state).filter(|place| last(State::Anew) <= Some(*place))
    }

    /// Appends that what a session is told from here on is of another daemon: nothing of it takes a place before this. If
    /// states `coalesce` and this is said already, it is not said again, and all states told since are dropped.
    pub(super) fn push_anew(&mut self, session: u32, coalesce: bool, value: T, octets: usize) {
        if coalesce && let Some(said) = self.newest(session, State::Anew) {
            for state in [State::Path, State::Resv] {
                let since = (session, state, said)..=(session, state, u64::MAX);
                let dropped: Vec<_> = self.states.extract_if(since, |_| true).collect();
                for (.., place) in dropped {
                    if let Some(item) = self.items.remove(&place) {
                        self.discount(item.octets);
                    }
                }
            }
        }
        self.push_event(session, Some(State::Anew), coalesce, value, octets);
    }

    /// Appends what a session can do without: it goes with [`shed`](Self::shed), if need be.
    pub(super) fn push_loose(&mut self, session: u32, value: T, octets: usize) {
        self.loose.entry(session).or_default().insert(self.next);
        self.append(Item {
            session: Some(session),
            state: None,
            octets,
            value,
        });
    }

    /// Drops the oldest that can be spared, of the session that has most of these; whether there was one.
    pub(super) fn shed(&mut self) -> bool {
        let most = self.loose.iter().max_by_key(|(_, places)| places.len());
        let Some((session, place)) =
            most.and_then(|(session, places)| Some((*session, *places.first()?)))
        else {
            return false;
        };
        self.not_loose(session, place);
        if let Some(item) = self.items.remove(&place) {
            self.discount(item.octets);
        }
        true
    }

    fn not_loose(&mut self, session: u32, place: u64) {
        if let Some(places) = self.loose.get_mut(&session) {
            places.remove(&place);
            if places.is_empty() {
                self.loose.remove(&session);
            }
        }
    }

    fn count(&mut self, octets: usize) {
        self.octets += octets;
        *self.lengths.entry(octets).or_default() += 1;
    }

    fn discount(&mut self, octets: usize) {
        self.octets -= octets;
        if let Some(count) = self.lengths.get_mut(&octets) {
            *count -= 1;
            if *count == 0 {
                self.lengths.remove(&octets);
            }
        }
    }

    fn append(&mut self, item: Item<T>) {
        self.count(item.octets);
        self.items.insert(self.next, item);
        self.next += 1;
    }

    /// Takes the oldest, with the session it is of.
    pub(super) fn pop(&mut self) -> Option<(Option<u32>, T)> {
        let (place, item) = self.items.pop_first()?;
        self.discount(item.octets);
        match (item.session, item.state) {
            (Some(session), Some(state)) => {
                self.states.remove(&(session, state, place));
            }
            (Some(session), None) => self.not_loose(session, place),
            (None, _) => {}
        }
        Some((item.session, item.value))
    }

    /// Forgets the events of a session.
    pub(super) fn forget(&mut self, session: u32) {
        let states = (session, State::Path, 0)..=(session, State::Anew, u64::MAX);
        self.states.extract_if(states, |_| true).for_each(|_| ());
        self.loose.remove(&session);
        let of_session = |_: &u64, item: &mut Item<T>| item.session == Some(session);
        let forgotten: Vec<usize> = self
            .items
            .extract_if(.., of_session)
            .map(|(_, item)| item.octets)
            .collect();
        for octets in forgotten {
            self.discount(octets);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Octets of all that waits.
    pub(super) const fn octets(&self) -> usize {
        self.octets
    }

    /// Octets of the longest.
    pub(super) fn longest(&self) -> usize {
        let last = self.lengths.last_key_value();
        last.map_or(0, |(octets, _)| *octets)
    }

    /// Octets of all but the oldest.
    pub(super) fn octets_behind_first(&self) -> usize {
        let first = self.items.first_key_value();
        self.octets - first.map_or(0, |(_, item)| item.octets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(queue: &mut Queue<&'static str>) -> Vec<&'static str> {
        std::iter::from_fn(|| queue.pop().map(|(_, value)| value)).collect()
    }

    const PATH: Option<State> = Some(State::Path);

    /// rapi.md §5: a path event carries the complete current list.
    #[test]
    fn newer_state_takes_the_place_of_older() {
        let mut queue = Queue::new();
        assert!(!queue.push_event(1, PATH, true, "path", 10));
        assert!(!queue.push_event(2, PATH, true, "of another", 10));
        assert!(!queue.push_event(1, Some(State::Resv), true, "resv", 10));
        assert!(queue.push_event(1, PATH, true, "newer path", 30));
        assert_eq!((queue.octets(), queue.octets_behind_first()), (50, 20));
        assert_eq!(queue.longest(), 30);
        assert_eq!(all(&mut queue), ["newer path", "of another", "resv"]);
        assert!(!queue.push_event(1, PATH, true, "again", 1));
        assert_eq!(queue.octets(), 1);
    }

    #[test]
    fn the_newest_state_is_always_the_last() {
        let mut queue = Queue::new();
        for (coalesce, value) in [(true, "a"), (false, "b"), (true, "c"), (false, "d")] {
            queue.push_event(1, PATH, coalesce, value, 1);
        }
        assert_eq!(queue.pop(), Some((Some(1), "a")));
        assert!(queue.push_event(1, PATH, true, "e", 1));
        assert_eq!(all(&mut queue), ["c", "e"]);
    }

    #[test]
    fn the_longest_is_known_whatever_comes_and_goes() {
        let mut queue = Queue::new();
        let mut longest = Vec::new();
        for (coalesce, octets) in [(true, 7), (false, 7), (true, 3), (true, 9), (true, 2)] {
            queue.push_event(1, PATH, coalesce, octets, octets);
            longest.push(queue.longest());
        }
        while queue.pop().is_some() {
            longest.push(queue.longest());
        }
        assert_eq!(longest, [7, 7, 7, 9, 7, 2, 0]);
    }

    #[test]
    fn errors_are_all_kept_in_order() {
        let mut queue = Queue::new();
        queue.push("reply", 3);
        for value in ["one", "two"] {
            assert!(!queue.push_event(1, None, true, value, 1));
        }
        assert_eq!(all(&mut queue), ["reply", "one", "two"]);
        assert_eq!(queue.octets(), 0);
    }

    #[test]
    fn what_can_be_spared_goes_first_where_there_is_most() {
        let mut queue = Queue::new();
        queue.push_event(1, PATH, true, "path", 1);
        for value in ["a", "b", "c"] {
            queue.push_loose(1, value, 1);
        }
        queue.push_loose(2, "d", 1);
        queue.push_event(2, None, true, "kept", 1);
        assert!(queue.shed() && queue.shed());
        assert_eq!((queue.pop(), queue.octets()), (Some((Some(1), "path")), 3));
        assert!(queue.shed() && queue.shed() && !queue.shed());
        assert_eq!(all(&mut queue), ["kept"]);
        assert_eq!((queue.octets(), queue.longest()), (0, 0));
        // What was delivered or forgotten is not there to be shed.
        queue.push_loose(1, "delivered", 1);
        queue.push_loose(2, "forgotten", 1);
        queue.pop();
        queue.forget(2);
        assert!(!queue.shed());
    }

    /// rapi.md §4.4: no event follows a release.
    #[test]
    fn a_session_is_forgotten_whole() {
        let mut queue = Queue::new();
        queue.push_event(1, PATH, true, "path", 10);
        queue.push_event(1, None, true, "error", 10);
        queue.push_event(2, None, true, "other", 5);
        queue.forget(1);
        assert_eq!((queue.octets(), queue.longest()), (5, 5));
        assert!(!queue.push_event(1, PATH, true, "reopened", 1));
        assert_eq!(all(&mut queue), ["other", "reopened"]);
    }
}
