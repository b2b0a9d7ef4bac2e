//! Tells the program from which commit it was built: what it measures is worth little without.

use std::env;
use std::path::Path;
use std::process::Command;

/// Whoever builds without git may say it.
const VARIABLE: &str = "VNETSIM_COMMIT";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed={VARIABLE}");
    // Builds for tests should not be made anew after every commit, and nobody measures with them.
    let measures = env::var("PROFILE").is_ok_and(|profile| profile == "release");
    if !measures || env::var_os(VARIABLE).is_some() {
        return;
    }
    let Some(commit) = own_commit() else {
        return;
    };
    if let Some(log) = git(&["rev-parse", "--git-path", "logs/HEAD"]) {
        println!("cargo::rerun-if-changed={log}");
    }
    println!("cargo::rerun-if-changed=crates");
    let changes = git(&["status", "--porcelain", "--untracked-files=no"]);
    let mark = if changes.is_some_and(|changes| !changes.is_empty()) {
        "+changes"
    } else {
        ""
    };
    println!("cargo::rustc-env={VARIABLE}={commit}{mark}");
}

/// `None` where these are no sources of a repository of their own: unpacked from an archive, say, into somebody else's.
fn own_commit() -> Option<String> {
    let top = git(&["rev-parse", "--show-toplevel"])?;
    let here = env::var_os("CARGO_MANIFEST_DIR")?;
    let same = Path::new(&top).canonicalize().ok()? == Path::new(&here).canonicalize().ok()?;
    same.then(|| git(&["rev-parse", "--short=12", "HEAD"]))?
}

/// What git says, without the line break.
fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim_end().to_owned())
}
