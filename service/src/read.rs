//! The configuration file, as text.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::ConfigError;

/// Reads the file that the command line named, or else the one at the daemon's usual place, which need not be there; then
/// the text is empty.
///
/// # Errors
/// The file cannot be read; one that was named has to be there.
pub fn read_config(named: Option<&Path>, usual: &Path) -> Result<(PathBuf, String), ConfigError> {
    let path = named.unwrap_or(usual);
    match std::fs::read_to_string(path) {
        Ok(text) => Ok((path.to_owned(), text)),
        Err(error) if error.kind() == ErrorKind::NotFound && named.is_none() => {
            Ok((path.to_owned(), String::new()))
        }
        Err(error) => Err(ConfigError::of_file(path, error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// STYLE §11: every key has a default, and so has the file.
    #[test]
    fn only_the_usual_file_may_be_missing() {
        let nowhere = Path::new("/nowhere/d.toml");
        let read = read_config(None, nowhere).unwrap();
        assert_eq!(read, (nowhere.to_owned(), String::new()));
        let error = read_config(Some(nowhere), Path::new("/nowhere/else")).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("/nowhere/d.toml: No such file")
        );
    }
}
