//! What networks compile to, rule by rule; a file a theme.

mod admin_rules;
mod agreement;
mod boundaries;
mod connected_groups;
mod firewalls;
mod gateways;
mod generations;
mod histories;
mod next_hops;
mod private_endpoints;
mod route_servers;
mod routes;
mod rules;
mod tags;
mod topology;
