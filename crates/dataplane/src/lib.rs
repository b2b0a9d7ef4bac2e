//! The life of a packet: sans-IO, no clock, no threads.
