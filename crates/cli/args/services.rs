//! What is asked about every pair, for the commands that ask about all of them.

use clap::Args;
use reach::{Asked, Depth, Protocol, Question, Service};

use super::azure::FlowProtocol;
use crate::failure::Failure;

/// What is asked about every pair: echoes unless said.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Service")]
pub(crate) struct ServicesArguments {
    /// What is asked for: icmp, tcp/443, udp/53; tcp/any (at least one port), tcp/all (every port). Several by commas
    ///
    /// Each gets an answer of its own. udp/all leaves out 65330, from which the fabric carries no reply. [default: icmp]
    #[arg(
        long,
        value_name = "SERVICE",
        value_delimiter = ',',
        conflicts_with = "protocol"
    )]
    pub(crate) service: Vec<Asked>,
    /// The same in two words: a protocol
    #[arg(long, value_enum)]
    pub(crate) protocol: Option<FlowProtocol>,
    /// And its ports: numbers, any or all
    #[arg(
        long,
        value_name = "PORT|any|all",
        value_delimiter = ',',
        requires = "protocol"
    )]
    pub(crate) port: Vec<String>,
    /// Source port of TCP and UDP [default: 49152]
    #[arg(long, value_name = "PORT")]
    pub(crate) source_port: Option<u16>,
    /// Judge the probe alone: whether it arrives, not whether the reply comes back
    #[arg(long)]
    pub(crate) forward: bool,
    /// Let what listens in guests count: TCP and UDP reach only who listens on the port (`guests:` of a scenario; no word there: everything listens)
    #[arg(long)]
    pub(crate) listeners: bool,
    /// Take it that somebody answers at an address on premises that a selector names, where the input knows the prefix but no host
    #[arg(long)]
    pub(crate) assume_hosts: bool,
}

impl ServicesArguments {
    /// What is asked for, in the order of the command line, each once.
    pub(crate) fn asked(&self) -> Result<Vec<Asked>, Failure> {
        let mut services = self.service.clone();
        let usage = |text: String| Err(Failure::Usage(text));
        match (self.protocol, self.port.as_slice()) {
            (None, _) => {}
            (Some(FlowProtocol::Icmp), []) => services.push(Asked::One(Service::Icmp)),
            (Some(FlowProtocol::Icmp), _) => return usage("--port: ICMP has no ports".to_owned()),
            (Some(_), []) => {
                return usage("--protocol tcp and udp need --port NUMBER, any or all".to_owned());
            }
            (Some(protocol), ports) => {
                let protocol = match protocol {
                    FlowProtocol::Udp => Protocol::Udp,
                    _ => Protocol::Tcp,
                };
                for port in ports {
                    services.push(match port.to_ascii_lowercase().as_str() {
                        "any" => Asked::AnyPort(protocol),
                        "all" => Asked::AllPorts(protocol),
                        number => match number.parse() {
                            Ok(port) => Asked::One(protocol.service(port)),
                            Err(_) => {
                                return usage(format!(
                                    "--port cannot be '{port}'; expected 0 to 65535, any or all"
                                ));
                            }
                        },
                    });
                }
            }
        }
        if services.is_empty() {
            services.push(Asked::One(Service::Icmp));
        }
        let mut once = Vec::with_capacity(services.len());
        for service in services {
            if !once.contains(&service) {
                once.push(service);
            }
        }
        Ok(once)
    }

    /// The question about one of them.
    pub(crate) fn question(&self, asked: Asked) -> Question {
        Question {
            asked,
            depth: if self.forward {
                Depth::Forward
            } else {
                Depth::RoundTrip
            },
            source_port: self.source_port,
            listeners: self.listeners,
        }
    }
}
