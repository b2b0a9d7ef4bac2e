//! End to end: the binary as users run it, a file a theme.

mod command_line;
mod reading;
mod templates;
mod vnetsim;
