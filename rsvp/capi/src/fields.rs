//! Fields of C structures, one after another, as the machine has them.

use crate::code::Code;

/// What is left of the octets of a structure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fields<'a> {
    left: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(crate) const fn new(octets: &'a [u8]) -> Self {
        Self { left: octets }
    }

    /// The next octets; `RAPI_ERR_OBJLEN` if there are not so many.
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Code> {
        let (head, rest) = self.left.split_first_chunk::<N>().ok_or(Code::OBJLEN)?;
        self.left = rest;
        Ok(*head)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Code> {
        self.array::<1>().map(|[octet]| octet)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, Code> {
        self.array().map(u16::from_ne_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Code> {
        self.array().map(u32::from_ne_bytes)
    }

    pub(crate) fn f32(&mut self) -> Result<f32, Code> {
        self.array().map(f32::from_ne_bytes)
    }

    pub(crate) const fn rest(self) -> &'a [u8] {
        self.left
    }
}

/// Octets of C structures that are being made.
#[derive(Debug, Default)]
pub(crate) struct Octets(pub(crate) Vec<u8>);

impl Octets {
    pub(crate) fn u8(&mut self, value: u8) -> &mut Self {
        self.0.push(value);
        self
    }

    pub(crate) fn u16(&mut self, value: u16) -> &mut Self {
        self.raw(&value.to_ne_bytes())
    }

    pub(crate) fn u32(&mut self, value: u32) -> &mut Self {
        self.raw(&value.to_ne_bytes())
    }

    pub(crate) fn f32(&mut self, value: f32) -> &mut Self {
        self.raw(&value.to_ne_bytes())
    }

    pub(crate) fn raw(&mut self, octets: &[u8]) -> &mut Self {
        self.0.extend_from_slice(octets);
        self
    }

    /// Octets that fill up a structure.
    pub(crate) fn pad(&mut self, count: usize) -> &mut Self {
        self.0.resize(self.0.len() + count, 0);
        self
    }
}
