//! Texts of values and keys: mostly pieces of the file that they stand in.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;

/// A text that is shared with the file that holds it, or one of its own. A clone is the same text.
///
/// A file of a hundred megabytes holds millions of them: none takes memory but where the text is not in the file as it is meant.
#[derive(Clone)]
pub struct Piece {
    /// The file, or the text itself.
    source: Arc<String>,
    start: u32,
    length: u32,
}

impl Piece {
    /// Whether this is that text, but for the case of ASCII letters. Texts of other lengths are not looked at: that would be a walk through
    /// the whole file wherever a key is looked for.
    pub fn eq_ignore_ascii_case(&self, other: &str) -> bool {
        self.length as usize == other.len() && str::eq_ignore_ascii_case(self, other)
    }

    /// This text, shared with `source` if it lies in it.
    ///
    /// Files end at [`crate::source::MAX_FILE_BYTES`], so that all places in them fit.
    pub(crate) fn of(source: &Arc<String>, text: &str) -> Self {
        let (first, last) = (
            source.as_ptr().addr(),
            source.as_ptr().addr() + source.len(),
        );
        let start = text.as_ptr().addr();
        let inside = first <= start && start + text.len() <= last;
        match (
            u32::try_from(start.wrapping_sub(first)),
            u32::try_from(text.len()),
        ) {
            (Ok(start), Ok(length)) if inside => Self {
                source: Arc::clone(source),
                start,
                length,
            },
            _ => Self::from(text),
        }
    }
}

impl Deref for Piece {
    type Target = str;

    fn deref(&self) -> &str {
        let start = self.start as usize;
        &self.source[start..start + self.length as usize]
    }
}

impl From<String> for Piece {
    /// A text beyond 4 GiB, which nothing that is read or evaluated can hold, is cut.
    fn from(mut text: String) -> Self {
        let most = usize::try_from(u32::MAX).unwrap_or(usize::MAX);
        if text.len() > most {
            text.truncate(text.floor_char_boundary(most));
        }
        Self {
            length: u32::try_from(text.len()).unwrap_or(u32::MAX),
            source: Arc::new(text),
            start: 0,
        }
    }
}

impl From<&str> for Piece {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl AsRef<str> for Piece {
    fn as_ref(&self) -> &str {
        self
    }
}

impl Borrow<str> for Piece {
    fn borrow(&self) -> &str {
        self
    }
}

impl PartialEq for Piece {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Piece {}

impl PartialOrd for Piece {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Piece {
    fn cmp(&self, other: &Self) -> Ordering {
        (**self).cmp(&**other)
    }
}

impl Hash for Piece {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

impl fmt::Display for Piece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self)
    }
}

impl fmt::Debug for Piece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_of_a_file_is_shared_and_any_other_text_is_copied() {
        let file = Arc::new("{\"name\": \"hub\"}".to_owned());
        let inside = Piece::of(&file, &file[2..6]);
        assert_eq!((&*inside, Arc::strong_count(&file)), ("name", 2));
        let elsewhere = "name".to_owned();
        let copy = Piece::of(&file, &elsewhere);
        assert_eq!((&*copy, Arc::strong_count(&file)), ("name", 2));
        assert_eq!(inside, copy);
        assert!(Arc::ptr_eq(&inside.clone().source, &file));
        assert_eq!(&*Piece::of(&file, ""), "");
        assert!(size_of::<Piece>() <= 16);
    }
}
