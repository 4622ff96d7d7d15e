//! The feature `serde`: the crate's own types as JSON and back.
#![cfg(feature = "serde")]
#![expect(clippy::unwrap_used, reason = "tests")]

use fairway_xdr::{Array, Chain, Limits, List, Mode, Opaque, Quad, Text, TextRef};
use serde::{Serialize, de::DeserializeOwned};
use std::fmt::Debug;

#[track_caller]
fn both_ways<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T, json: &str) {
    assert_eq!(serde_json::to_string(value).unwrap(), json);
    assert_eq!(&serde_json::from_str::<T>(json).unwrap(), value);
}

#[test]
fn wrappers_are_what_they_hold() {
    both_ways(&Opaque(vec![1, 2].into()), "[1,2]");
    both_ways(&Text("ab".into()), "\"ab\"");
    both_ways(&Array(vec![1, 2]), "[1,2]");
    both_ways(&List(vec![true]), "[true]");
    assert_eq!(
        serde_json::from_str::<TextRef<'_>>("\"ab\"").unwrap(),
        TextRef("ab")
    );
}

#[test]
fn the_others_have_names() {
    both_ways(
        &Chain {
            first: 1,
            rest: vec![2],
        },
        r#"{"first":1,"rest":[2]}"#,
    );
    both_ways(&Mode::Lax, "\"Lax\"");
    both_ways(&Quad::default(), "[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]");
}

#[test]
fn limits_left_out_are_the_defaults() {
    let limits: Limits = serde_json::from_str(r#"{"max_depth":9}"#).unwrap();
    assert_eq!(
        limits,
        Limits {
            max_depth: 9,
            ..Limits::DEFAULT
        }
    );
    assert!(serde_json::from_str::<Limits>(r#"{"depth":9}"#).is_err());
}

#[test]
fn arrays_of_any_length_are_sequences() {
    #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
    struct Long {
        #[serde(with = "fairway_xdr::serde_array")]
        octets: [u8; 40],
        #[serde(with = "fairway_xdr::serde_array::boxed")]
        boxed: Box<[i32; 33]>,
    }
    let value = Long {
        octets: [7; 40],
        boxed: Box::new([-1; 33]),
    };
    let json = serde_json::to_string(&value).unwrap();
    assert_eq!(serde_json::from_str::<Long>(&json).unwrap(), value);
    let short = json.replacen("[7,", "[", 1);
    let error = serde_json::from_str::<Long>(&short).unwrap_err();
    assert!(error.to_string().starts_with("39 elements, 40 expected"));
}
