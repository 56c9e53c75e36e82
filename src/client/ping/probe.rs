//! What a probe carries: its sequence number, then bytes that nobody can guess, and an empty line at
//! the end, so that a server that reads lines answers each probe.

use crate::client::noise::{end_line, random};

/// The sequence number, 8 bytes in network order, is the least that a probe carries.
pub(in crate::client) const HEADER: usize = 8;

/// A probe of `size` bytes, at least [`HEADER`], whose number is still to be written.
pub(in crate::client) fn payload(size: usize) -> Vec<u8> {
    let mut payload = random(size.max(HEADER));
    end_line(&mut payload);
    payload
}

/// Writes the sequence number.
pub(in crate::client) fn number(payload: &mut [u8], sequence: u64) {
    payload[..HEADER].copy_from_slice(&sequence.to_be_bytes());
}
