//! What a build script says, and the run from file to file.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use crate::diagnostic::{Diagnostic, Report};
use crate::emit::{self, Hook, Options, Parts};
use crate::error::Error;
use crate::intern::Interner;
use crate::model::Model;
use crate::parse::parse;
use crate::preprocess::{Preprocessor, Settings, read_limited, read_text};
use crate::resolve::{Externs, resolve};
use crate::source::Sources;

/// Generates Rust from `.x` files; for build scripts.
///
/// ```no_run
/// fairway_rpcgen::Builder::new()
///     .file("x/nis.x")
///     .include_dir("/usr/include")
///     .extern_const("NIS_MAXNAMELEN", 1024)
///     .extern_type("sockaddr", "crate::net::SockAddr")
///     .generate()?;
/// # Ok::<(), fairway_rpcgen::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Builder {
    inputs: Vec<Input>,
    settings: Settings,
    externs: Externs,
    options: Options,
    parts: Option<Parts>,
    out_dir: Option<PathBuf>,
}

#[derive(Clone, Debug)]
enum Input {
    File(PathBuf),
    Text { name: String, text: Rc<str> },
}

/// What became of one file.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Generated {
    /// The Rust module.
    pub text: String,
    /// The files that were read: the `.x` file (unless it was given as text), then what it includes.
    pub read: Vec<PathBuf>,
    /// What is dubious.
    pub warnings: Vec<Diagnostic>,
}

impl Builder {
    /// A builder without files.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a `.x` file, relative to the current directory: in a build script, that of the package.
    #[must_use]
    pub fn file(mut self, path: impl Into<PathBuf>) -> Self {
        self.inputs.push(Input::File(path.into()));
        self
    }

    /// Adds the text of a `.x` file; `name` stands for it in errors and gives the output its name.
    #[must_use]
    pub fn text(mut self, name: impl Into<String>, text: impl AsRef<str>) -> Self {
        self.inputs.push(Input::Text {
            name: name.into(),
            text: text.as_ref().into(),
        });
        self
    }

    /// Adds the text that `input` gives until its end, as [`text`](Self::text) does.
    ///
    /// # Errors
    /// When reading fails, or after 64 MiB.
    pub fn reader(
        mut self,
        name: impl Into<String>,
        input: impl std::io::Read,
    ) -> Result<Self, Error> {
        let name = name.into();
        let text = read_limited(input).map_err(|source| Error::Read {
            path: name.clone().into(),
            source,
        })?;
        self.inputs.push(Input::Text { name, text });
        Ok(self)
    }

    /// Adds a directory in which `#include` looks, after the directory of the file itself.
    #[must_use]
    pub fn include_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.settings.include_dirs.push(path.into());
        self
    }

    /// Defines a macro, as `#define NAME VALUE` would.
    #[must_use]
    pub fn define(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.settings.defines.push((name.into(), value.into()));
        self
    }

    /// Says what a constant is that the files use and do not define: −2⁶³ to 2⁶⁴−1.
    #[must_use]
    pub fn extern_const(mut self, name: impl Into<String>, value: impl Into<i128>) -> Self {
        self.externs.constants.insert(name.into(), value.into());
        self
    }

    /// Says where a type is that the files use and do not define: a path of Rust, `crate::net::Address`. The type implements
    /// `Clone`, `Debug`, `PartialEq`, `Encode` and `Decode`; one that a union is switched by, `XdrEnum`.
    #[must_use]
    pub fn extern_type(mut self, name: impl Into<String>, path: impl Into<String>) -> Self {
        self.externs.types.insert(name.into(), path.into());
        self
    }

    /// Whether to write a borrowed type (`RecRef<'a>`) beside every type that holds text or opaque data. Off by default.
    #[must_use]
    pub fn borrowed(mut self, borrowed: bool) -> Self {
        self.options.borrowed = borrowed;
        self
    }

    /// Whether to derive serde's traits. Off by default.
    #[must_use]
    pub fn serde(mut self, serde: bool) -> Self {
        self.options.serde = serde;
        self
    }

    /// What becomes of `%` lines. They are dropped by default.
    #[must_use]
    pub fn hook(mut self, hook: Hook) -> Self {
        self.options.hook = hook;
        self
    }

    /// Which parts to write. All but `main` by default.
    ///
    /// The preprocessor defines `RPC_HDR` if types are among them, else `RPC_XDR` for codecs, `RPC_CLNT` for a client, `RPC_SVC` for
    /// a server.
    #[must_use]
    pub fn parts(mut self, parts: Parts) -> Self {
        self.parts = Some(parts);
        self
    }

    /// Where [`generate`](Self::generate) writes, instead of `OUT_DIR`.
    #[must_use]
    pub fn out_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.out_dir = Some(path.into());
        self
    }

    /// Writes `NAME.rs` for each `NAME.x` to `OUT_DIR`, and tells cargo on which files that depends.
    ///
    /// A file that would not change is not touched. Warnings are told to cargo, too.
    ///
    /// # Errors
    /// When a file is wrong ([`Error::Invalid`], with all that is wrong with it), or cannot be read or written. What was generated
    /// before it stays.
    pub fn generate(&self) -> Result<(), Error> {
        let out_dir =
            match (&self.out_dir, std::env::var_os("OUT_DIR")) {
                (Some(out_dir), _) => out_dir.clone(),
                (None, Some(out_dir)) => out_dir.into(),
                (None, None) => return Err(Error::Option(
                    "OUT_DIR is not set: call generate from a build script, or out_dir before it"
                        .into(),
                )),
            };
        let mut outputs: Vec<PathBuf> = Vec::new();
        for input in &self.inputs {
            // Before it is read: if it is wrong, cargo must run the script again once it is changed.
            if let Input::File(path) = input {
                tell_cargo(&format!("rerun-if-changed={}", path.display()));
            }
            let mut read = Vec::new();
            let generated = self.generate_one(input, &mut read);
            for path in read
                .iter()
                .skip(usize::from(matches!(input, Input::File(_))))
            {
                tell_cargo(&format!("rerun-if-changed={}", path.display()));
            }
            let generated = generated?;
            for warning in &generated.warnings {
                tell_cargo(&format!(
                    "warning={}:{}:{}: {}",
                    warning.file, warning.line, warning.column, warning.message
                ));
            }
            let output = out_dir.join(output_name(input));
            if outputs.contains(&output) {
                return Err(Error::Overwrite(output));
            }
            write_output(&output, &generated)?;
            outputs.push(output);
        }
        Ok(())
    }

    /// Generates everything, one file behind the other, without writing or telling cargo anything.
    ///
    /// # Errors
    /// As for [`generate`](Self::generate).
    pub fn generate_to_string(&self) -> Result<String, Error> {
        self.generate_all()
            .map(|all| all.into_iter().map(|generated| generated.text).collect())
    }

    /// Generates everything, file by file, without writing or telling cargo anything.
    ///
    /// # Errors
    /// As for [`generate`](Self::generate).
    pub fn generate_all(&self) -> Result<Vec<Generated>, Error> {
        self.inputs
            .iter()
            .map(|input| self.generate_one(input, &mut Vec::new()))
            .collect()
    }

    /// What the files say, file by file, before it becomes Rust.
    ///
    /// # Errors
    /// As for [`generate`](Self::generate).
    pub fn models(&self) -> Result<Vec<Model>, Error> {
        self.inputs
            .iter()
            .map(|input| self.load(input, &mut Vec::new()).map(|(model, _)| model))
            .collect()
    }

    fn generate_one(&self, input: &Input, read: &mut Vec<PathBuf>) -> Result<Generated, Error> {
        let parts = self.parts.clone().unwrap_or_else(Parts::plain);
        let (model, warnings) = self.load(input, read)?;
        let text = emit::emit(&model, &parts, &self.options);
        Ok(Generated {
            text,
            read: read.clone(),
            warnings,
        })
    }

    /// From text to model; `read` receives the files that were read, whatever comes of them.
    fn load(
        &self,
        input: &Input,
        read: &mut Vec<PathBuf>,
    ) -> Result<(Model, Vec<Diagnostic>), Error> {
        self.check()?;
        let (path, name, text) = match input {
            Input::File(path) => {
                let text = read_text(path).map_err(|source| Error::Read {
                    path: path.clone(),
                    source,
                })?;
                read.push(path.clone());
                (path.clone(), path.display().to_string(), text)
            }
            Input::Text { name, text } => (PathBuf::from(name), name.clone(), Rc::clone(text)),
        };
        let mut settings = self.settings.clone();
        let kind = match &self.parts {
            Some(Parts {
                types: false,
                codecs: true,
                ..
            }) => "RPC_XDR",
            Some(Parts {
                types: false,
                client: true,
                ..
            }) => "RPC_CLNT",
            Some(Parts { types: false, .. }) => "RPC_SVC",
            _ => "RPC_HDR",
        };
        settings
            .defines
            .insert(0, (kind.to_owned(), "1".to_owned()));
        let mut sources = Sources::default();
        let mut names = Interner::new();
        let mut report = Report::default();
        let unit = Preprocessor::new(&mut sources, &mut names, &mut report, &settings)
            .run(&path, &name, text);
        read.extend(unit.read.iter().cloned());
        let mut model = Model::default();
        if !report.is_fatal() {
            let tree = parse(&unit, &sources, &names, &mut report);
            if !report.is_fatal() {
                let file = path
                    .file_name()
                    .map_or_else(String::new, |name| name.to_string_lossy().into_owned());
                model = resolve(
                    &tree,
                    &file,
                    &self.externs,
                    &mut names,
                    &sources,
                    &mut report,
                );
            }
        }
        let failed = report.has_errors();
        let diagnostics = report.finish(&sources);
        if failed {
            Err(Error::Invalid(diagnostics))
        } else {
            Ok((model, diagnostics))
        }
    }

    fn check(&self) -> Result<(), Error> {
        for (name, value) in &self.externs.constants {
            if !is_name(name) {
                return Err(Error::Option(format!(
                    "expected a name of an extern constant, found `{name}`"
                )));
            }
            if !(i128::from(i64::MIN)..=i128::from(u64::MAX)).contains(value) {
                return Err(Error::Option(format!(
                    "expected a value of 64 bits for {name}, found {value}"
                )));
            }
        }
        for (name, path) in &self.externs.types {
            if !is_name(name) {
                return Err(Error::Option(format!(
                    "expected a name of an extern type, found `{name}`"
                )));
            }
            let first = path.trim_start_matches("::").chars().next();
            let fits = |c: char| c.is_alphanumeric() || "_:<>,' #()[]&;".contains(c);
            if !first.is_some_and(|c| c.is_alphabetic() || "_[(<".contains(c))
                || !path.chars().all(fits)
            {
                return Err(Error::Option(format!(
                    "expected the path of a Rust type for {name}, found `{path}`"
                )));
            }
        }
        for (name, _) in &self.settings.defines {
            // A function macro brings its parameters along.
            if !is_name(name.split('(').next().unwrap_or("")) {
                return Err(Error::Option(format!(
                    "expected a name of a macro, found `{name}`"
                )));
            }
        }
        Ok(())
    }
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name
            .bytes()
            .all(|octet| octet.is_ascii_alphanumeric() || octet == b'_')
}

fn output_name(input: &Input) -> PathBuf {
    let path = match input {
        Input::File(path) => path.as_path(),
        Input::Text { name, .. } => Path::new(name),
    };
    Path::new(path.file_name().unwrap_or(path.as_os_str())).with_extension("rs")
}

/// Writes what was generated, unless the file holds it already, and never over what was read.
fn write_output(output: &Path, generated: &Generated) -> Result<(), Error> {
    if generated.read.iter().any(|read| is_same_file(read, output)) {
        return Err(Error::Overwrite(output.to_owned()));
    }
    if std::fs::read(output).is_ok_and(|before| before == generated.text.as_bytes()) {
        return Ok(());
    }
    std::fs::write(output, &generated.text).map_err(|source| Error::Write {
        path: output.to_owned(),
        source,
    })
}

/// Whether both names lead to one file, links included.
pub(crate) fn is_same_file(one: &Path, other: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        if let (Ok(one), Ok(other)) = (std::fs::metadata(one), std::fs::metadata(other)) {
            return one.is_file() && (one.dev(), one.ino()) == (other.dev(), other.ino());
        }
    }
    match (one.canonicalize(), other.canonicalize()) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    }
}

impl Generated {
    /// Writes the module to a file, unless it holds it already.
    ///
    /// # Errors
    /// When the file is among those that were read, or cannot be written.
    pub fn write(&self, output: impl AsRef<Path>) -> Result<(), Error> {
        write_output(output.as_ref(), self)
    }
}

/// A line for cargo, on standard output. If that is closed, nobody wants to know.
fn tell_cargo(line: &str) {
    let _ = writeln!(std::io::stdout(), "cargo:{line}");
}
