//! Interfaces of the network namespace that the program is in, whatever `/sys` shows.

use crate::host::Host;
use crate::privileged;
use fairway_stack::Net;

fn mtu_of(net: &Net, name: &str) -> Option<u32> {
    let interfaces = net.interfaces().unwrap();
    let found = interfaces.into_iter().find(|one| one.name == name);
    found.unwrap().mtu
}

/// Loopback has the same name and the same number in each namespace, and `/sys` is that of the test's own.
#[test]
fn the_mtu_is_that_of_the_interface_here() {
    if !privileged() {
        return;
    }
    let outside = mtu_of(&Net::system(), "lo");
    let [one, other] = ["one", "other"].map(|name| Host::try_new(name).unwrap());
    Host::join((&one, "cable"), (&other, "cable"));
    one.ip("link set lo mtu 1400");
    one.ip("link set cable mtu 1300");
    other.ip("link set cable mtu 1200");
    for (host, lo, cable) in [(&one, Some(1400), 1300), (&other, outside, 1200)] {
        let told = host.run(|net| async move { (mtu_of(&net, "lo"), mtu_of(&net, "cable")) });
        assert_eq!(told, (lo, Some(cable)));
    }
    assert_ne!(outside, Some(1400));
}
