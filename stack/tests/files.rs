//! Reading and writing at offsets, against the simplest thing that does the same: on files of the machine and of a host
//! of our own.

#![expect(clippy::unwrap_used, reason = "tests")]

use fairway_native::{Setup, Stack};
use fairway_stack::native::Host;
use fairway_stack::{CreateOptions, Files, Net};
use proptest::prelude::*;
use std::path::{Path, PathBuf};

/// What is done to a file.
#[derive(Clone, Debug)]
enum Step {
    Write { offset: usize, octets: Vec<u8> },
    Append(Vec<u8>),
    Read { offset: usize, room: usize },
    SetLen(usize),
}

/// Offsets that are near each other, and near where memory is cut into pieces.
fn offset() -> impl Strategy<Value = usize> {
    let near = |place: usize| place.saturating_sub(8)..place + 8;
    prop_oneof![0..64_usize, near(65_536), near(131_072), 0..200_000_usize]
}

fn octets() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..20),
        (any::<u8>(), 0..140_000_usize).prop_map(|(octet, len)| vec![octet; len]),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (offset(), octets()).prop_map(|(offset, octets)| Step::Write { offset, octets }),
        1 => octets().prop_map(Step::Append),
        4 => (offset(), 1..150_000_usize).prop_map(|(offset, room)| Step::Read { offset, room }),
        2 => offset().prop_map(Step::SetLen),
    ]
}

/// What a file is.
#[derive(Default)]
struct Model(Vec<u8>);

impl Model {
    fn write(&mut self, offset: usize, octets: &[u8]) {
        if octets.is_empty() {
            return;
        }
        let end = offset + octets.len();
        self.0.resize(self.0.len().max(end), 0);
        self.0[offset..end].copy_from_slice(octets);
    }

    fn read(&self, offset: usize, room: usize) -> &[u8] {
        let start = offset.min(self.0.len());
        &self.0[start..self.0.len().min(start + room)]
    }
}

async fn agree(files: Files, path: &Path, steps: &[Step]) {
    let writer = files.create(path, CreateOptions::TRUNCATE).await.unwrap();
    let appender = files.create(path, CreateOptions::APPEND).await.unwrap();
    let reader = files.open(path).await.unwrap();
    let mut model = Model::default();
    for step in steps {
        match step.clone() {
            Step::Write { offset, octets } => {
                let written = writer.write_at(offset as u64, octets).await.unwrap();
                model.write(offset, &written);
            }
            Step::Append(octets) => {
                let written = appender.write_at(0, octets).await.unwrap();
                model.write(model.0.len(), &written);
            }
            Step::Read { offset, room } => {
                let mut buf = Vec::with_capacity(room + 3);
                buf.extend_from_slice(b"abc");
                let room = buf.capacity() - buf.len();
                let buf = reader.read_at(offset as u64, buf).await.unwrap();
                let (held, read) = buf.split_at(3);
                assert_eq!(held, b"abc");
                assert!(read == model.read(offset, room), "{step:?}");
            }
            Step::SetLen(len) => {
                writer.set_len(len as u64).await.unwrap();
                model.0.resize(len, 0);
            }
        }
        assert_eq!(reader.len().await, Ok(model.0.len() as u64), "{step:?}");
    }
    assert!(files.read(path).await.unwrap() == model.0);
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap()
}

/// A name of a file, removed at the end.
struct Name(PathBuf);

impl Drop for Name {
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.0));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn files_of_the_machine_are_rows_of_octets(steps in proptest::collection::vec(step(), 1..20)) {
        let name = format!("fairway-files-{}", std::process::id());
        let name = Name(std::env::temp_dir().join(name));
        runtime().block_on(agree(Net::system().files(), &name.0, &steps));
    }

    #[test]
    fn files_in_memory_are_rows_of_octets(steps in proptest::collection::vec(step(), 1..20)) {
        runtime().block_on(async {
            let net = Host::real_time(Stack::new(Setup::new("alone", [3; 32]))).net();
            agree(net.files(), Path::new("/data"), &steps).await;
        });
    }
}
