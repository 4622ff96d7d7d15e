//! Files, names and interfaces.

use super::local::Directory;
use super::{Difference, Pair};
use fairway_stack::{Family, NetError};
use std::net::IpAddr;

pub(crate) async fn writing_replaces_whole_files(pair: Pair) {
    let directory = Directory::new();
    let (files, path) = (pair.client.files(), directory.file("state"));
    assert_eq!(files.exists(&path).await, Ok(false));
    assert_eq!(files.read(&path).await, Err(NetError::NotFound));

    files.write(&path, "one").await.unwrap();
    assert_eq!(files.read(&path).await.unwrap(), b"one");
    files.write(&path, b"another".as_slice()).await.unwrap();
    assert_eq!(files.read(&path).await.unwrap(), b"another");
    assert_eq!(files.exists(&path).await, Ok(true));
    assert_eq!(files.write("/", "x").await, Err(NetError::Inval));

    files.remove(&path).await.unwrap();
    assert_eq!(files.exists(&path).await, Ok(false));
    assert_eq!(files.remove(&path).await, Err(NetError::NotFound));
}

/// RES-3, RES-4.
pub(crate) async fn names_and_addresses(pair: Pair) {
    let net = &pair.client;
    for ip in ["192.0.2.7", "2001:db8::7"] {
        assert_eq!(
            net.lookup(ip).await.unwrap(),
            [ip.parse::<IpAddr>().unwrap()],
            "a number is its own answer"
        );
    }
    let localhost = net.lookup("localhost").await.unwrap();
    assert!(
        !localhost.is_empty() && localhost.iter().all(IpAddr::is_loopback),
        "{localhost:?}"
    );
    assert_eq!(net.lookup("").await, Err(NetError::HostNotFound));
    assert_eq!(net.lookup("no\0name").await, Err(NetError::HostNotFound));
    assert_eq!(
        net.reverse_lookup(Family::V4.loopback()).await.as_deref(),
        Some("localhost")
    );
    assert!(!net.host_name().is_empty());
}

pub(crate) async fn interfaces_have_addresses(pair: Pair) {
    let interfaces = pair.client.interfaces().unwrap();
    assert!(interfaces.is_sorted_by_key(|interface| interface.index));
    let lo = interfaces
        .iter()
        .find(|interface| interface.loopback)
        .unwrap();
    assert!(lo.up && lo.running && !lo.point_to_point && !lo.name.is_empty() && lo.index > 0);
    let v4 = lo
        .addresses
        .iter()
        .find(|address| address.address == Family::V4.loopback())
        .unwrap();
    assert_eq!((v4.prefix, v4.peer), (8, None));
    let six = lo
        .addresses
        .iter()
        .any(|address| (address.address, address.prefix) == (Family::V6.loopback(), 128));
    assert_eq!(six, pair.as_system(Difference::Ipv6));
}
