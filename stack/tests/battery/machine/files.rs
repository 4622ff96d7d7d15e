//! Files.

use crate::bodies::Pair;
use crate::bodies::local::Directory;
use fairway_stack::{CreateOptions, FileKind, NetError};
use std::os::unix::fs::PermissionsExt as _;

pub(crate) async fn old_files_keep_their_mode_and_their_readers(pair: Pair) {
    let directory = Directory::new();
    let (files, path) = (pair.client.files(), directory.file("state"));
    files.write(&path, "one").await.unwrap();
    let mode = |path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o600, "a new file is its owner's");

    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let reader = std::fs::File::open(&path).unwrap();
    files.write(&path, b"another".as_slice()).await.unwrap();
    assert_eq!(
        std::io::read_to_string(reader).unwrap(),
        "one",
        "who was reading reads the old one to its end"
    );
    assert_eq!(mode(&path), 0o644, "the mode stays");
    assert_eq!(directory.names(), ["state"], "no temporary file stays");
}

pub(crate) async fn failures_leave_the_old_file(pair: Pair) {
    let directory = Directory::new();
    let files = pair.client.files();
    assert_eq!(
        files.write(directory.file("missing/state"), "x").await,
        Err(NetError::NotFound)
    );
    // A directory cannot be replaced by a file: the rename fails, after the temporary file was written.
    let path = directory.file("directory");
    std::fs::create_dir(&path).unwrap();
    std::fs::write(path.join("inside"), "old").unwrap();
    assert!(files.write(&path, "x").await.is_err());
    assert_eq!(directory.names(), ["directory"]);
    assert_eq!(files.read(path.join("inside")).await.unwrap(), b"old");
}

pub(crate) async fn links_are_followed_or_not(pair: Pair) {
    let directory = Directory::new();
    let files = pair.client.files();
    let (link, lost) = (directory.file("link"), directory.file("lost"));
    files.write(directory.file("file"), "12345").await.unwrap();
    std::os::unix::fs::symlink("file", &link).unwrap();
    std::os::unix::fs::symlink("nowhere", &lost).unwrap();
    let followed = files.metadata(&link).await.unwrap();
    assert_eq!((followed.kind, followed.len), (FileKind::File, 5));
    let itself = files.link_metadata(&link).await.unwrap();
    assert_eq!(itself.kind, FileKind::Link);
    assert_eq!(files.metadata(&lost).await, Err(NetError::NotFound));
    assert!(files.link_metadata(&lost).await.is_ok());
    let listed = files.read_dir(directory.file("")).await.unwrap();
    assert_eq!(listed[1].metadata, itself);

    let new = files.create(&lost, CreateOptions::NEW).await.err();
    assert_eq!(new, Some(NetError::Exists), "it is not followed");
    files.remove(&link).await.unwrap();
    assert_eq!(files.read(directory.file("file")).await.unwrap(), b"12345");
}

pub(crate) async fn pipes_keep_nobody_waiting(pair: Pair) {
    let directory = Directory::new();
    let (files, path) = (pair.client.files(), directory.file("pipe"));
    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
    assert_eq!(files.metadata(&path).await.unwrap().kind, FileKind::Other);
    let writer = files.create(&path, CreateOptions::KEEP).await;
    assert_eq!(writer.err(), Some(NetError::Nxio), "nobody reads");
    let reader = files.open(&path).await.unwrap();
    assert_eq!(
        reader.read_at(0, Vec::with_capacity(1)).await,
        Err(NetError::NotSeekable)
    );
}
