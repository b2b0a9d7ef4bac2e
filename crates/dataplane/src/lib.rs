//! What happens to a packet: the compiled tables of `control`, asked in the order in which Azure's hosts ask them.
#![forbid(unsafe_code)]

mod checksum;
pub mod dropped;
pub mod packet;
pub mod time;
