//! The flags that the clients share, declared once, and what they come to.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroUsize;
use std::time::Duration;

use echo6::Client;
use echo6::address::Families;
use echo6::client::ProxyHeader;

use super::failure::Failure;
use super::targets::Search;
use super::values::families;

/// How long an attempt to connect has the field to itself, unless set (RFC 8305, section 8).
pub(crate) const HEAD_START: Duration = Duration::from_millis(250);

/// Declares the arguments of a client: what it shares with the others, with its own words for
/// `--timeout`, `--quiet` and `--verbose`, and behind that its own. argh cannot flatten one struct
/// into another.
macro_rules! client_arguments {
    (
        $(#[$attribute:meta])*
        pub(crate) struct $name:ident {
            timeout: $timeout:tt,
            quiet: $quiet:tt,
            verbose: $verbose:tt,
            $($own:tt)*
        }
    ) => {
        #[derive(argh::ArgsInfo, argh::FromArgs)]
        $(#[$attribute])*
        pub(crate) struct $name {
            /// IPv4 only
            #[argh(switch, short = '4')]
            ipv4: bool,

            /// IPv6 only
            #[argh(switch, short = '6')]
            ipv6: bool,

            /// local address to connect from
            #[argh(
                option,
                short = 's',
                arg_name = "ADDRESS",
                from_str_fn($crate::cli::values::parse_source)
            )]
            source: Option<std::net::IpAddr>,

            #[doc = $timeout]
            #[argh(
                option,
                short = 'w',
                arg_name = "D",
                from_str_fn($crate::cli::values::parse_timeout),
                default = "std::time::Duration::from_secs(5)"
            )]
            timeout: std::time::Duration,

            /// give up an address that has not accepted after D (default: 5s), and a name that
            /// is not resolved after D (default: the resolver decides)
            #[argh(option, arg_name = "D", from_str_fn($crate::cli::values::parse_timeout))]
            connect_timeout: Option<std::time::Duration>,

            /// end the whole command after D, with its summary
            #[argh(option, arg_name = "D", from_str_fn($crate::cli::values::parse_timeout))]
            pub(crate) deadline: Option<std::time::Duration>,

            /// retry until it echoes, for D at most, then begin
            #[argh(option, arg_name = "D", from_str_fn($crate::cli::values::parse_timeout))]
            until_ready: Option<std::time::Duration>,

            /// send a PROXY header first, as a balancer does: v1, v2 or local, with
            /// =SRC,DST to announce other addresses than the connection's
            #[argh(
                option,
                arg_name = "HEADER",
                from_str_fn($crate::cli::values::parse_proxy_header)
            )]
            proxy_protocol: Option<echo6::client::ProxyHeader>,

            /// send the header in pieces of N bytes, 10 ms apart
            #[argh(option, arg_name = "N", from_str_fn($crate::cli::values::parse_limit))]
            proxy_split: Option<std::num::NonZeroUsize>,

            /// write one JSON object per line to stdout
            #[argh(switch)]
            pub(crate) json: bool,

            #[doc = $quiet]
            #[argh(switch, short = 'q')]
            quiet: bool,

            #[doc = $verbose]
            #[argh(switch, short = 'v')]
            verbose: bool,

            $($own)*
        }

        impl $name {
            /// What the shared flags say.
            fn dial(&self) -> $crate::cli::flags::Dial {
                $crate::cli::flags::Dial {
                    ipv4: self.ipv4,
                    ipv6: self.ipv6,
                    source: self.source,
                    connect_timeout: self.connect_timeout,
                    timeout: self.timeout,
                    until_ready: self.until_ready,
                    proxy_protocol: self.proxy_protocol.clone(),
                    proxy_split: self.proxy_split,
                }
            }
        }
    };
}

pub(crate) use client_arguments;

/// The flags that the clients share: whom to call, from where, and how long to wait.
pub(crate) struct Dial {
    pub(crate) ipv4: bool,
    pub(crate) ipv6: bool,
    pub(crate) source: Option<IpAddr>,
    pub(crate) connect_timeout: Option<Duration>,
    pub(crate) timeout: Duration,
    pub(crate) until_ready: Option<Duration>,
    pub(crate) proxy_protocol: Option<ProxyHeader>,
    pub(crate) proxy_split: Option<NonZeroUsize>,
}

impl Dial {
    /// The client that they ask for.
    pub(crate) fn client(&self) -> Result<Client, Failure> {
        let client = Client::new().timeout(self.timeout);
        let client = match self.connect_timeout {
            Some(limit) => client.connect_timeout(limit),
            None => client,
        };
        let client = match self.source {
            Some(source) => client.source(source),
            None => client,
        };
        match (&self.proxy_protocol, self.proxy_split) {
            (Some(header), Some(piece)) => Ok(client.proxy_header(header.clone().split(piece))),
            (Some(header), None) => Ok(client.proxy_header(header.clone())),
            (None, Some(_)) => Err(Failure::usage("--proxy-split needs --proxy-protocol")
                .with_help(Some("add --proxy-protocol v2, or leave out --proxy-split".to_owned()))),
            (None, None) => Ok(client),
        }
    }

    /// What to look for behind a name, and for how long.
    pub(crate) fn search(&self) -> Result<Search, Failure> {
        let families = self.families()?;
        Ok(Search { families, source: self.source, limit: self.connect_timeout })
    }

    /// What `-4`, `-6` and the family of `--source` leave.
    fn families(&self) -> Result<Families, Failure> {
        let wanted = families(self.ipv4, self.ipv6)?;
        match self.source.map(|source| Families::of(SocketAddr::new(source, 0))) {
            None => Ok(wanted),
            Some(of_source) if wanted == Families::Both || wanted == of_source => Ok(of_source),
            Some(of_source) => Err(Failure::usage(format!(
                "--source is an {of_source} address, but only {wanted} is wanted"
            ))
            .with_help(Some(format!("give an {wanted} address, or leave -4 and -6 out")))),
        }
    }
}
