//! What is asked when it is asked whether one end reaches another: the service, the probe that stands for it, and the words of the answer.
//!
//! Networks are judged, not applications: a probe is one packet, and what listens at its end plays no part. Who sends the probe, and what
//! becomes of it, is the business of others.

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

use dataplane::packet::protocol;
use schemars::JsonSchema;
use serde::Serialize;

use crate::application::{FIRST_SOURCE_PORT, Probe, ProbeKind};

/// What is asked for between two ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Service {
    /// Echo.
    Icmp,
    /// A connection to this port.
    Tcp(u16),
    /// A datagram to this port.
    Udp(u16),
}

/// The answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Probe and reply arrive.
    Reachable,
    /// The probe arrives, the reply does not.
    ForwardOnly,
    /// The probe does not arrive.
    Unreachable,
    /// The input does not hold what decides.
    Unknown,
}

/// Words that name no service.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no service; expected icmp, tcp/PORT or udp/PORT with a port from 1 to 65535")]
pub struct ServiceError(pub String);

impl Service {
    /// The number of the protocol in IPv4, and the port that is asked for.
    pub fn numbers(self) -> (u8, Option<u16>) {
        match self {
            Self::Icmp => (protocol::ICMP, None),
            Self::Tcp(port) => (protocol::TCP, Some(port)),
            Self::Udp(port) => (protocol::UDP, Some(port)),
        }
    }

    /// The probe that stands for the service between two addresses: an echo request without data, a SYN, a datagram with one byte.
    /// `source_port`: [`FIRST_SOURCE_PORT`] unless said; an echo has none.
    pub fn probe(self, source: Ipv4Addr, destination: Ipv4Addr, source_port: Option<u16>) -> Probe {
        let source_port = Some(source_port.unwrap_or(FIRST_SOURCE_PORT));
        Probe {
            source,
            destination,
            kind: match self {
                Self::Icmp => ProbeKind::Echo {
                    identifier: 1,
                    payload: 0,
                },
                Self::Tcp(port) => ProbeKind::Tcp { port, source_port },
                Self::Udp(port) => ProbeKind::Udp {
                    port,
                    source_port,
                    payload: 1,
                },
            },
            dont_fragment: false,
        }
    }
}

/// `icmp`, `tcp/443`, `udp/53`.
impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Icmp => f.write_str("icmp"),
            Self::Tcp(port) => write!(f, "tcp/{port}"),
            Self::Udp(port) => write!(f, "udp/{port}"),
        }
    }
}

impl FromStr for Service {
    type Err = ServiceError;

    fn from_str(text: &str) -> Result<Self, ServiceError> {
        let refused = || ServiceError(text.to_owned());
        let lower = text.to_ascii_lowercase();
        if lower == "icmp" {
            return Ok(Self::Icmp);
        }
        let (protocol, port) = lower.split_once('/').ok_or_else(refused)?;
        let port = port.parse().map_err(|_| refused())?;
        match protocol {
            "tcp" => Ok(Self::Tcp(port)),
            "udp" => Ok(Self::Udp(port)),
            _ => Err(refused()),
        }
    }
}

impl Verdict {
    /// The word in every output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reachable => "reachable",
            Self::ForwardOnly => "forward-only",
            Self::Unreachable => "unreachable",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_read_as_it_is_printed() {
        for text in ["icmp", "tcp/443", "udp/53", "tcp/0", "udp/65535"] {
            assert_eq!(text.parse::<Service>().unwrap().to_string(), text);
        }
        assert_eq!("TCP/22".parse(), Ok(Service::Tcp(22)));
        for text in ["", "tcp", "tcp/", "tcp/65536", "icmp/8", "sctp/1", "443"] {
            assert_eq!(text.parse::<Service>(), Err(ServiceError(text.to_owned())));
        }
    }
}
