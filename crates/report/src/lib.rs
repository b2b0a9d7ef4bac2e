//! What people see: tables, az-shaped JSON, captures, histograms.
//!
//! - [`table`]: tables in the layout of Azure's command line
//! - [`az`]: answers in the shape in which that command line prints them
//! - [`histogram`]: latency in figures, and HdrHistogram's files
//! - [`json`]: documents as the command line of Azure prints them
//! - [`pcapng`]: captures for Wireshark and tshark
//! - [`ping`], [`traceroute`]: what these two programs print

pub mod az;
pub mod histogram;
pub mod json;
pub mod pcapng;
pub mod ping;
pub mod table;
pub mod traceroute;
