//! What was translated to what, and by whom, in words.

use std::net::Ipv4Addr;

use control::Snapshot;
use control::snapshot::Translator;
use dataplane::dropped::Locator;
use dataplane::nat::Rewrite;
use dataplane::packet::End;

use crate::evidence::Stage;
use crate::object::Object;

/// `destination 10.0.0.100:80 becomes 10.0.1.4:8080 (load balancer ilb)`.
pub(crate) fn words(snapshot: &Snapshot, rewrite: Rewrite) -> (Stage, String, Option<Object>) {
    let end = match rewrite.end {
        End::Source => "source",
        End::Destination => "destination",
    };
    let written = |address: Ipv4Addr, port: u16| match port {
        0 => address.to_string(),
        port => format!("{address}:{port}"),
    };
    let (address, port) = rewrite.from;
    let object = match rewrite.by {
        Translator::Frontend(frontend) => Object::at(snapshot, Locator::Frontend(frontend), None),
    };
    let text = format!(
        "{end} {} becomes {} ({object})",
        written(address, port),
        written(rewrite.address, rewrite.port)
    );
    (Stage::Edge, text, Some(object))
}
