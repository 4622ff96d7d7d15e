//! Files, names and interfaces.

use super::local::Directory;
use super::{Difference, Pair};
use fairway_stack::{CreateOptions, Family, FileKind, NetError};
use std::ffi::OsString;
use std::net::IpAddr;
use std::os::unix::ffi::OsStringExt as _;
use std::time::{Duration, UNIX_EPOCH};

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

/// Room for `octets`, to read into.
fn room(octets: usize) -> Vec<u8> {
    Vec::with_capacity(octets)
}

pub(crate) async fn open_files_are_read_and_written_at_offsets(pair: Pair) {
    let directory = Directory::new();
    let (files, path) = (pair.client.files(), directory.file("data"));
    assert_eq!(files.open(&path).await.err(), Some(NetError::NotFound));
    let writer = files.create(&path, CreateOptions::TRUNCATE).await.unwrap();
    let buf = b"hello".to_vec();
    let whose = buf.as_ptr().addr();
    let buf = writer.write_at(0, buf).await.unwrap();
    assert_eq!(
        (buf.as_slice(), buf.as_ptr().addr()),
        (&b"hello"[..], whose)
    );
    writer.write_at(8, [b'!']).await.unwrap();
    writer.write_at(0, "H").await.unwrap();
    assert_eq!(writer.len().await, Ok(9));

    let reader = files.open(&path).await.unwrap();
    let buf = room(100);
    let (whose, capacity) = (buf.as_ptr().addr(), buf.capacity());
    let buf = reader.read_at(0, buf).await.unwrap();
    assert_eq!(buf, b"Hello\0\0\0!", "what is between is zeros");
    assert_eq!((buf.as_ptr().addr(), buf.capacity()), (whose, capacity));
    let buf = reader.read_at(7, buf).await.unwrap();
    assert_eq!(buf, b"Hello\0\0\0!\0!", "behind what it holds");
    let buf = reader.read_at(9, room(4)).await.unwrap();
    assert!(buf.is_empty(), "the end");
    assert!(reader.read_at(u64::MAX, room(4)).await.unwrap().is_empty());
    let mut buf = reader.read_at(1, room(2)).await.unwrap();
    buf.truncate(2);
    assert_eq!(buf, b"el");
    buf.shrink_to_fit();
    assert_eq!(
        reader.read_at(1, vec![]).await,
        Err(NetError::Inval),
        "no room is not the end"
    );

    writer.set_len(3).await.unwrap();
    writer.set_len(5).await.unwrap();
    assert_eq!(files.read(&path).await.unwrap(), b"Hel\0\0");
    writer.sync().await.unwrap();

    assert_eq!(writer.read_at(0, room(4)).await, Err(NetError::BadFile));
    assert_eq!(reader.write_at(0, "x").await, Err(NetError::BadFile));
    assert_eq!(reader.set_len(0).await, Err(NetError::Inval));
    assert_eq!(writer.write_at(u64::MAX, "x").await, Err(NetError::FBig));
    assert_eq!(writer.set_len(u64::MAX).await, Err(NetError::FBig));
    assert_eq!(reader.len().await, Ok(5));
}

pub(crate) async fn parts_of_a_file_are_written_at_the_same_time(pair: Pair) {
    const PART: usize = 150_000;
    let directory = Directory::new();
    let (files, path) = (pair.client.files(), directory.file("data"));
    let file = files.create(&path, CreateOptions::NEW).await.unwrap();
    let parts: Vec<_> = (0..4_u8)
        .rev()
        .map(|part| {
            let file = file.clone();
            pair.client.spawn(async move {
                let offset = u64::from(part) * PART as u64;
                file.write_at(offset, vec![part; PART]).await.map(drop)
            })
        })
        .collect();
    for part in parts {
        part.await.unwrap().unwrap();
    }
    let all = files.read(&path).await.unwrap();
    assert_eq!(all.len(), 4 * PART);
    for (part, octets) in (0..).zip(all.chunks(PART)) {
        assert!(octets.iter().all(|octet| *octet == part));
    }
}

pub(crate) async fn creating_minds_what_is_there(pair: Pair) {
    let directory = Directory::new();
    let (files, path) = (pair.client.files(), directory.file("data"));
    let new = CreateOptions::NEW.mode(0o600);
    let file = files.create(&path, new).await.unwrap();
    assert_eq!(files.metadata(&path).await.unwrap().mode, 0o600);
    file.write_at(0, "old").await.unwrap();
    assert_eq!(files.create(&path, new).await.err(), Some(NetError::Exists));

    let file = files.create(&path, CreateOptions::KEEP).await.unwrap();
    file.write_at(1, "k").await.unwrap();
    assert_eq!(files.read(&path).await.unwrap(), b"okd");
    let file = files.create(&path, CreateOptions::APPEND).await.unwrap();
    file.write_at(0, "er").await.unwrap();
    file.write_at(1, "!").await.unwrap();
    assert_eq!(files.read(&path).await.unwrap(), b"okder!");
    let file = files.create(&path, CreateOptions::TRUNCATE).await.unwrap();
    assert_eq!(file.len().await, Ok(0));
    assert_eq!(files.metadata(&path).await.unwrap().mode, 0o600, "stays");

    let made = directory.file("made");
    for options in [CreateOptions::KEEP, CreateOptions::APPEND] {
        files.create(&made, options).await.unwrap();
        files.remove(&made).await.unwrap();
    }
    files.create_dir_all(&made).await.unwrap();
    for options in [
        CreateOptions::TRUNCATE,
        CreateOptions::KEEP,
        CreateOptions::APPEND,
    ] {
        let error = files.create(&made, options).await.err();
        assert_eq!(error, Some(NetError::IsDir), "{options:?}");
    }
    assert_eq!(files.create(&made, new).await.err(), Some(NetError::Exists));
    assert_eq!(files.open(&made).await.err(), Some(NetError::IsDir));
    assert_eq!(files.read(&made).await, Err(NetError::IsDir));
    assert_eq!(files.write(&made, "x").await, Err(NetError::IsDir));
    assert_eq!(files.remove(&made).await, Err(NetError::IsDir));
    let below = path.join("below");
    assert_eq!(files.open(&below).await.err(), Some(NetError::NotDir));
    assert_eq!(
        files.create(&below, new).await.err(),
        Some(NetError::NotDir)
    );
}

pub(crate) async fn open_files_outlive_their_names(pair: Pair) {
    let directory = Directory::new();
    let (files, path) = (pair.client.files(), directory.file("data"));
    let writer = files.create(&path, CreateOptions::NEW).await.unwrap();
    writer.write_at(0, "one").await.unwrap();
    let reader = files.open(&path).await.unwrap();
    let other = directory.file("other");
    files.rename(&path, &other).await.unwrap();
    writer.write_at(3, "!").await.unwrap();
    assert_eq!(files.read(&other).await.unwrap(), b"one!");
    files.write(&other, "another").await.unwrap();
    assert_eq!(reader.read_at(0, room(9)).await.unwrap(), b"one!");
    files.remove(&other).await.unwrap();
    writer.write_at(4, "!").await.unwrap();
    assert_eq!(reader.read_at(0, room(9)).await.unwrap(), b"one!!");
    assert_eq!(files.exists(&other).await, Ok(false));
}

pub(crate) async fn directories_are_made_listed_and_removed(pair: Pair) {
    let directory = Directory::new();
    let files = pair.client.files();
    let (top, deep) = (directory.file("top"), directory.file("top/a/b"));
    assert_eq!(files.read_dir(&top).await, Err(NetError::NotFound));
    assert_eq!(files.remove_dir(&top).await, Err(NetError::NotFound));
    files.create_dir_all(&deep).await.unwrap();
    files.create_dir_all(&deep).await.unwrap();
    assert_eq!(files.read_dir(&deep).await.unwrap(), []);

    // Not UTF-8.
    let odd = OsString::from_vec(b"z\xff\xfe".to_vec());
    files.write(top.join(&odd), "odd").await.unwrap();
    files.write(top.join("B"), "").await.unwrap();
    let listed = files.read_dir(&top).await.unwrap();
    let listed: Vec<_> = listed
        .into_iter()
        .map(|entry| (entry.name, entry.metadata.kind, entry.metadata))
        .collect();
    let names: Vec<_> = listed
        .iter()
        .map(|(name, kind, _)| (name.clone(), *kind))
        .collect();
    assert_eq!(
        names,
        [
            ("B".into(), FileKind::File),
            ("a".into(), FileKind::Directory),
            (odd.clone(), FileKind::File),
        ]
    );
    assert_eq!(listed[2].2.len, 3);
    assert!(listed[2].2.is_file() && listed[1].2.is_dir());
    assert_eq!(files.read(top.join(&odd)).await.unwrap(), b"odd");

    let file = top.join("B");
    assert_eq!(files.read_dir(&file).await, Err(NetError::NotDir));
    assert_eq!(files.remove_dir(&file).await, Err(NetError::NotDir));
    assert_eq!(files.create_dir_all(&file).await, Err(NetError::Exists));
    assert_eq!(
        files.create_dir_all(file.join("x")).await,
        Err(NetError::NotDir)
    );
    assert_eq!(files.remove_dir(&top).await, Err(NetError::NotEmpty));
    assert_eq!(
        files.metadata(top.join("no")).await,
        Err(NetError::NotFound)
    );

    let missing = files.write(top.join("new/file"), "").await;
    if pair.as_system(Difference::Directories) {
        assert_eq!(missing, Err(NetError::NotFound));
    } else {
        files.remove(top.join("new/file")).await.unwrap();
        files.remove_dir(top.join("new")).await.unwrap();
    }

    for file in [top.join("B"), top.join(&odd)] {
        files.remove(&file).await.unwrap();
    }
    for directory in [&deep, &top.join("a"), &top] {
        files.remove_dir(directory).await.unwrap();
    }
    assert_eq!(files.exists(&top).await, Ok(false));
}

pub(crate) async fn renaming_replaces_what_it_may(pair: Pair) {
    let directory = Directory::new();
    let files = pair.client.files();
    let at = |name: &str| directory.file(name);
    files.write(at("file"), "file").await.unwrap();
    files.write(at("other"), "other").await.unwrap();
    files.create_dir_all(at("full")).await.unwrap();
    files.write(at("full/inside"), "inside").await.unwrap();
    files.create_dir_all(at("empty")).await.unwrap();

    files.rename(at("file"), at("file")).await.unwrap();
    files.rename(at("file"), at("other")).await.unwrap();
    assert_eq!(files.read(at("other")).await.unwrap(), b"file");
    assert_eq!(files.exists(at("file")).await, Ok(false));
    for (from, to, error) in [
        ("file", "x", NetError::NotFound),
        ("other", "empty", NetError::IsDir),
        ("empty", "other", NetError::NotDir),
        ("empty", "full", NetError::NotEmpty),
        ("full", "full/below", NetError::Inval),
        ("other", "other/below", NetError::NotDir),
    ] {
        let result = files.rename(at(from), at(to)).await;
        assert_eq!(result, Err(error), "{from} to {to}");
    }
    files.rename(at("full"), at("empty")).await.unwrap();
    assert_eq!(files.read(at("empty/inside")).await.unwrap(), b"inside");
    assert_eq!(files.exists(at("full")).await, Ok(false));
}

pub(crate) async fn times_and_modes_are_kept(pair: Pair) {
    let directory = Directory::new();
    let (files, path) = (pair.client.files(), directory.file("data"));
    let near = |time| {
        let now = pair.client.clock().wall();
        // The system stamps by a clock of coarser ticks.
        let off = Duration::from_secs(60);
        now - off <= time && time <= now + off
    };
    let file = files.create(&path, CreateOptions::NEW).await.unwrap();
    assert!(near(file.modified().await.unwrap()));
    let times = [
        UNIX_EPOCH + Duration::new(1_000_000_000, 123_456_789),
        UNIX_EPOCH,
        UNIX_EPOCH - Duration::new(86_400, 500_000_000),
    ];
    for time in times {
        file.set_modified(time).await.unwrap();
        assert_eq!(file.modified().await, Ok(time));
        assert_eq!(files.metadata(&path).await.unwrap().modified, time);
        let later = time + Duration::from_secs(1);
        files.set_modified(&path, later).await.unwrap();
        assert_eq!(file.modified().await, Ok(later));
    }
    file.write_at(0, "x").await.unwrap();
    assert!(near(file.modified().await.unwrap()), "written now");

    let below = directory.file("below");
    files.create_dir_all(&below).await.unwrap();
    files.set_modified(&below, times[0]).await.unwrap();
    assert_eq!(files.metadata(&below).await.unwrap().modified, times[0]);

    for (path, mode) in [(&path, 0o640), (&path, 0o755), (&below, 0o1700)] {
        files.set_mode(path, mode).await.unwrap();
        assert_eq!(files.metadata(path).await.unwrap().mode, mode);
        assert_eq!(files.link_metadata(path).await.unwrap().mode, mode);
    }
    let none = directory.file("none");
    let missing = Err(NetError::NotFound);
    assert_eq!(files.set_mode(&none, 0o600).await, missing);
    assert_eq!(files.set_modified(&none, UNIX_EPOCH).await, missing);
}

/// RES-2 (`localhost` is in the file of hosts, or its like, and nowhere else: RFC 6761 §6.3), RES-3, RES-4.
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
