//! `char` and `short`, which RFC 4506 does not have and files do: an int or unsigned int on the wire.

use crate::decode::{Decode, Decoder};
use crate::encode::{Encode, Encoder};
use crate::error::{DecodeError, DecodeErrorKind, EncodeError};
use crate::limits::Mode;
use crate::run::{Run, RunMut};

/// Numbers of 8 and 16 bits: ints on the wire, as C's `char` and `short`.
macro_rules! small {
    ($($small:ident in $wide:ident, $wrap:ident;)*) => {
        impl<const N: usize> Run<'_, N> {
            $(
                #[doc = concat!("The `", stringify!($small), "`, four octets wide, at octet `AT` of the run.")]
                ///
                /// # Errors
                /// [`DecodeErrorKind::Range`] if the number does not fit, in strict mode.
                #[inline(always)]
                pub fn $small<const AT: usize>(&self) -> Result<$small, DecodeError> {
                    let wide = self.$wide::<AT>();
                    $small::try_from(wide).or_else(|_| {
                        out_of_range(i64::from(wide), self.mode, self.start.saturating_add(AT))?;
                        Ok($wrap(wide))
                    })
                }
            )*
        }

        impl<const N: usize> RunMut<N> {
            $(
                #[doc = concat!("Sets the `", stringify!($small), "`, four octets wide, at octet `AT`.")]
                #[inline(always)]
                pub fn $small<const AT: usize>(&mut self, value: $small) {
                    self.$wide::<AT>($wide::from(value));
                }
            )*
        }

        impl Decoder<'_> {
            $(
                #[doc = concat!("Reads a `", stringify!($small), "`, four octets wide.")]
                ///
                /// # Errors
                /// Truncated input; in strict mode a number that does not fit.
                #[inline]
                pub fn $small(&mut self) -> Result<$small, DecodeError> {
                    self.run::<4>()?.$small::<0>()
                }
            )*
        }

        impl Encoder {
            $(
                #[doc = concat!("Writes a `", stringify!($small), "`, four octets wide.")]
                #[inline]
                pub fn $small(&mut self, value: $small) {
                    self.$wide($wide::from(value));
                }
            )*
        }

        $(
            impl Encode for $small {
                #[inline]
                fn fixed_len() -> Option<usize> {
                    Some(4)
                }

                #[inline]
                fn encoded_len(&self) -> usize {
                    4
                }

                #[inline]
                fn encode(&self, e: &mut Encoder) -> Result<(), EncodeError> {
                    e.$small(*self);
                    Ok(())
                }
            }

            impl<'de> Decode<'de> for $small {
                const MIN_LEN: usize = 4;

                #[inline]
                fn decode(d: &mut Decoder<'de>) -> Result<Self, DecodeError> {
                    d.$small()
                }
            }

            /// The number without its upper bits, as a C compiler would have it.
            #[cold]
            fn $wrap(wide: $wide) -> $small {
                let octets = wide.to_be_bytes();
                octets.last_chunk().map_or(0, |low| $small::from_be_bytes(*low))
            }
        )*
    };
}

small! {
    i8 in i32, wrap_i8;
    u8 in u32, wrap_u8;
    i16 in i32, wrap_i16;
    u16 in u32, wrap_u16;
}

/// A number that does not fit: let through if lax.
#[cold]
#[inline(never)]
fn out_of_range(value: i64, mode: Mode, offset: usize) -> Result<(), DecodeError> {
    match mode {
        Mode::Strict => Err(DecodeError::new(DecodeErrorKind::Range { value }, offset)),
        Mode::Lax => Ok(()),
    }
}
