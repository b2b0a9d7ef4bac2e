//! End to end: the binary as users run it, a file a theme.

mod command_line;
mod exercise;
mod hub_and_spoke;
mod life_cycle;
mod reading;
mod templates;
mod vnetsim;
