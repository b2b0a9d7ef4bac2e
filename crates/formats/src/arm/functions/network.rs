//! `parseCidr`, `cidrSubnet`, `cidrHost`.

use std::net::Ipv4Addr;

use ipnet::IpNet;

use super::{Call, Fault};
use crate::json::{Member, Value};

pub(super) fn call(lower: &str, call: &Call<'_>) -> Option<Result<Value, Fault>> {
    Some(match lower {
        "cidrhost" => cidr_host(call),
        "cidrsubnet" => cidr_subnet(call),
        "parsecidr" => parse_cidr(call),
        _ => return None,
    })
}

/// The network of argument 0; host bits are allowed, as Azure allows them here.
fn network(call: &Call<'_>) -> Result<IpNet, Fault> {
    let text = call.text(0)?;
    let network: IpNet = text
        .trim()
        .parse()
        .map_err(|_| call.fault(format_args!("takes a prefix as 10.0.0.0/16, not {text}")))?;
    Ok(network.trunc())
}

/// `cidrSubnet(network, newCIDR, subnetIndex)`: one of the subnets of a prefix length.
fn cidr_subnet(call: &Call<'_>) -> Result<Value, Fault> {
    call.counts(3..=3)?;
    let (network, length, index) = (network(call)?, call.integer(1)?, call.integer(2)?);
    let length = u8::try_from(length)
        .ok()
        .filter(|length| (network.prefix_len()..=network.max_prefix_len()).contains(length));
    let length = length.ok_or_else(|| {
        call.fault(format_args!(
            "cannot divide {network} into /{}",
            call.values[1]
        ))
    })?;
    let subnet = u128::try_from(index).ok().and_then(|index| {
        let bits = u32::from(length - network.prefix_len());
        // The index must fit into the bits between both lengths.
        if index.checked_shr(bits).unwrap_or(0) != 0 {
            return None;
        }
        let offset = index
            .checked_shl(u32::from(network.max_prefix_len() - length))
            .unwrap_or(0);
        nth(network, offset).and_then(|address| IpNet::new(address, length).ok())
    });
    call.answer(
        subnet
            .ok_or_else(|| {
                call.fault(format_args!(
                    "finds no subnet {index} of /{length} in {network}"
                ))
            })?
            .to_string(),
    )
}

/// `cidrHost(network, hostIndex)`: index 0 is the address after the network's own.
fn cidr_host(call: &Call<'_>) -> Result<Value, Fault> {
    call.counts(2..=2)?;
    let (network, index) = (network(call)?, call.integer(1)?);
    let host = u128::try_from(index)
        .ok()
        .and_then(|index| nth(network, index + 1))
        .filter(|host| network.contains(host));
    call.answer(
        host.ok_or_else(|| call.fault(format_args!("finds no host {index} in {network}")))?
            .to_string(),
    )
}

fn nth(network: IpNet, offset: u128) -> Option<std::net::IpAddr> {
    match network {
        IpNet::V4(v4) => {
            let offset = u32::try_from(offset).ok()?;
            Some(Ipv4Addr::from(u32::from(v4.network()).checked_add(offset)?).into())
        }
        IpNet::V6(v6) => {
            Some(std::net::Ipv6Addr::from(u128::from(v6.network()).checked_add(offset)?).into())
        }
    }
}

fn parse_cidr(call: &Call<'_>) -> Result<Value, Fault> {
    call.counts(1..=1)?;
    let network = network(call)?;
    let hosts = match network {
        // The addresses that a host may have; in a /31 and /32 all of them.
        IpNet::V4(v4) if v4.prefix_len() < 31 => {
            let (first, last) = (u32::from(v4.network()) + 1, u32::from(v4.broadcast()) - 1);
            [
                Ipv4Addr::from(first).to_string(),
                Ipv4Addr::from(last).to_string(),
            ]
        }
        _ => [
            network.network().to_string(),
            network.broadcast().to_string(),
        ],
    };
    let [first, last] = hosts;
    let entry = |key: &str, value: Value| Member {
        key: key.into(),
        key_span: call.span,
        value,
    };
    let text = |key: &str, text: String| entry(key, Value::new(call.span, text));
    call.answer(vec![
        text("network", network.network().to_string()),
        text("netmask", network.netmask().to_string()),
        text("broadcast", network.broadcast().to_string()),
        text("firstUsable", first),
        text("lastUsable", last),
        entry(
            "cidr",
            Value::new(call.span, i64::from(network.prefix_len())),
        ),
    ])
}

#[cfg(test)]
mod tests {
    use super::super::testing::{check, refuse};

    #[test]
    fn prefixes_are_divided_as_the_documentation_divides_them() {
        check(&[
            ("cidrSubnet('10.144.0.0/20', 24, 0)", "\"10.144.0.0/24\""),
            ("cidrSubnet('10.144.0.0/20', 24, 4)", "\"10.144.4.0/24\""),
            (
                "cidrSubnet('fdad:3236:5555::/48', 52, 1)",
                "\"fdad:3236:5555:1000::/52\"",
            ),
            (
                "cidrSubnet('0.0.0.0/0', 32, 4294967295)",
                "\"255.255.255.255/32\"",
            ),
            ("cidrSubnet('10.0.0.0/16', 16, 0)", "\"10.0.0.0/16\""),
            ("cidrHost('10.144.3.0/24', 1)", "\"10.144.3.2\""),
            ("cidrHost('10.144.3.0/24', 0)", "\"10.144.3.1\""),
            (
                "parseCidr('10.144.0.7/20')",
                r#"{"network":"10.144.0.0","netmask":"255.255.240.0","broadcast":"10.144.15.255","firstUsable":"10.144.0.1","lastUsable":"10.144.15.254","cidr":20}"#,
            ),
            ("parseCidr('10.0.0.1/32').lastUsable", "\"10.0.0.1\""),
        ]);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        refuse(&[
            ("cidrSubnet('10.144.0.0/20', 24, 16)", "no subnet 16 of /24"),
            ("cidrSubnet('10.144.0.0/20', 24, -1)", "no subnet -1"),
            (
                "cidrSubnet('10.144.0.0/20', 16, 0)",
                "cannot divide 10.144.0.0/20 into /16",
            ),
            ("cidrSubnet('10.0.0.0/8', 33, 0)", "cannot divide"),
            ("cidrHost('10.0.0.0/30', 3)", "no host 3"),
            ("cidrHost('10.0.0.0', 3)", "takes a prefix"),
        ]);
    }
}
