//! A length in, bytes out that nothing on the way can compress, know or guess.

pub(super) fn random(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    fastrand::fill(&mut bytes);
    bytes
}
