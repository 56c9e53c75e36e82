//! How many bytes went each way.

/// How many bytes went each way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Traffic {
    /// Bytes sent.
    #[cfg_attr(feature = "serde", serde(rename = "sent_bytes"))]
    pub sent: u64,
    /// Bytes that came back.
    #[cfg_attr(feature = "serde", serde(rename = "returned_bytes"))]
    pub returned: u64,
}
