//! How numbers of registries are defined.

/// Defines numbers of a registry: a newtype with a constant for each that has a name here.
///
/// Others survive and print by the format given after the type.
macro_rules! numbers {
    (
        $(#[$doc:meta])*
        $name:ident($int:ty), $unknown:literal
        { $($(#[$item:meta])* $constant:ident = $value:literal, $text:literal;)* }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $int);

        impl $name {
            $($(#[$item])* pub const $constant: Self = Self($value);)*

            /// The name, of the numbers that have a constant.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($value => Some($text),)*
                    _ => None,
                }
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                match self.name() {
                    Some(name) => f.pad(name),
                    None => write!(f, $unknown, self.0),
                }
            }
        }

        impl core::fmt::Debug for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                core::fmt::Display::fmt(self, f)
            }
        }
    };
}
pub(crate) use numbers;
