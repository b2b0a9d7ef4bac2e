//! The text of every file that was read, and places in it.
//!
//! Values carry a [`Span`] of eight bytes; line and column are worked out only when somebody asks.

use std::{
    fmt, fs,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use crate::diagnostic::{Code, Diagnostic, Diagnostics};

/// Largest file that is read, in bytes. A [`Span`] could address four times as much.
pub const MAX_FILE_BYTES: u64 = 1 << 30;

/// A file of one [`Sources`]; meaningless in another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(u16);

impl FileId {
    /// The file that comes behind so many others; `None` if a store is full before it.
    pub(crate) fn numbered(position: usize) -> Option<Self> {
        u16::try_from(position).ok().map(Self)
    }
}

/// A piece of text in a file: where a value, a key or an expression stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    start: u32,
    file: FileId,
    length: u16,
}

impl Span {
    /// `length` bytes from byte `start` of `file`. Lengths above 65,535 are cut to that: they only serve to underline.
    ///
    /// A place beyond `u32::MAX` cannot come up, since files end at [`MAX_FILE_BYTES`]; it is cut likewise.
    pub fn new(file: FileId, start: usize, length: usize) -> Self {
        Self {
            start: u32::try_from(start).unwrap_or(u32::MAX),
            file,
            length: u16::try_from(length).unwrap_or(u16::MAX),
        }
    }

    /// The file.
    pub fn file(self) -> FileId {
        self.file
    }

    /// First byte, counted from 0.
    pub fn start(self) -> usize {
        self.start as usize
    }

    /// Length in bytes; 65,535 may stand for more.
    pub fn length(self) -> usize {
        usize::from(self.length)
    }
}

/// A place as an editor shows it: line and column counted from 1, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// One file as it was read.
#[derive(Debug)]
struct Source {
    name: String,
    path: Option<PathBuf>,
    text: Arc<String>,
    lines: OnceLock<Lines>,
}

/// Where the lines of a text begin, found when the first position is asked for.
#[derive(Debug)]
struct Lines {
    starts: Vec<u32>,
    /// In an ASCII text a column is a subtraction, however long the line.
    ascii: bool,
}

/// All files read in one run.
#[derive(Debug, Default)]
pub struct Sources {
    files: Vec<Source>,
}

impl Sources {
    /// A store without files.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads a file. UTF-8 with or without byte order mark, and UTF-16 with one: Windows `PowerShell` writes the
    /// latter when `az` is redirected into a file. `None`: it cannot be read, and the error is among `diagnostics`.
    ///
    /// A file that was already read under the same path is not read again.
    pub fn read(&mut self, path: &Path, diagnostics: &mut Diagnostics) -> Option<FileId> {
        if let Some(id) = self.ids().find(|&id| self.path(id) == Some(path)) {
            return Some(id);
        }
        self.take(Fetched::of(path), diagnostics)
    }

    /// Takes what a file was found to be. `None`: it cannot be read, or is no text.
    pub(crate) fn take(
        &mut self,
        fetched: Fetched,
        diagnostics: &mut Diagnostics,
    ) -> Option<FileId> {
        let Fetched { path, bytes } = fetched;
        let name = path.display().to_string();
        match bytes {
            Ok(decoded) => {
                let id = self.add_decoded(name, decoded, diagnostics)?;
                self.files[usize::from(id.0)].path = Some(path);
                Some(id)
            }
            Err(error) => {
                diagnostics.push(Diagnostic::error(
                    Code::UnreadableFile,
                    format!("cannot read {name}: {error}"),
                ));
                None
            }
        }
    }

    /// Takes bytes that came from elsewhere than a file, decoded as [`Sources::read`] does. `None`: they are no text;
    /// they stay in the store so that the place can be shown.
    pub fn decode(
        &mut self,
        name: impl Into<String>,
        bytes: &[u8],
        diagnostics: &mut Diagnostics,
    ) -> Option<FileId> {
        self.add_decoded(name.into(), Decoded::of(bytes.to_vec()), diagnostics)
    }

    fn add_decoded(
        &mut self,
        name: String,
        decoded: Decoded,
        diagnostics: &mut Diagnostics,
    ) -> Option<FileId> {
        match decoded {
            Decoded::Text(text) => self.push(name, text, diagnostics),
            Decoded::BrokenUtf16 => {
                diagnostics.push(Diagnostic::error(
                    Code::NotText,
                    format!("{name} begins as UTF-16 text but is none"),
                ));
                None
            }
            Decoded::NotUtf8 { shown, at, byte } => {
                let message = format!("byte 0x{byte:02x} at offset {at} is not UTF-8");
                let file = self.add(name, shown, diagnostics)?;
                diagnostics.push(
                    Diagnostic::error(Code::NotText, message)
                        .at(Span::new(file, at, 1))
                        .expected("a text in UTF-8, or in UTF-16 with a byte order mark"),
                );
                None
            }
        }
    }

    /// Takes a text that came from elsewhere than a file; `name` is what diagnostics call it. `None`: the store is full.
    pub fn add(
        &mut self,
        name: impl Into<String>,
        text: impl Into<String>,
        diagnostics: &mut Diagnostics,
    ) -> Option<FileId> {
        self.push(name.into(), shared(text.into()), diagnostics)
    }

    fn push(
        &mut self,
        name: String,
        text: Arc<String>,
        diagnostics: &mut Diagnostics,
    ) -> Option<FileId> {
        let Some(id) = FileId::numbered(self.files.len()) else {
            let message = format!(
                "{name} is one file too many: up to {} are read in one run",
                u16::MAX
            );
            diagnostics.push(Diagnostic::error(Code::UnreadableFile, message));
            return None;
        };
        self.files.push(Source {
            name,
            path: None,
            text,
            lines: OnceLock::new(),
        });
        Some(id)
    }

    /// Number of files.
    pub(crate) fn len(&self) -> usize {
        self.files.len()
    }

    /// All files, in the order in which they were read.
    pub fn ids(&self) -> impl Iterator<Item = FileId> + use<> {
        (0..u16::try_from(self.files.len()).unwrap_or(u16::MAX)).map(FileId)
    }

    /// What the user calls the file: the path as it was given.
    pub fn name(&self, file: FileId) -> &str {
        &self.source(file).name
    }

    /// The path, if the text came from a file.
    pub fn path(&self, file: FileId) -> Option<&Path> {
        self.source(file).path.as_deref()
    }

    /// The text without byte order mark removal: offsets of [`Span`] count from its first byte.
    pub fn text(&self, file: FileId) -> &Arc<String> {
        &self.source(file).text
    }

    /// The text under a span; cut at the end of the file.
    pub fn excerpt(&self, span: Span) -> &str {
        let text = &self.source(span.file).text;
        text.get(span.start()..span.start() + span.length())
            .unwrap_or_default()
    }

    /// Line and column of the first character of `span`.
    pub fn position(&self, span: Span) -> Position {
        let source = self.source(span.file);
        let lines = source.lines.get_or_init(|| Lines::of(&source.text));
        let line = lines
            .starts
            .partition_point(|&start| start <= span.start)
            .max(1);
        let begin = lines.starts[line - 1] as usize;
        let end = span.start().min(source.text.len());
        let before = source.text.as_bytes().get(begin..end).unwrap_or_default();
        let column = if lines.ascii {
            before.len() + 1
        } else {
            // Every character has exactly one byte that does not continue another.
            before.iter().filter(|&&byte| byte & 0xc0 != 0x80).count() + 1
        };
        // The byte order mark is no character of the first line.
        let marked = line == 1 && column > 1 && source.text.starts_with('\u{feff}');
        Position {
            line,
            column: column - usize::from(marked),
        }
    }

    fn source(&self, file: FileId) -> &Source {
        &self.files[usize::from(file.0)]
    }
}

impl Lines {
    fn of(text: &str) -> Self {
        let bytes = text.as_bytes();
        let newlines = bytes
            .iter()
            .zip(1u32..)
            .filter(|&(&byte, _)| byte == b'\n')
            .map(|(_, next)| next);
        Self {
            starts: std::iter::once(0).chain(newlines).collect(),
            ascii: bytes.is_ascii(),
        }
    }
}

/// What a file was found to be, before it is in a store.
#[derive(Debug)]
pub(crate) struct Fetched {
    path: PathBuf,
    bytes: io::Result<Decoded>,
}

/// What bytes turned out to be.
#[derive(Debug)]
enum Decoded {
    Text(Arc<String>),
    BrokenUtf16,
    /// No text from this byte on; shown with replacements, so that the place can be pointed at.
    NotUtf8 {
        shown: String,
        at: usize,
        byte: u8,
    },
}

impl Fetched {
    /// Reads a file.
    pub(crate) fn of(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            bytes: bytes_of(path).map(Decoded::of),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The text, if it is one.
    pub(crate) fn text(&self) -> Option<&Arc<String>> {
        match &self.bytes {
            Ok(Decoded::Text(text)) => Some(text),
            Ok(Decoded::BrokenUtf16 | Decoded::NotUtf8 { .. }) | Err(_) => None,
        }
    }

    /// Whether a store keeps it, if only to point at what is wrong with it.
    pub(crate) fn gets_a_number(&self) -> bool {
        match &self.bytes {
            Ok(Decoded::Text(_) | Decoded::NotUtf8 { .. }) => true,
            Ok(Decoded::BrokenUtf16) | Err(_) => false,
        }
    }
}

impl Decoded {
    fn of(bytes: Vec<u8>) -> Self {
        let utf16 = match &*bytes {
            [0xff, 0xfe, rest @ ..] => Some((rest, u16::from_le_bytes as fn([u8; 2]) -> u16)),
            [0xfe, 0xff, rest @ ..] => Some((rest, u16::from_be_bytes as fn([u8; 2]) -> u16)),
            _ => None,
        };
        if let Some((bytes, unit)) = utf16 {
            let (pairs, odd) = bytes.as_chunks::<2>();
            let text =
                String::from_utf16(&pairs.iter().map(|&pair| unit(pair)).collect::<Vec<_>>());
            return match (text, odd) {
                (Ok(text), []) => Self::Text(shared(text)),
                _ => Self::BrokenUtf16,
            };
        }
        match String::from_utf8(bytes) {
            Ok(text) => Self::Text(shared(text)),
            Err(error) => {
                let at = error.utf8_error().valid_up_to();
                Self::NotUtf8 {
                    at,
                    byte: error.as_bytes()[at],
                    shown: String::from_utf8_lossy(error.as_bytes()).into_owned(),
                }
            }
        }
    }
}

/// A text as stores keep it.
fn shared(mut text: String) -> Arc<String> {
    text.shrink_to_fit();
    Arc::new(text)
}

/// All bytes of a file, unless it is too large. A file tells its length beforehand; a pipe has none, and a device may never end.
fn bytes_of(path: &Path) -> io::Result<Vec<u8>> {
    let file = fs::File::open(path)?;
    let mut length = file.metadata()?.len();
    let mut bytes = Vec::new();
    if length <= MAX_FILE_BYTES {
        length = file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)? as u64;
    }
    if length > MAX_FILE_BYTES {
        let reason = format!("it has more than {MAX_FILE_BYTES} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, reason));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_too_large_is_refused_by_its_length() {
        // Sparse: read to its end it would take a gigabyte, on disk it takes nothing.
        let file = tempfile::NamedTempFile::new().expect("a file for the test");
        file.as_file()
            .set_len(MAX_FILE_BYTES + 1)
            .expect("the file is ours");
        let mut diagnostics = Diagnostics::new();
        assert_eq!(Sources::new().read(file.path(), &mut diagnostics), None);
        let error = bytes_of(file.path()).expect_err("too large");
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    }

    fn position(text: &str, at: usize) -> (usize, usize) {
        let mut sources = Sources::new();
        let file = sources
            .add("test.json", text, &mut Diagnostics::new())
            .unwrap();
        let Position { line, column } = sources.position(Span::new(file, at, 1));
        (line, column)
    }

    #[test]
    fn lines_and_columns_count_from_one_and_columns_count_characters() {
        assert_eq!(position("", 0), (1, 1));
        assert_eq!(position("ab\r\ncd\n", 5), (2, 2));
        assert_eq!(position("a\näöü!", 8), (2, 4));
        assert_eq!(position("\u{feff}x", 3), (1, 1));
        assert_eq!(position("ab", 99), (1, 3));
    }

    #[test]
    fn a_span_is_eight_bytes_and_cuts_what_it_underlines() {
        assert_eq!(size_of::<Span>(), 8);
        assert_eq!(size_of::<Option<Span>>(), 12);
        let mut sources = Sources::new();
        let file = sources
            .add("test.json", "0123456789", &mut Diagnostics::new())
            .unwrap();
        assert_eq!(sources.excerpt(Span::new(file, 2, 3)), "234");
        assert_eq!(sources.excerpt(Span::new(file, 8, 3)), "");
        assert_eq!(Span::new(file, 0, 1 << 20).length(), 65_535);
    }

    #[test]
    fn text_redirected_by_windows_powershell_is_read_and_broken_bytes_are_located() {
        let mut sources = Sources::new();
        let utf16: Vec<u8> = [0xfeff_u16, 0x7b, 0xe4, 0x7d]
            .iter()
            .flat_map(|u| u.to_le_bytes())
            .collect();
        let mut diagnostics = Diagnostics::new();
        let file = sources
            .decode("dump.json", &utf16, &mut diagnostics)
            .unwrap();
        assert_eq!(sources.text(file).as_str(), "{ä}");
        assert!(diagnostics.is_empty());

        assert_eq!(
            sources.decode("bad.json", b"{\n \"\xff\"}", &mut diagnostics),
            None
        );
        let error = diagnostics.iter().next().unwrap();
        assert_eq!(error.code, Code::NotText);
        assert_eq!(
            sources.position(error.span.unwrap()),
            Position { line: 2, column: 3 }
        );
        assert_eq!(
            sources.decode("odd.json", &[0xff, 0xfe, 0x7b], &mut diagnostics),
            None
        );
        assert_eq!(diagnostics.count(crate::diagnostic::Severity::Error), 2);
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let mut diagnostics = Diagnostics::new();
        assert_eq!(
            Sources::new().read(Path::new("no/such/file.json"), &mut diagnostics),
            None
        );
        let error = diagnostics.iter().next().unwrap();
        assert_eq!(error.code, Code::UnreadableFile);
        assert!(
            error.message.contains("no/such/file.json"),
            "{}",
            error.message
        );
    }
}
