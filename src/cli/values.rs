//! One word of the command line in, a value that cannot be wrong out.

use std::net::{IpAddr, SocketAddr};
use std::num::{NonZeroU16, NonZeroU32, NonZeroUsize};
use std::time::Duration;

use echo6::address::{AddressError, AddressErrorKind as Kind, Endpoint, Families, Host, pton};
use echo6::client::ProxyHeader;
use echo6::proxy::{Command as ProxyCommand, Header, Version};

use super::failure::Failure;

/// Reads a duration: seconds, or a number with `us`, `ms`, `s`, `m` or `h` behind it.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let duration = match text.parse::<f64>() {
        Ok(seconds) => Duration::try_from_secs_f64(seconds).ok(),
        Err(_) => humantime::parse_duration(text).ok(),
    };
    duration.ok_or_else(|| {
        "a duration is a number of seconds, or has a unit: 50us, 500ms, 2s, 5m, 1h".into()
    })
}

/// Reads a duration that must not be zero.
pub(crate) fn parse_timeout(text: &str) -> Result<Duration, String> {
    match parse_duration(text)? {
        Duration::ZERO => Err("must be greater than zero".to_owned()),
        timeout => Ok(timeout),
    }
}

/// Reads a limit, a whole number that must not be zero.
pub(crate) fn parse_limit(text: &str) -> Result<NonZeroUsize, String> {
    let limit = usize::try_from(parse_count(text)?).map_err(|_| "must be smaller".to_owned())?;
    NonZeroUsize::new(limit).ok_or_else(|| "must be a number of at least 1".to_owned())
}

/// Reads a number of bytes that must not be zero.
pub(crate) fn parse_byte_limit(text: &str) -> Result<u64, String> {
    match parse_size(text)? {
        0 => Err("must be greater than zero".to_owned()),
        limit => Ok(limit),
    }
}

/// Reads a number per second, as in `1000` or `1000/s`.
pub(crate) fn parse_rate(text: &str) -> Result<NonZeroU32, String> {
    let number = text.strip_suffix("/s").unwrap_or(text);
    number.parse().map_err(|_| "must be a number per second of at least 1, such as 1000".to_owned())
}

/// Reads the size of a socket's buffer, which the system keeps as a C int.
pub(crate) fn parse_buffer(text: &str) -> Result<usize, String> {
    let size = i32::try_from(parse_byte_limit(text)?).map_err(|_| "must be below 2G".to_owned())?;
    Ok(size as usize)
}

/// Reads a TOS or traffic class: a DSCP by name (RFC 2474, RFC 3246), an ECN codepoint (RFC 3168), or
/// the whole byte as a number.
pub(crate) fn parse_tos(text: &str) -> Result<u8, String> {
    let byte = |text: &str| match text.strip_prefix("0x") {
        Some(digits) => u8::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    };
    let class = text.strip_prefix("cs").and_then(|class| class.parse::<u8>().ok());
    match (text, class) {
        ("ef", _) => Ok(46 << 2),
        ("ect1", _) => Ok(1),
        ("ect0", _) => Ok(2),
        (_, Some(class @ 0..8)) => Ok(class << 5),
        _ => byte(text)
            .ok_or_else(|| "must be ef, ect0, ect1, cs0 to cs7, or from 0 to 255".to_owned()),
    }
}

/// Reads the size of a datagram, from 1 to the most that IPv6 carries.
pub(crate) fn parse_datagram_size(text: &str) -> Result<usize, String> {
    match parse_size(text)? {
        size @ 1..=65_527 => Ok(size as usize),
        _ => Err("must be from 1 to 65527, over IPv4 to 65507".to_owned()),
    }
}

/// Reads a number of ports to send from.
pub(crate) fn parse_flows(text: &str) -> Result<NonZeroU16, String> {
    match text.parse::<NonZeroU16>() {
        Ok(flows) if flows.get() <= 256 => Ok(flows),
        _ => Err("must be from 1 to 256".to_owned()),
    }
}

/// Reads a head start, within the bounds of RFC 8305, section 8.
pub(crate) fn parse_head_start(text: &str) -> Result<Duration, String> {
    let head_start = parse_duration(text)?;
    if (Duration::from_millis(10)..=Duration::from_secs(2)).contains(&head_start) {
        Ok(head_start)
    } else {
        Err("must be from 10ms to 2s".to_owned())
    }
}

/// Reads a number of bytes: a whole number, or one with `k`, `M` or `G` behind it, powers of 1024,
/// also as `KB` or `KiB`.
pub(crate) fn parse_size(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor = match text[digits.len()..].to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" | "kib" => 1 << 10,
        "m" | "mb" | "mib" => 1 << 20,
        "g" | "gb" | "gib" => 1 << 30,
        _ => 0,
    };
    let size = digits.parse::<u64>().ok().filter(|_| factor > 0);
    size.and_then(|number| number.checked_mul(factor))
        .ok_or_else(|| "a size is a number of bytes, or has a unit: 64k, 1M, 1G".to_owned())
}

/// Reads a number that must not be zero.
pub(crate) fn parse_count(text: &str) -> Result<u64, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("must be a number of at least 1".to_owned()),
        Ok(count) => Ok(count),
    }
}

/// Reads an IPv4 or IPv6 address without a port.
pub(crate) fn parse_source(text: &str) -> Result<IpAddr, String> {
    pton(text).map_err(|_| {
        if parse_size(text).is_ok() {
            return format!("not an address of this host (did you mean --size {text}?)");
        }
        let with_port = text.parse::<Endpoint>().or_else(|_| format!("{text}:0").parse());
        match with_port.as_ref().map(Endpoint::host) {
            Ok(Host::V4(ip)) => format!("the system chooses the port: write {ip}"),
            Ok(Host::V6(ip)) => format!("brackets and port are left out: write {ip}"),
            _ => "must be an IPv4 or IPv6 address of this host, such as 192.0.2.1 or 2001:db8::1; \
                  \"ip address\" lists those of an interface"
                .to_owned(),
        }
    })
}

/// Reads a PROXY header: `v1`, `v2` or `local`, and behind `=` the two addresses that it announces.
/// A LOCAL header with addresses is what some balancers check with.
pub(crate) fn parse_proxy_header(text: &str) -> Result<ProxyHeader, String> {
    let (word, ends) = match text.split_once('=') {
        Some((word, ends)) => (word, Some(proxy_ends(ends)?)),
        None => (text, None),
    };
    let header = |version, (source, destination)| Header::new(version, source, destination);
    match (word, ends) {
        ("v1", None) => Ok(ProxyHeader::own(Version::V1)),
        ("v2", None) => Ok(ProxyHeader::own(Version::V2)),
        ("local", None) => Ok(Header::local(Version::V2).into()),
        ("v1", Some(ends)) => Ok(header(Version::V1, ends).into()),
        ("v2", Some(ends)) => Ok(header(Version::V2, ends).into()),
        ("local", Some(ends)) => {
            let mut local = header(Version::V2, ends);
            local.command = ProxyCommand::Local;
            Ok(local.into())
        }
        _ => Err("must be v1, v2 or local, such as v1 or v2=192.0.2.7:41000,198.51.100.1:7".into()),
    }
}

fn proxy_ends(text: &str) -> Result<(SocketAddr, SocketAddr), String> {
    let end = |text: &str| {
        let endpoint: Endpoint = text
            .trim()
            .parse()
            .map_err(|error: AddressError| format!("{error} ({})", error.help()))?;
        match endpoint.host() {
            Host::V4(ip) => Ok(SocketAddr::new((*ip).into(), endpoint.port())),
            Host::V6(ip) => Ok(SocketAddr::new((*ip).into(), endpoint.port())),
            _ => Err(format!("{endpoint} is not an address with a port, such as 192.0.2.7:41000")),
        }
    };
    match text.split_once(',') {
        Some((source, destination)) => Ok((end(source)?, end(destination)?)),
        None => Err("two addresses follow the =: 192.0.2.7:41000,198.51.100.1:7".to_owned()),
    }
}

/// What `-4` and `-6` leave.
pub(crate) fn families(ipv4: bool, ipv6: bool) -> Result<Families, Failure> {
    match (ipv4, ipv6) {
        (false, false) => Ok(Families::Both),
        (true, false) => Ok(Families::Ipv4),
        (false, true) => Ok(Families::Ipv6),
        (true, true) => Err(Failure::usage("--ipv4 and --ipv6 exclude each other")
            .with_help(Some("for both families, give neither".to_owned()))),
    }
}

/// Reads the ADDRESS arguments of a `command`: one or more, with commas or blanks between them.
/// `behind` is the word that stands behind them.
pub(crate) fn endpoints(
    command: &str,
    words: &[String],
    behind: Option<&String>,
) -> Result<Vec<Endpoint>, Failure> {
    let texts: Vec<&str> = words.iter().flat_map(|word| listed(word)).collect();
    if texts.is_empty() {
        return Err(no_address(command));
    }
    let endpoint = |(index, text): (usize, &&str)| {
        let next = texts.get(index + 1).copied().or_else(|| behind.map(String::as_str));
        text.parse().map_err(|error| refused(error, next))
    };
    texts.iter().enumerate().map(endpoint).collect()
}

/// What is wrong with a `command` that is given no ADDRESS, with one that it takes.
pub(crate) fn no_address(command: &str) -> Failure {
    let arguments = match command {
        "listen" => ":7000",
        "send" => "127.0.0.1:7000 hello",
        _ => "127.0.0.1:7000",
    };
    let help = format!("write one: echo6 {command} {arguments}; try 'echo6 {command} --help'");
    Failure::usage("no ADDRESS given").with_help(Some(help))
}

/// The items of a list with commas or blanks between them. A byte order mark is none of them.
pub(crate) fn listed(list: &str) -> impl Iterator<Item = &str> {
    let is_between = |c: char| c == ',' || c == '\u{feff}' || c.is_whitespace();
    list.split(is_between).filter(|item| !item.is_empty())
}

/// What is wrong with an address that `next` stands behind, which may be its port. What stands for
/// an address may also be the unit of a number before it.
fn refused(error: AddressError, next: Option<&str>) -> Failure {
    let host = error.input();
    let misses_port = matches!(error.kind(), Kind::MissingPort | Kind::MissingBrackets);
    let meant = next.filter(|next| misses_port && next.parse::<u16>().is_ok()).and_then(|port| {
        let meant = [format!("{host}:{port}"), format!("[{host}]:{port}")];
        meant.into_iter().find(|meant| meant.parse::<Endpoint>().is_ok())
    });
    if let Some(meant) = meant {
        return Failure::from(error).with_help(Some(format!("write {meant}")));
    }
    let of_time = ["us", "ms", "s", "sec", "min", "m", "h"];
    let of_size = ["k", "kb", "kib", "mb", "mib", "g", "gb", "gib"];
    let unit = host.to_lowercase();
    if misses_port && of_time.iter().chain(&of_size).any(|known| *known == unit) {
        let help =
            format!("if {host} is a unit, write it directly after its number, as in 5ms or 64k");
        return Failure::from(error).with_help(Some(help));
    }
    error.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_seconds_or_have_a_unit() {
        for (text, millis) in
            [("5", 5000), ("0.25", 250), ("500ms", 500), ("2s", 2000), ("5m", 300_000), ("0", 0)]
        {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "-1", "1e30", "inf", "NaN", "5 parsecs", "99999999999999999999h"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
        assert!(parse_timeout("0").is_err() && parse_timeout("1").is_ok());
    }

    #[test]
    fn sizes_are_bytes_or_have_a_unit() {
        for (text, size) in [
            ("0", 0),
            ("64", 64),
            ("64k", 65_536),
            ("1M", 1 << 20),
            ("2G", 2 << 30),
            ("1K", 1024),
            ("10MB", 10 << 20),
            ("10MiB", 10 << 20),
            ("1KB", 1024),
            ("7b", 7),
        ] {
            assert_eq!(parse_size(text), Ok(size), "{text}");
        }
        for text in ["", "k", "-1", "1.5k", "1kk", "1kbb", "1ß", "99999999999G"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_proxy_header_has_a_word_and_may_have_two_addresses() {
        for text in [
            "v1",
            "v2",
            "local",
            "v1=192.0.2.7:41000,198.51.100.1:7",
            "v2=[2001:db8::1]:1,[::1]:2",
            "local=192.0.2.7:1,192.0.2.8:2",
        ] {
            assert!(parse_proxy_header(text).is_ok(), "{text}");
        }
        for text in ["", "v3", "V1", "v1=", "v1=192.0.2.7:1", "v2=192.0.2.7,::1", "v2=name:1,::1:2"]
        {
            assert!(parse_proxy_header(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_source_is_an_address_alone_and_what_else_is_given_says_what_to_write() {
        assert!(parse_source("192.0.2.1").is_ok() && parse_source("2001:db8::1").is_ok());
        for (text, help) in [
            ("100", "did you mean --size 100?"),
            ("127.0.0.1:5000", "write 127.0.0.1"),
            ("[::1]", "write ::1"),
            ("[::1]:5000", "write ::1"),
            ("eth0", "must be an IPv4 or IPv6 address of this host"),
            ("name:7", "must be an IPv4 or IPv6 address of this host"),
        ] {
            let error = parse_source(text).unwrap_err();
            assert!(error.contains(help), "{text}: {error}");
        }
    }

    #[test]
    fn a_tos_has_a_name_or_is_a_byte() {
        for (text, tos) in
            [("ef", 0xb8), ("ect0", 2), ("ect1", 1), ("cs1", 0x20), ("184", 184), ("0xb9", 0xb9)]
        {
            assert_eq!(parse_tos(text), Ok(tos), "{text}");
        }
        for text in ["", "256", "0x", "cs8", "af", "-1"] {
            assert!(parse_tos(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_head_start_has_bounds_and_a_count_begins_at_one() {
        assert!(parse_head_start("10ms").is_ok() && parse_head_start("2s").is_ok());
        assert!(parse_head_start("9ms").is_err() && parse_head_start("2.1").is_err());
        assert!(parse_count("1").is_ok() && parse_count("0").is_err());
    }

    #[test]
    fn a_list_has_commas_or_blanks_between_its_items() {
        for list in ["a,b", "a, b", " a\tb ", "\u{feff}a\r\nb\n", ",a,,b,"] {
            assert_eq!(listed(list).collect::<Vec<_>>(), ["a", "b"], "{list:?}");
        }
        let read = |words: &[&str]| {
            let words: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
            endpoints("listen", &words, None).map(|endpoints| endpoints.len())
        };
        assert_eq!(read(&["127.0.0.1:7, [::1]:7", ":8"]).unwrap(), 3);
        assert!(read(&[]).is_err() && read(&[" , "]).is_err());
    }

    #[test]
    fn an_address_and_its_port_in_two_words_are_put_together() {
        for (words, help) in [
            (["0.0.0.0", "7123"], "help: write 0.0.0.0:7123\n"),
            (["::1", "7123"], "help: write '[::1]:7123'\n"),
            (["name", "7123"], "help: write name:7123\n"),
            (["h", "7123"], "help: write h:7123\n"),
            (["name", "x"], "help: add a port: name:7000\n"),
            (["name", "70000"], "help: add a port: name:7000\n"),
            (
                ["ms", "[::1]:7"],
                "help: if ms is a unit, write it directly after its number, as in 5ms or 64k\n",
            ),
        ] {
            let failure = endpoints("listen", &words.map(str::to_owned), None).unwrap_err();
            assert!(failure.words(false).ends_with(help), "{words:?}: {}", failure.words(false));
        }
    }
}
