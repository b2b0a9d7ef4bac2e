//! End to end: the binary as users run it, a file a theme.

mod balancing;
mod bicep;
mod classic;
mod command_line;
mod compare;
mod exercise;
mod explaining;
mod gateways;
mod hostile;
mod hostile_files;
mod hub_and_spoke;
mod life_cycle;
mod lint;
mod names;
mod outside;
mod packets;
mod permissions;
mod reading;
mod security;
mod semantics;
mod showing;
mod templates;
mod terraform;
mod vectors;
mod vnetsim;
mod worked_examples;
