//! What is asked about every pair.

use std::fmt;
use std::str::FromStr;

use engine::reachability::{Service, ServiceError};

/// What is asked about every pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Question {
    /// For what.
    pub asked: Asked,
    /// Whether the reply counts.
    pub depth: Depth,
    /// Source port of TCP and UDP; 49152 unless said.
    pub source_port: Option<u16>,
    /// Whether what listens in guests counts: a TCP or UDP probe to a port that nothing listens on is taken as not arrived.
    pub listeners: bool,
}

/// For what one end may reach another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Asked {
    /// One service.
    One(Service),
    /// At least one port of a protocol.
    AnyPort(Protocol),
    /// Every port of a protocol.
    AllPorts(Protocol),
}

/// A protocol with ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// How far a pair is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Depth {
    /// Whether the probe arrives.
    Forward,
    /// Whether the reply comes back, too.
    RoundTrip,
}

impl Question {
    /// Probe and reply, for one service.
    pub fn about(service: Service) -> Self {
        Self {
            asked: Asked::One(service),
            depth: Depth::RoundTrip,
            source_port: None,
            listeners: false,
        }
    }

    /// The same with this depth.
    #[must_use]
    pub fn with_depth(self, depth: Depth) -> Self {
        Self { depth, ..self }
    }
}

impl Protocol {
    /// The service at a port.
    pub fn service(self, port: u16) -> Service {
        match self {
            Self::Tcp => Service::Tcp(port),
            Self::Udp => Service::Udp(port),
        }
    }

    /// Its number in IPv4.
    pub const fn number(self) -> u8 {
        match self {
            Self::Tcp => 6,
            Self::Udp => 17,
        }
    }

    /// `tcp`, `udp`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

/// `icmp`, `tcp/443`, `tcp/any`, `udp/all`.
impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(service) => service.fmt(f),
            Self::AnyPort(protocol) => write!(f, "{}/any", protocol.as_str()),
            Self::AllPorts(protocol) => write!(f, "{}/all", protocol.as_str()),
        }
    }
}

impl FromStr for Asked {
    type Err = ServiceError;

    fn from_str(text: &str) -> Result<Self, ServiceError> {
        let text = text.trim();
        match text.to_ascii_lowercase().as_str() {
            "tcp/any" => Ok(Self::AnyPort(Protocol::Tcp)),
            "udp/any" => Ok(Self::AnyPort(Protocol::Udp)),
            "tcp/all" => Ok(Self::AllPorts(Protocol::Tcp)),
            "udp/all" => Ok(Self::AllPorts(Protocol::Udp)),
            _ => text.parse().map(Self::One),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_is_read_as_it_is_printed() {
        for text in [
            "icmp", "tcp/443", "udp/53", "tcp/any", "udp/any", "tcp/all", "udp/all",
        ] {
            assert_eq!(text.parse::<Asked>().unwrap().to_string(), text);
        }
        let spaced: Asked = " tcp/443".parse().unwrap();
        assert_eq!(spaced, Asked::One(Service::Tcp(443)));
        assert!("icmp/any".parse::<Asked>().is_err());
    }
}
