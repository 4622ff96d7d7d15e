//! Arrays of any length for serde, which itself stops at 32: `#[serde(with = "fairway_xdr::serde_array")]` on a `[T; N]`.
//!
//! What `rpcgen` writes with the option `serde`. An array is a sequence.

use alloc::vec::Vec;

use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Serialize, Serializer};

/// Writes a sequence of the elements.
///
/// # Errors
/// Those of the format.
pub fn serialize<T, S, const N: usize>(array: &[T; N], serializer: S) -> Result<S::Ok, S::Error>
where
    T: Serialize,
    S: Serializer,
{
    serializer.collect_seq(array)
}

/// Reads a sequence of exactly `N` elements.
///
/// # Errors
/// Those of the format, and another number of elements.
pub fn deserialize<'de, T, D, const N: usize>(deserializer: D) -> Result<[T; N], D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    let elements = Vec::<T>::deserialize(deserializer)?;
    let count = elements.len();
    elements
        .try_into()
        .map_err(|_| D::Error::custom(format_args!("{count} elements, {N} expected")))
}

/// The same for a `Box<[T; N]>`.
pub mod boxed {
    use alloc::boxed::Box;

    use serde::de::{Deserialize, Deserializer};
    use serde::ser::{Serialize, Serializer};

    /// Writes a sequence of the elements.
    ///
    /// # Errors
    /// Those of the format.
    #[expect(clippy::borrowed_box, reason = "the form that serde calls")]
    pub fn serialize<T, S, const N: usize>(
        array: &Box<[T; N]>,
        serializer: S,
    ) -> Result<S::Ok, S::Error>
    where
        T: Serialize,
        S: Serializer,
    {
        super::serialize(array, serializer)
    }

    /// Reads a sequence of exactly `N` elements.
    ///
    /// # Errors
    /// Those of the format, and another number of elements.
    pub fn deserialize<'de, T, D, const N: usize>(deserializer: D) -> Result<Box<[T; N]>, D::Error>
    where
        T: Deserialize<'de>,
        D: Deserializer<'de>,
    {
        super::deserialize(deserializer).map(Box::new)
    }
}
