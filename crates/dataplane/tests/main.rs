//! Packets through small networks: what is asserted is where each one dies and at which object, never only that it does.

mod admin_rules;
mod appliances;
mod connected_groups;
mod filtering;
mod firewalls;
mod flows;
mod gateways;
mod hostile;
mod internet;
mod load_balancers;
mod peering;
mod private_endpoints;
mod service_endpoints;
mod world;
