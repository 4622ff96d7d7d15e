//! Numbers of the format.

/// Kinds of blocks.
pub(super) mod kind {
    pub(in super::super) const SECTION_HEADER: u32 = 0x0a0d_0d0a;
    pub(in super::super) const INTERFACE_DESCRIPTION: u32 = 1;
    pub(in super::super) const SIMPLE_PACKET: u32 = 3;
    pub(in super::super) const NAME_RESOLUTION: u32 = 4;
    pub(in super::super) const ENHANCED_PACKET: u32 = 6;
}

/// Codes of options; some mean something else in each kind of block.
pub(super) mod option {
    pub(in super::super) const END: u16 = 0;
    pub(in super::super) const COMMENT: u16 = 1;
    /// Of a section header: the program that wrote it.
    pub(in super::super) const APPLICATION: u16 = 4;
    /// Of an interface.
    pub(in super::super) const NAME: u16 = 2;
    pub(in super::super) const DESCRIPTION: u16 = 3;
    pub(in super::super) const SPEED: u16 = 8;
    pub(in super::super) const RESOLUTION: u16 = 9;
    pub(in super::super) const TIME_OFFSET: u16 = 14;
    /// Of a packet.
    pub(in super::super) const FLAGS: u16 = 2;
}

/// The first field of a section's body: its octets tell the order of all others.
pub(super) const BYTE_ORDER: u32 = 0x1a2b_3c4d;

/// Octets to the next multiple of four.
pub(super) const fn padding(length: usize) -> usize {
    length.wrapping_neg() % 4
}
