//! What people see: tables, az-shaped JSON, captures, histograms.
//!
//! - [`histogram`]: latency in figures, and HdrHistogram's files
//! - [`pcapng`]: captures for Wireshark and tshark

pub mod histogram;
pub mod pcapng;
