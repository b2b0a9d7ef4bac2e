//! What people see: tables, az-shaped JSON, captures, histograms.
//!
//! - [`table`]: tables in the layout of Azure's command line
//! - [`az`]: answers in the shape in which that command line prints them
//! - [`histogram`]: latency in figures, and HdrHistogram's files
//! - [`json`]: documents as the command line of Azure prints them
//! - [`compare`]: what Azure has answered beside what the simulator answers
//! - [`capture`]: a run as a capture, with comments
//! - [`pcapng`]: captures for Wireshark and tshark
//! - [`diff`]: what a change of a network does to who reaches whom
//! - [`check`]: promises and what became of them, for people and for CI
//! - [`explain`]: the answer of `explain` for people
//! - [`matrix`]: who reaches whom, in every format
//! - [`meter`]: what crossed peerings, in bytes and in money
//! - [`names`]: how a name was resolved
//! - [`place`]: where things stand in files
//! - [`ping`], [`traceroute`]: what these two programs print

pub mod az;
pub mod capture;
pub mod check;
pub mod compare;
pub mod diff;
pub mod explain;
pub mod histogram;
pub mod json;
pub mod lint;
pub mod matrix;
pub mod meter;
pub mod names;
pub mod pcapng;
pub mod ping;
pub mod place;
mod sarif;
pub mod table;
pub mod traceroute;
