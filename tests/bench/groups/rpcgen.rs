//! Our rpcgen beside C's, on large files.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::lab::{Error, Lab, now, run as must, talk, target};

pub(crate) fn run(lab: &mut Lab) -> Result<(), Error> {
    talk("rpcgen");
    let folder = target()?.join("bench/x");
    std::fs::create_dir_all(&folder)?;
    let file = folder.join("remote_protocol.x");
    if file.exists() {
        both(lab, &file, "remote_protocol")?;
    } else {
        let note = "libvirt's remote_protocol.x could not be fetched: only nis.x was measured";
        lab.notes.push(note.to_owned());
    }
    let nis = folder.join("nis.x");
    std::fs::copy(
        "/usr/include/rpcsvc/nis_object.x",
        folder.join("nis_object.x"),
    )?;
    // C's generator refuses the `%#define` that is continued onto lines without `%`.
    let text = std::fs::read_to_string("/usr/include/rpcsvc/nis.x")?;
    std::fs::write(&nis, text.replace("\\\n", " "))?;
    both(lab, &nis, "nis")
}

/// Times both generators on one file: C's types and codecs, ours with everything.
fn both(lab: &mut Lab, file: &Path, name: &str) -> Result<(), Error> {
    let rounds = if lab.quick() { 5 } else { 21 };
    let folder = file.parent().ok_or("no folder")?;
    let out = folder.join("out");
    let timed = |commands: &mut [Command]| -> Result<f64, Error> {
        drop(std::fs::remove_dir_all(&out));
        std::fs::create_dir_all(&out)?;
        let since = now();
        for command in commands {
            must(command.current_dir(folder).stderr(Stdio::null()))?;
        }
        Ok(since.elapsed().as_secs_f64() * 1000.0)
    };
    for _ in 0..rounds {
        let mut c = ["-c", "-h"].map(|part| {
            let mut command = Command::new("rpcgen");
            command
                .arg(part)
                .arg("-o")
                .arg(out.join(format!("c{part}")));
            command.arg(file);
            command
        });
        let c = timed(&mut c)?;
        lab.readings.add(&format!("c.rpcgen.{name}"), c, "ms");
        let mut ours = lab.program("rpcgen");
        ours.arg("-o")
            .arg(out.join("ours.rs"))
            .args(externs(name))
            .arg(file);
        let ours = timed(&mut [ours])?;
        lab.readings.add(&format!("ours.rpcgen.{name}"), ours, "ms");
    }
    Ok(())
}

/// What libvirt's C headers would have said.
fn externs(name: &str) -> Vec<&'static str> {
    if name != "remote_protocol" {
        return Vec::new();
    }
    [
        "VIR_UUID_BUFLEN=16",
        "VIR_SECURITY_MODEL_BUFLEN=257",
        "VIR_SECURITY_LABEL_BUFLEN=4097",
        "VIR_SECURITY_DOI_BUFLEN=257",
        "VIR_TYPED_PARAM_INT=1",
        "VIR_TYPED_PARAM_UINT=2",
        "VIR_TYPED_PARAM_LLONG=3",
        "VIR_TYPED_PARAM_ULLONG=4",
        "VIR_TYPED_PARAM_DOUBLE=5",
        "VIR_TYPED_PARAM_BOOLEAN=6",
        "VIR_TYPED_PARAM_STRING=7",
    ]
    .into_iter()
    .flat_map(|constant| ["--extern-const", constant])
    .collect()
}

/// libvirt's largest file, from Debian's source package; kept below the target directory, never in the repository.
pub(crate) fn fetch() {
    let fetched = target().and_then(|target| remote_protocol(&target.join("bench/x")));
    if let Err(error) = fetched {
        talk(&format!("remote_protocol.x: {error}"));
    }
}

fn remote_protocol(folder: &Path) -> Result<PathBuf, Error> {
    let file = folder.join("remote_protocol.x");
    if file.exists() {
        return Ok(file);
    }
    talk("fetching libvirt's source package for remote_protocol.x");
    let source = folder.join("source");
    drop(std::fs::remove_dir_all(&source));
    std::fs::create_dir_all(&source)?;
    // The machine's own sources of packages, as sources of source packages, with lists of their own.
    let parts = source.join("parts");
    for needed in ["parts", "lists/partial", "cache/archives/partial"] {
        std::fs::create_dir_all(source.join(needed))?;
    }
    let known = std::fs::read_to_string("/etc/apt/sources.list.d/debian.sources")?;
    std::fs::write(
        parts.join("debian.sources"),
        known.replace("Types: deb\n", "Types: deb-src\n"),
    )?;
    for arguments in [&["update"][..], &["source", "--download-only", "libvirt"]] {
        let mut fetch = Command::new("apt-get");
        fetch.args([
            "-qq",
            "-o",
            "APT::Sandbox::User=root",
            "-o",
            "Dir::Etc::SourceList=/dev/null",
        ]);
        for (setting, place) in [
            ("Etc::SourceParts", "parts"),
            ("State::Lists", "lists"),
            ("Cache", "cache"),
        ] {
            fetch
                .arg("-o")
                .arg(format!("Dir::{setting}={}", source.join(place).display()));
        }
        fetch
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        must(fetch.current_dir(&source))?;
    }
    let archive = std::fs::read_dir(&source)?
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.to_string_lossy().contains(".orig.tar"))
        .ok_or("no .orig.tar in the source package")?;
    let mut unpack = Command::new("tar");
    unpack.arg("-xf").arg(&archive).args([
        "--strip-components=1",
        "--wildcards",
        "*/src/remote/*.x",
    ]);
    must(unpack.current_dir(&source))?;
    std::fs::copy(source.join("src/remote/remote_protocol.x"), &file)?;
    drop(std::fs::remove_dir_all(&source));
    Ok(file)
}
