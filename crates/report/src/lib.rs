//! What people see: tables, az-shaped JSON, captures, histograms.
//!
//! - [`pcapng`]: captures for Wireshark and tshark

pub mod pcapng;
