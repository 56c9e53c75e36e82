//! Units in, numbers and words of the one JSON schema out: for `serialize_with`, behind the feature
//! `serde`.
//!
//! A field that ends in `_us` is in microseconds, a number with three decimals at most, as rates are; `family` is `ipv4` or
//! `ipv6`; what is absent is left out.

use std::fmt::Display;
use std::net::SocketAddr;
use std::time::Duration;

use serde::ser::SerializeMap as _;
use serde::{Serialize as _, Serializer};

use crate::address::Families;

/// Writes microseconds, with a fraction down to the nanosecond.
pub(crate) fn micros<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(in_micros(*time))
}

/// Writes microseconds where there is a time. Use it with `skip_serializing_if`.
pub(crate) fn some_micros<S: Serializer>(
    time: &Option<Duration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    time.map(in_micros).serialize(serializer)
}

/// A time as the schema counts it.
pub(crate) fn in_micros(time: Duration) -> f64 {
    time.as_nanos() as f64 / 1e3
}

/// Writes the peer of a server, and its `family`. Use it with `flatten`.
pub(crate) fn peer<S: Serializer>(peer: &SocketAddr, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(serde::Serialize)]
    struct Peer {
        peer: SocketAddr,
        family: &'static str,
    }
    Peer { peer: *peer, family: Families::of(*peer).code() }.serialize(serializer)
}

/// Writes a rate, or another figure that is measured, with three decimals at most: more say nothing.
pub(crate) fn thousandths<S: Serializer>(figure: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(in_thousandths(*figure))
}

/// The same where there is a figure. Use it with `skip_serializing_if`.
pub(crate) fn some_thousandths<S: Serializer>(
    figure: &Option<f64>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    figure.map(in_thousandths).serialize(serializer)
}

/// A figure as the schema writes it.
pub(crate) fn in_thousandths(figure: f64) -> f64 {
    (figure * 1e3).round() / 1e3
}

/// A figure, or the part by which two differ, which has six decimals as long as it is below one.
pub(crate) fn fine<S: Serializer>(figure: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(if figure.abs() < 1.0 {
        (figure * 1e6).round() / 1e6
    } else {
        in_thousandths(*figure)
    })
}

/// Writes families as a list.
pub(crate) fn families<S: Serializer>(
    families: &Families,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let names = match families {
        Families::Both => vec![Families::Ipv6.code(), Families::Ipv4.code()],
        one => vec![one.code()],
    };
    names.serialize(serializer)
}

/// Writes what something displays, where there is something. Use it with `skip_serializing_if`.
pub(crate) fn some_text<T: Display, S: Serializer>(
    value: &Option<T>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    value.as_ref().map(T::to_string).serialize(serializer)
}

/// Writes an address and its family, as two fields of the struct that holds it. Use it with
/// `flatten`.
pub(crate) fn address<S: Serializer>(
    address: &SocketAddr,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(2))?;
    map.serialize_entry("address", address)?;
    map.serialize_entry("family", Families::of(*address).code())?;
    map.end()
}

/// Writes an address and its family where there is one. Use it with `flatten`.
pub(crate) fn some_address<S: Serializer>(
    address: &Option<SocketAddr>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match address {
        Some(address) => self::address(address, serializer),
        None => serializer.serialize_map(Some(0))?.end(),
    }
}
