//! The `.x` files that people have become Rust without a warning: of rustc, of clippy by its defaults and of rustfmt, in both editions.
//!
//! Those of rpcsvc-proto are on every machine that runs these tests. Those of libvirt, glusterfs, NFS-Ganesha and krb5 are fetched by
//! `apt-get source` in the long runs, and stay below the build's target directory.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use fairway_rpcgen::Builder;
use fairway_tests::{built, busy, have, leave_out, scratch, target};

/// What a file uses and does not define. A type is named by the module that has it, `super::` before it understood.
#[derive(Clone, Copy, Debug, Default)]
struct Externs {
    constants: &'static [(&'static str, i64)],
    types: &'static [(&'static str, &'static str)],
}

const NONE: Externs = Externs {
    constants: &[],
    types: &[],
};

/// Of libvirt's C headers; all its files get them.
const LIBVIRT_CONSTANTS: &[(&str, i64)] = &[
    ("VIR_UUID_BUFLEN", 16),
    ("VIR_SECURITY_MODEL_BUFLEN", 257),
    ("VIR_SECURITY_LABEL_BUFLEN", 4097),
    ("VIR_SECURITY_DOI_BUFLEN", 257),
    ("VIR_TYPED_PARAM_INT", 1),
    ("VIR_TYPED_PARAM_UINT", 2),
    ("VIR_TYPED_PARAM_LLONG", 3),
    ("VIR_TYPED_PARAM_ULLONG", 4),
    ("VIR_TYPED_PARAM_DOUBLE", 5),
    ("VIR_TYPED_PARAM_BOOLEAN", 6),
    ("VIR_TYPED_PARAM_STRING", 7),
];

/// RFC 7863 §2: flex_files_prot.x uses it, and Ganesha has it in C only.
const NFSV42: &str = "\
struct device_error4 {
    deviceid4 de_deviceid;
    nfsstat4 de_status;
    nfs_opnum4 de_opnum;
};
";

/// The externs of the files that need some, by package and module.
fn externs(package: &str, module: &str) -> Externs {
    const LIBVIRT: Externs = Externs {
        constants: LIBVIRT_CONSTANTS,
        types: &[],
    };
    const DRIVER: Externs = Externs {
        constants: LIBVIRT_CONSTANTS,
        types: &[
            (
                "remote_nonnull_domain",
                "remote_protocol::RemoteNonnullDomain",
            ),
            ("remote_domain", "remote_protocol::RemoteDomain"),
            (
                "remote_nonnull_string",
                "remote_protocol::RemoteNonnullString",
            ),
            ("remote_string", "remote_protocol::RemoteString"),
        ],
    };
    match (package, module) {
        ("rpcsvc", "nis_callback") => Externs {
            types: &[
                ("nis_object", "nis::NisObject"),
                ("nis_error", "nis::NisError"),
            ],
            ..NONE
        },
        ("libvirt", "qemu_protocol" | "lxc_protocol") => DRIVER,
        ("libvirt", _) => LIBVIRT,
        ("glusterfs", "glusterfs4_xdr") => Externs {
            constants: &[
                ("GF_DATA_TYPE_STR_OLD", 1),
                ("GF_DATA_TYPE_INT", 2),
                ("GF_DATA_TYPE_UINT", 3),
                ("GF_DATA_TYPE_DOUBLE", 4),
                ("GF_DATA_TYPE_STR", 5),
                ("GF_DATA_TYPE_PTR", 6),
                ("GF_DATA_TYPE_GFUUID", 7),
                ("GF_DATA_TYPE_IATT", 8),
                ("GF_DATA_TYPE_MDATA", 9),
            ],
            types: &[
                ("gf_proto_flock", "glusterfs3_xdr::GfProtoFlock"),
                ("gf_proto_lease", "glusterfs3_xdr::GfProtoLease"),
                ("gf_statfs", "glusterfs3_xdr::GfStatfs"),
                ("gfs3_locklist", "glusterfs3_xdr::Gfs3Locklist"),
            ],
        },
        ("glusterfs", "mount3udp") => Externs {
            constants: &[("MNTPATHLEN", 1024)],
            types: &[
                ("mountres3", "mount::Mountres3"),
                ("mountstat3", "mount::Mountstat3"),
            ],
        },
        ("glusterfs", "acl3_xdr") => Externs {
            types: &[("fattr3", "nfs23::Fattr3")],
            ..NONE
        },
        ("glusterfs", "changelog_xdr") => Externs {
            constants: &[("UNIX_PATH_MAX", 108)],
            ..NONE
        },
        ("nfs-ganesha", "nfsacl") => Externs {
            constants: &[("NFS3_OK", 0)],
            types: &[
                ("fattr3", "nfs23::Fattr3"),
                ("nfs3_int32", "nfs23::Nfs3Int32"),
                ("nfs3_uint32", "nfs23::Nfs3Uint32"),
                ("nfs_fh3", "nfs23::NfsFh3"),
                ("nfsstat3", "nfs23::Nfsstat3"),
            ],
        },
        ("glusterfs" | "nfs-ganesha", "mount") => Externs {
            constants: &[("FHSIZE3", 64)],
            types: &[("fhstatus2", "nfs23::Fhstatus2")],
        },
        ("nfs-ganesha", "flex_files_prot") => Externs {
            types: &[
                ("device_error4", "nfsv42::DeviceError4"),
                ("deviceid4", "nfsv41::Deviceid4"),
                ("fattr4_owner_group", "nfsv41::Fattr4OwnerGroup"),
                ("fattr4_owner", "nfsv41::Fattr4Owner"),
                ("length4", "nfsv41::Length4"),
                ("multipath_list4", "nfsv41::MultipathList4"),
                ("netaddr4", "nfsv41::Netaddr4"),
                ("nfs_fh4", "nfsv41::NfsFh4"),
                ("nfstime4", "nfsv41::Nfstime4"),
                ("offset4", "nfsv41::Offset4"),
                ("stateid4", "nfsv41::Stateid4"),
            ],
            ..NONE
        },
        ("nfs-ganesha", "nfsv42") => Externs {
            types: &[
                ("deviceid4", "nfsv41::Deviceid4"),
                ("nfsstat4", "nfsv41::Nfsstat4"),
                ("nfs_opnum4", "nfsv41::NfsOpnum4"),
            ],
            ..NONE
        },
        _ => NONE,
    }
}

/// The `.x` files of each package.
type Packages = BTreeMap<&'static str, Vec<PathBuf>>;

/// Every `.x` file in `folder` and below, in the order of their names.
fn x_files(folder: &Path) -> Vec<PathBuf> {
    let (mut folders, mut found) = (vec![folder.to_owned()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            } else if entry.path().extension().is_some_and(|x| x == "x") {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    found
}

/// A file's name as that of a module: `glusterfs3-xdr.x` is `glusterfs3_xdr`.
fn module(path: &Path) -> String {
    path.file_stem()
        .unwrap()
        .to_str()
        .unwrap()
        .replace('-', "_")
}

fn generator(package: &str, path: &Path) -> Builder {
    let externs = externs(package, &module(path));
    let mut builder = Builder::new().file(path);
    for (name, value) in externs.constants {
        builder = builder.extern_const(*name, *value);
    }
    for (name, path) in externs.types {
        builder = builder.extern_type(*name, format!("super::{path}"));
    }
    builder
}

/// Generates all, with and without borrowed types, as two crates of the same source and different editions, and has them checked.
fn assert_warning_free(test: &str, packages: &Packages) {
    let folder = scratch(test);
    let source = folder.join("src");
    let (mut lib, mut written) = (String::new(), Vec::new());
    for (form, borrowed) in [("owned", false), ("borrowed", true)] {
        writeln!(lib, "pub mod {form} {{").unwrap();
        for (package, paths) in packages {
            let into = source.join(form).join(package);
            fs::create_dir_all(&into).unwrap();
            writeln!(lib, "    pub mod {} {{", package.replace('-', "_")).unwrap();
            for path in paths {
                let builder = generator(package, path).borrowed(borrowed);
                let code = match builder.generate_to_string() {
                    Ok(code) => code,
                    Err(error) => panic!("{}: {error}", path.display()),
                };
                let to = into.join(format!("{}.rs", module(path)));
                fs::write(&to, code).unwrap();
                writeln!(
                    lib,
                    "        #[path = {to:?}]\n        pub mod {};",
                    module(path)
                )
                .unwrap();
                written.push(to);
            }
            lib.push_str("    }\n");
        }
        lib.push_str("}\n");
    }
    fs::write(source.join("lib.rs"), lib).unwrap();

    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .canonicalize()
        .unwrap();
    for edition in ["2021", "2024"] {
        let mut rustfmt = Command::new("rustfmt");
        rustfmt.args([
            "--check",
            "--edition",
            edition,
            "--config",
            "style_edition=2024",
        ]);
        built(rustfmt.args(&written).current_dir(&folder));

        let project = folder.join(edition);
        fs::create_dir_all(&project).unwrap();
        let manifest = format!(
            "[package]\nname = \"real-{edition}\"\nversion = \"0.0.0\"\nedition = \"{edition}\"\n\n[lib]\npath = \"../src/lib.rs\"\n\n\
             [dependencies]\nfairway-rpc = {{ path = {:?} }}\nfairway-xdr = {{ path = {:?} }}\n\n[workspace]\n",
            root.join("rpc"),
            root.join("xdr")
        );
        fs::write(project.join("Cargo.toml"), manifest).unwrap();
        // The same versions as ours, so that nothing is fetched.
        fs::copy(root.join("Cargo.lock"), project.join("Cargo.lock")).unwrap();
        // clippy includes what rustc itself warns of.
        let mut clippy = Command::new(env!("CARGO"));
        clippy.args(["clippy", "--quiet", "--offline", "--", "-D", "warnings"]);
        clippy.env("CARGO_TARGET_DIR", folder.join("target"));
        let _share = busy();
        built(clippy.current_dir(&project));
    }
}

#[test]
fn rpcsvc_proto_becomes_rust_without_a_warning() {
    let test = "rpcsvc_proto_becomes_rust_without_a_warning";
    if !have(test, &["/usr/include/rpcsvc/nis.x"]) {
        return;
    }
    let paths = x_files(Path::new("/usr/include/rpcsvc"));
    assert!(paths.len() >= 17, "rpcsvc-proto has 17 files: {paths:?}");
    assert_warning_free(test, &Packages::from([("rpcsvc", paths)]));
}

/// Fetches source packages and unpacks their `.x` files, from where this machine's own packages come from, or says what failed. What is there already
/// is not fetched again.
fn source_packages(names: &[&str], into: &Path) -> Result<(), String> {
    if names.iter().all(|name| into.join(name).is_dir()) {
        return Ok(());
    }
    let run = |command: &mut Command| {
        let output = command
            .output()
            .map_err(|error| format!("{command:?}: {error}"))?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        match output.status.success() {
            true => Ok(stdout),
            false => Err(format!("{command:?}: {said}")),
        }
    };
    let line = "deb-src $(REPO_URI) $(RELEASE) $(COMPONENT)";
    let mut targets = Command::new("apt-get");
    targets.args([
        "indextargets",
        "--format",
        line,
        "Created-By: Packages",
        "Origin: Debian",
    ]);
    let sources = run(&mut targets)?;
    if sources.is_empty() {
        return Err("apt has no lists of Debian's packages (apt-get update)".to_owned());
    }
    // All that apt keeps is kept in a folder of its own: the machine's lists stay as they are, and no rights are needed.
    let apt = into.join("apt");
    for folder in ["lists/partial", "cache/archives/partial"] {
        fs::create_dir_all(apt.join(folder)).unwrap();
    }
    fs::write(apt.join("sources.list"), sources).unwrap();
    let apt_get = |arguments: &[&str], folder: &Path| {
        let mut command = Command::new("apt-get");
        for (option, value) in [
            ("Dir::Etc::SourceList", apt.join("sources.list")),
            ("Dir::Etc::SourceParts", "/dev/null".into()),
            ("Dir::State::Lists", apt.join("lists")),
            ("Dir::Cache", apt.join("cache")),
        ] {
            command
                .arg("-o")
                .arg(format!("{option}={}", value.display()));
        }
        command
            .args(["-o", "APT::Sandbox::User=", "--quiet=2"])
            .args(arguments);
        run(command.current_dir(folder))
    };
    apt_get(&["update"], into)?;
    for name in names {
        // Unpacked beside its place and moved there when whole.
        let new = into.join(format!("{name}.new"));
        drop(fs::remove_dir_all(&new));
        fs::create_dir_all(&new).unwrap();
        apt_get(&["source", "--tar-only", name], &new)?;
        for entry in fs::read_dir(&new).unwrap() {
            let archive = entry.unwrap().path();
            let mut tar = Command::new("tar");
            tar.args(["--extract", "--wildcards", "*.x", "--file"]);
            run(tar.arg(&archive).current_dir(&new))?;
            fs::remove_file(archive).unwrap();
        }
        drop(fs::remove_dir_all(into.join(name)));
        fs::rename(&new, into.join(name)).unwrap();
    }
    Ok(())
}

#[test]
fn libvirt_glusterfs_ganesha_and_krb5_become_rust_without_a_warning() {
    let test = "libvirt_glusterfs_ganesha_and_krb5_become_rust_without_a_warning";
    if std::env::var_os("FAIRWAY_LONG").is_none() || !have(test, &["apt-get", "tar", "xz"]) {
        return;
    }
    let names = ["libvirt", "glusterfs", "nfs-ganesha", "krb5"];
    let folder = target().join("fairway-tests/source-packages");
    fs::create_dir_all(&folder).unwrap();
    if let Err(why) = source_packages(&names, &folder) {
        leave_out(test, &format!("needs source packages: {why}"));
        return;
    }
    let mut packages = Packages::new();
    for (name, least) in names.into_iter().zip([9, 11, 9, 2]) {
        let paths = x_files(&folder.join(name));
        assert!(paths.len() >= least, "{name}: {paths:?}");
        packages.insert(name, paths);
    }
    let written = folder.join("nfsv42.x");
    fs::write(&written, NFSV42).unwrap();
    packages.get_mut("nfs-ganesha").unwrap().push(written);
    // glusterfs takes two types from NFS and mount, which it has in C only.
    let shared: Vec<PathBuf> = packages["nfs-ganesha"]
        .iter()
        .filter(|path| path.ends_with("nfs23.x") || path.ends_with("mount.x"))
        .cloned()
        .collect();
    packages.get_mut("glusterfs").unwrap().extend(shared);
    assert_warning_free(test, &packages);
}
