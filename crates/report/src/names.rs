//! How a name was resolved, as text: who asked whom, and what came back.

use std::io::{self, Write};

use diagnose::names::{Answer, Query, Resolution};

/// Prints the questions, those of servers further to the right, and the answer last.
pub fn write(out: &mut dyn Write, resolution: &Resolution) -> io::Result<()> {
    for query in &resolution.asked {
        write_query(out, query, &resolution.name, 0)?;
    }
    match &resolution.answer {
        Answer::Addresses { addresses, .. } => {
            for address in addresses {
                writeln!(out, "{address}")?;
            }
            Ok(())
        }
        other => writeln!(out, "{}", sentence(other)),
    }
}

fn write_query(out: &mut dyn Write, query: &Query, name: &str, depth: usize) -> io::Result<()> {
    let indent = depth * 2;
    let at = query.at.as_deref();
    let at = at.map(|at| format!(" ({at})")).unwrap_or_default();
    writeln!(
        out,
        "{:indent$}{} asks {}{at} for {name}",
        "", query.from, query.server
    )?;
    for forwarded in &query.forwarded {
        write_query(out, forwarded, name, depth + 1)?;
    }
    writeln!(out, "{:indent$}= {}", "", sentence(&query.answer))
}

/// The answer in one line.
pub fn sentence(answer: &Answer) -> String {
    match answer {
        Answer::Addresses { addresses, source } => {
            let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
            format!("{}: {source}", addresses.join(", "))
        }
        Answer::NoSuchName { why } => format!("no such name: {why}"),
        Answer::NoAnswer { why } => format!("no answer: {why}"),
        Answer::Unknown { why } => format!("unknown: {why}"),
    }
}
