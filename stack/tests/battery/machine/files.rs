//! Files.

use crate::bodies::Pair;
use crate::bodies::local::Directory;
use fairway_stack::NetError;
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
