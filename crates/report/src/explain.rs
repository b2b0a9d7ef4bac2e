//! The answer of `explain` for people.

use std::io::{self, Write};

use diagnose::dependence::Dependence;
use diagnose::evidence::{Finding, StepRecord};
use diagnose::explanation::{EndRecord, Explanation, Obstacle, Outcome, PathRecord};

/// Writes the verdict, both ways step by step, what is in the way, and what to change.
pub fn write(out: &mut dyn Write, explanation: &Explanation) -> io::Result<()> {
    let Explanation {
        source,
        destination,
        probe,
        verdict,
        cause,
        asymmetric: _,
        asymmetries,
        forward,
        back,
        obstacles,
        depends_on,
        assumptions,
        remarks,
    } = explanation;
    writeln!(out, "{} -> {}: {probe}", end(source), end(destination))?;
    write!(out, "Verdict: {}", verdict.as_str())?;
    match obstacles.first() {
        Some(first) => writeln!(out, ", {} at {} ({})", first.reason, first.at, first.object)?,
        None => writeln!(out)?,
    }
    if let (None, Some(cause)) = (obstacles.first(), cause) {
        writeln!(out, "{cause}")?;
    }
    for asymmetry in asymmetries {
        writeln!(
            out,
            "Asymmetric at {}: {}",
            asymmetry.device, asymmetry.sentence
        )?;
    }
    write_path(out, "Forward", forward)?;
    if let Some(back) = back {
        let title = match forward.outcome {
            Outcome::Dropped { .. } => "Return, had the probe arrived",
            Outcome::Delivered { .. } | Outcome::Departed { .. } => "Return",
        };
        write_path(out, title, back)?;
    }
    for (number, obstacle) in obstacles.iter().enumerate() {
        let title = if number == 0 {
            "Cause"
        } else {
            "Also in the way"
        };
        write_obstacle(out, title, obstacle)?;
    }
    let assumed = assumptions
        .iter()
        .map(|assumption| format!("This rests on {}: {}", assumption.rule, assumption.sentence));
    let notes: Vec<String> = depends_on
        .iter()
        .flat_map(Dependence::sentences)
        .chain(assumed)
        .chain(remarks.iter().cloned())
        .collect();
    if !notes.is_empty() {
        writeln!(out)?;
    }
    notes
        .iter()
        .try_for_each(|note| writeln!(out, "Note: {note}"))
}

fn end(end: &EndRecord) -> String {
    match &end.name {
        Some(name) => format!("{name} ({})", end.address),
        None => end.address.to_string(),
    }
}

/// One block a NIC, one line a step; a cross before what drops the packet, a tilde before what it would have met behind.
fn write_path(out: &mut dyn Write, title: &str, path: &PathRecord) -> io::Result<()> {
    writeln!(out, "\n{title}: {}", path.packet)?;
    let mut at = None;
    let mut lives = true;
    for step in &path.steps {
        let StepRecord {
            at: here,
            stage,
            finding,
            text,
            ..
        } = step;
        if at != Some(here) {
            writeln!(out, "  {here}")?;
            at = Some(here);
        }
        let mark = match finding {
            Finding::Passed if lives => ' ',
            Finding::Passed => '~',
            Finding::Dropped => {
                lives = false;
                'x'
            }
        };
        writeln!(out, "  {mark} {:<8}  {text}", stage.word())?;
    }
    match &path.outcome {
        Outcome::Delivered { at } => writeln!(out, "  = delivered at {at}"),
        Outcome::Departed { to } => writeln!(out, "  = left for {to}"),
        Outcome::Dropped { reason, at } => writeln!(out, "  = dropped at {at}: {reason}"),
    }
}

fn write_obstacle(out: &mut dyn Write, title: &str, obstacle: &Obstacle) -> io::Result<()> {
    let Obstacle {
        path,
        reason,
        description,
        at,
        object,
        background,
        ways_out,
    } = obstacle;
    writeln!(out, "\n{title} ({path}): {reason} at {at}: {object}")?;
    writeln!(out, "  {description}")?;
    for sentence in background {
        writeln!(out, "  {sentence}")?;
    }
    if !ways_out.is_empty() {
        writeln!(out, "Ways out:")?;
    }
    for (number, way) in ways_out.iter().enumerate() {
        writeln!(out, "  {}. {}", number + 1, way.action)?;
        for command in &way.commands {
            writeln!(out, "     $ {command}")?;
        }
    }
    Ok(())
}
