//! The comparison for a pull request: a short summary first, details folded, of bounded length whatever the networks are.
//!
//! Names come from files of others: nothing of them is taken for markup.

use std::fmt::Write as _;

use reach::diff::{Fate, Side};

use super::table::{account, way};
use super::{Digest, FATES, Story, meaning, plural, sentence, word};
use crate::matrix::grouped;

/// Bytes of the text; a comment on a pull request holds 65,536 characters.
pub const MAX_LENGTH: usize = 60_000;
/// Causes in the summary.
const CAUSES: usize = 10;
/// Causes, groups of a cause, and objects in the details.
const LINES: usize = 30;
/// Room that the last line needs.
const RESERVE: usize = 200;

/// Text that is not markup.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '<' => plain.push_str("&lt;"),
            '>' => plain.push_str("&gt;"),
            '&' => plain.push_str("&amp;"),
            // A mention calls people, a number links an issue.
            '@' => plain.push_str("&#64;"),
            '#' => plain.push_str("&#35;"),
            '\\' | '`' | '*' | '_' | '|' | '[' | ']' | '~' | '!' => {
                plain.push('\\');
                plain.push(letter);
            }
            letter if letter.is_control() => plain.push(' '),
            letter => plain.push(letter),
        }
    }
    plain
}

/// Text that ends before it gets too long.
struct Page {
    text: String,
    is_full: bool,
}

impl Page {
    /// A piece that stands whole or not at all.
    fn put(&mut self, piece: &str) {
        if self.is_full || self.text.len() + piece.len() > MAX_LENGTH - RESERVE {
            self.is_full = true;
        } else {
            self.text.push_str(piece);
        }
    }
}

/// Comparisons of the same networks, one a service, as text.
pub fn text(digests: &[Digest<'_>]) -> String {
    let mut page = Page {
        text: String::new(),
        is_full: false,
    };
    page.put(&headline(digests));
    for digest in digests {
        page.put(&summary(digest));
    }
    for digest in digests {
        for fate in FATES {
            let stories = digest.stories(fate);
            if !stories.is_empty() {
                let room = (MAX_LENGTH - RESERVE).saturating_sub(page.text.len());
                page.put(&details(digest, fate, &stories, room));
            }
        }
    }
    if let Some(first) = digests.first() {
        page.put(&objects(first));
    }
    if page.is_full {
        page.text.push_str("\nMore is in `-o json`.\n");
    }
    page.text
}

fn headline(digests: &[Digest<'_>]) -> String {
    let Some(first) = digests.first() else {
        return String::new();
    };
    let lost: u64 = digests
        .iter()
        .map(|digest| digest.comparison.count(Fate::Lost))
        .sum();
    let head = if lost > 0 {
        format!("{} {} lost", grouped(lost), plural(lost, "pair", "pairs"))
    } else if digests.iter().all(|digest| digest.comparison.is_quiet()) {
        "nobody reaches anybody more or less".to_owned()
    } else {
        "no pair is lost".to_owned()
    };
    let [before, after] = first.labels.map(plain);
    format!("### vnetsim diff: {head}\n\n{before} → {after}\n")
}

/// A fold that is opened is closed, however little fits in between.
fn details(digest: &Digest<'_>, fate: Fate, stories: &[Story<'_>], room: usize) -> String {
    let pairs = digest.comparison.count(fate);
    let mut details = format!(
        "\n<details>\n<summary>{}: {} {} {}</summary>\n\n{}\n",
        digest.question(),
        grouped(pairs),
        plural(pairs, "pair", "pairs"),
        word(fate),
        meaning(fate)
    );
    let mut left = stories.len();
    for story in stories.iter().take(LINES) {
        let piece = story_text(digest, story);
        if details.len() + piece.len() + RESERVE > room {
            break;
        }
        details.push_str(&piece);
        left -= 1;
    }
    if left > 0 {
        let _ = writeln!(details, "\nand {} more causes", grouped(left as u64));
    }
    details.push_str("\n</details>\n");
    details
}

fn summary(digest: &Digest<'_>) -> String {
    let mut text = format!("\n{}: **{}**\n", plain(&digest.extent()), digest.counts());
    for remark in digest.remarks() {
        let _ = write!(text, "\n- {}", plain(&remark));
    }
    let stories: Vec<Story<'_>> = FATES
        .iter()
        .flat_map(|&fate| digest.stories(fate))
        .collect();
    if !stories.is_empty() {
        text.push_str("\n\n| Pairs | What | Because |\n|---:|---|---|\n");
    }
    for story in stories.iter().take(CAUSES) {
        let because: Vec<String> = digest
            .because(story.cause)
            .iter()
            .map(|line| plain(line))
            .collect();
        let _ = writeln!(
            text,
            "| {} | {} | {} |",
            grouped(story.pairs),
            word(story.fate),
            because.join("<br>")
        );
    }
    if let Some(more) = stories.len().checked_sub(CAUSES + 1) {
        let _ = writeln!(text, "\nand {} more causes", grouped(more as u64 + 1));
    }
    text.push('\n');
    text
}

fn story_text(digest: &Digest<'_>, story: &Story<'_>) -> String {
    let mut text = String::from("\n");
    for line in digest.because(story.cause) {
        let _ = writeln!(text, "**{}**  ", plain(&line));
    }
    text.push_str("\n| Pairs | From | To |\n|---:|---|---|\n");
    for group in story.groups.iter().take(LINES) {
        let _ = writeln!(
            text,
            "| {} | {} | {} |",
            grouped(group.pairs),
            plain(&digest.sources(group)),
            plain(&digest.destinations(group))
        );
    }
    if let Some(more) = story.groups.len().checked_sub(LINES + 1) {
        let _ = writeln!(text, "\nand {} more groups", grouped(more as u64 + 1));
    }
    if let Some(witness) = story.groups.iter().find_map(|group| group.witness.as_ref()) {
        let _ = writeln!(
            text,
            "\nFor example {} ({}):",
            plain(&digest.pair(witness)),
            witness.service
        );
        let _ = writeln!(text);
        for (side, label) in [(Side::Before, "before"), (Side::After, "after")] {
            let words = digest.account(witness, side);
            let _ = writeln!(text, "- {label}: {}", plain(&account(&words)));
            if words.forward.len() > 2 {
                let _ = writeln!(text, "  ({})", plain(&way(&words.forward, &words.reply)));
            }
        }
    }
    text
}

fn objects(digest: &Digest<'_>) -> String {
    let changes = digest.changes();
    let lists = [
        ("added", &changes.added),
        ("removed", &changes.removed),
        ("changed", &changes.changed),
    ];
    if lists.iter().all(|(_, list)| list.is_empty()) {
        return String::new();
    }
    let counts = lists.map(|(what, list)| format!("{} {what}", grouped(list.len() as u64)));
    let mut text = format!(
        "\n<details>\n<summary>Objects: {}</summary>\n\n",
        counts.join(", ")
    );
    for (what, list) in lists {
        for change in list.iter().take(LINES) {
            let sign = match what {
                "added" => "➕ ",
                "removed" => "➖ ",
                _ => "",
            };
            let _ = writeln!(text, "- {sign}{}", plain(&sentence(change)));
        }
        if let Some(more) = list.len().checked_sub(LINES + 1) {
            let _ = writeln!(text, "- and {} more {what}", grouped(more as u64 + 1));
        }
    }
    text.push_str("\n</details>\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_never_taken_for_markup() {
        assert_eq!(
            plain("a|b</details>`x`\n# @you [l](u) *b*"),
            "a\\|b&lt;/details&gt;\\`x\\` &#35; &#64;you \\[l\\](u) \\*b\\*"
        );
    }
}
