//! On what a figure was measured.

use std::fs;

use serde_json::{Value, json};

/// Processor, cores and system, as far as the system tells.
pub(super) fn document() -> Value {
    json!({
        "cpu": cpu(),
        "cores": cores(),
        "architecture": std::env::consts::ARCH,
        "system": system(),
    })
}

/// What was built: a commit where the build knew it, else the version.
pub(super) fn commit() -> &'static str {
    option_env!("VNETSIM_COMMIT").unwrap_or(concat!("v", env!("CARGO_PKG_VERSION")))
}

/// One line.
pub(super) fn line() -> String {
    let cores = cores().map_or_else(String::new, |cores| format!(", {cores} cores"));
    format!("{}{cores}, {}", cpu(), system())
}

fn cpu() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        info.lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(key, _)| key.trim() == name)
            .map(|(_, value)| value.trim().to_owned())
    };
    field("model name")
        .or_else(|| field("Model"))
        .unwrap_or_else(|| std::env::consts::ARCH.to_owned())
}

fn cores() -> Option<usize> {
    std::thread::available_parallelism().ok().map(usize::from)
}

fn system() -> String {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{} {}", std::env::consts::OS, release.trim())
        .trim_end()
        .to_owned()
}
