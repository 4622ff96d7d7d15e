//! Memberships in groups, shared out among those who want them: there are few, and each takes one on each interface.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::daemon::config::Limits;

/// Adds the groups that are `wanted`, in the order in which they came, on all interfaces that are `here`, to the `members`, as
/// far as the limits let; says how many memberships are left out.
///
/// The configuration's own groups (of nobody) come first. Users take turns, one group each, so that the many of one do not
/// keep out the few of another.
pub(super) fn share_out(
    wanted: impl IntoIterator<Item = (IpAddr, Option<u32>)>,
    here: &[u32],
    limits: &Limits,
    members: &mut BTreeSet<(IpAddr, u32)>,
) -> u64 {
    let mut all = BTreeSet::new();
    let mut own = Vec::new();
    let mut users: Vec<Vec<IpAddr>> = Vec::new();
    let mut places: BTreeMap<u32, usize> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for (group, user) in wanted {
        all.insert(group);
        if !seen.insert((user, group)) {
            continue;
        }
        let Some(user) = user else {
            own.push(group);
            continue;
        };
        let place = *places.entry(user).or_insert(users.len());
        match users.get_mut(place) {
            None => users.push(vec![group]),
            Some(groups) if groups.len() < limits.groups_per_user => groups.push(group),
            Some(_) => {}
        }
    }
    let turns = users.iter().map(Vec::len).max().unwrap_or(0);
    let by_turns = (0..turns).flat_map(|turn| users.iter().filter_map(move |of| of.get(turn)));
    for group in own.iter().chain(by_turns) {
        for interface in here {
            if members.len() < limits.memberships {
                members.insert((*group, *interface));
            }
        }
    }
    let each = all
        .iter()
        .flat_map(|group| here.iter().map(|interface| (*group, *interface)));
    each.filter(|one| !members.contains(one)).map(|_| 1).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(last: u8) -> IpAddr {
        [239, 1, 1, last].into()
    }

    /// What each of these gets on interfaces 1 and 2, and how much is left out.
    fn shared(memberships: usize, wanted: &[(u8, Option<u32>)]) -> (Vec<u8>, u64) {
        let limits = Limits {
            memberships,
            groups_per_user: 4,
            ..Limits::default()
        };
        let mut members = BTreeSet::new();
        let wanted = wanted.iter().map(|(last, user)| (group(*last), *user));
        let left_out = share_out(wanted, &[1, 2], &limits, &mut members);
        let has = |last: &u8| {
            [1, 2]
                .iter()
                .all(|on| members.contains(&(group(*last), *on)))
        };
        ((1..=20).filter(has).collect(), left_out)
    }

    #[test]
    fn the_many_of_one_user_do_not_keep_out_the_few_of_another() {
        let many = (1..=4).map(|last| (last, Some(1000)));
        let few = [(11, Some(1001)), (12, Some(1001)), (13, Some(1002))];
        let wanted: Vec<_> = many.chain(few).collect();
        assert_eq!(shared(8, &wanted), (vec![1, 2, 11, 13], 6));
        assert_eq!(shared(12, &wanted), (vec![1, 2, 3, 11, 12, 13], 2));
        assert_eq!(shared(14, &wanted).1, 0);
    }

    #[test]
    fn a_user_has_so_many_groups_and_the_configuration_all_it_wants() {
        let users = (1..=6).map(|last| (last, Some(0)));
        let fixed = (11..=16).map(|last| (last, None));
        let wanted: Vec<_> = users.chain(fixed).collect();
        let (has, left_out) = shared(1000, &wanted);
        assert_eq!((has.len(), left_out), (10, 4));
        assert_eq!(shared(12, &wanted).0, [11, 12, 13, 14, 15, 16]);
    }

    #[test]
    fn a_group_of_several_is_one() {
        let wanted = [(1, Some(1000)), (1, Some(1001)), (1, None), (2, Some(1001))];
        assert_eq!(shared(4, &wanted), (vec![1, 2], 0));
    }
}
