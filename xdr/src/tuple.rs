//! Tuples: one value after the other, as the members of a struct (RFC 4506 §4.14) or the arguments of a procedure.

use crate::decode::{Decode, Decoder};
use crate::encode::{Encode, Encoder};
use crate::error::{DecodeError, EncodeError};

macro_rules! tuple {
    ($($name:ident $at:tt)+) => {
        impl<$($name: Encode),+> Encode for ($($name,)+) {
            #[inline]
            fn fixed_len() -> Option<usize> {
                Some(0usize $(.saturating_add($name::fixed_len()?))+)
            }

            #[inline]
            fn encoded_len(&self) -> usize {
                0usize $(.saturating_add(self.$at.encoded_len()))+
            }

            #[inline]
            fn encode(&self, e: &mut Encoder) -> Result<(), EncodeError> {
                $(self.$at.encode(e).map_err(|error| error.field(stringify!($at)))?;)+
                Ok(())
            }
        }

        impl<'de, $($name: Decode<'de>),+> Decode<'de> for ($($name,)+) {
            const MIN_LEN: usize = 0usize $(.saturating_add($name::MIN_LEN))+;

            #[inline]
            fn decode(d: &mut Decoder<'de>) -> Result<Self, DecodeError> {
                Ok(($($name::decode(d).map_err(|error| error.field(stringify!($at)))?,)+))
            }
        }
    };
}

tuple!(A 0);
tuple!(A 0 B 1);
tuple!(A 0 B 1 C 2);
tuple!(A 0 B 1 C 2 D 3);
tuple!(A 0 B 1 C 2 D 3 E 4);
tuple!(A 0 B 1 C 2 D 3 E 4 F 5);
tuple!(A 0 B 1 C 2 D 3 E 4 F 5 G 6);
tuple!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7);
tuple!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8);
tuple!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9);
tuple!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10);
tuple!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10 L 11);
