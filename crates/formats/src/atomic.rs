//! Files that are written whole or not at all.
//!
//! The new content goes to a temporary file in the same folder, is brought to disk, and takes the place of the old file in one
//! step. Whoever reads the path meets the old content or the new one, also after a crash. State files, histograms and every
//! other output share this one home.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// The longest name that a temporary one may hold: file systems take 255 bytes.
const LONGEST_NAME: usize = 200;

/// Writes the file at `path`: `content` receives a buffered writer. If it fails, or anything else does, the old file stays.
///
/// A symbolic link is followed and stays; an existing file keeps its permissions; a read-only file is refused. What is not a
/// regular file (`/dev/stdout`, a named pipe) is written straight through.
pub fn write(
    path: &Path,
    content: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), WriteError> {
    let mut file = NewFile::create(path)?;
    let mut buffer = BufWriter::new(&mut file);
    let written = content(&mut buffer).and_then(|()| buffer.flush());
    drop(buffer);
    written.map_err(|source| WriteError::new(path, source))?;
    file.publish().map(drop)
}

/// Writes the folder at `path`: `content` fills a folder that takes this place once it is whole. If it fails, nothing is left. A folder
/// that is there and not empty is refused.
pub fn write_folder(
    path: &Path,
    content: impl FnOnce(&Path) -> Result<(), WriteError>,
) -> Result<(), WriteError> {
    let failed = |source| WriteError::new(path, source);
    match fs::read_dir(path).map(|mut entries| entries.next().is_some()) {
        Ok(false) => {}
        Ok(true) => {
            let reason = "the folder is there and holds files";
            return Err(failed(io::Error::new(
                io::ErrorKind::DirectoryNotEmpty,
                reason,
            )));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error)),
    }
    let folder = folder_of(path);
    if !folder.is_dir() {
        let reason = format!("there is no folder {}", folder.display());
        return Err(failed(io::Error::new(io::ErrorKind::NotFound, reason)));
    }
    let mut builder = tempfile::Builder::new();
    builder.prefix(".vnetsim-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // As for files: an ordinary folder, as the umask has it.
        builder.permissions(fs::Permissions::from_mode(0o777));
    }
    let temporary = builder
        .tempdir_in(folder)
        .map_err(|error| failed(error.kind().into()))?;
    content(temporary.path())?;
    fs::rename(temporary.path(), path).map_err(failed)?;
    // It is no temporary folder any more.
    let _ = temporary.keep();
    sync_folder(folder);
    Ok(())
}

/// A file could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}: {source}", path.display())]
pub struct WriteError {
    /// The file, as the caller named it.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

impl WriteError {
    fn new(path: &Path, source: io::Error) -> Self {
        Self {
            path: path.to_owned(),
            source,
        }
    }
}

/// A file that is not at its place yet: [`NewFile::publish`] puts it there, dropping it leaves no trace.
///
/// For writers that go on after the file is at its place, such as captures; others use [`write()`].
#[derive(Debug)]
pub struct NewFile {
    path: PathBuf,
    place: Place,
}

#[derive(Debug)]
enum Place {
    /// To be renamed to `target`.
    Beside {
        temporary: NamedTempFile,
        target: PathBuf,
    },
    /// A device or pipe, which nothing can replace.
    Through(File),
}

impl NewFile {
    /// Makes a file that is to stand at `path`.
    pub fn create(path: &Path) -> Result<Self, WriteError> {
        let place = Place::for_path(path).map_err(|source| WriteError::new(path, source))?;
        Ok(Self {
            path: path.to_owned(),
            place,
        })
    }

    /// Brings what was written to disk and puts the file at its place. The handle returned writes on at its end.
    pub fn publish(self) -> Result<File, WriteError> {
        let (temporary, target) = match self.place {
            Place::Through(file) => return Ok(file),
            Place::Beside { temporary, target } => (temporary, target),
        };
        temporary
            .as_file()
            .sync_all()
            .and_then(|()| Ok(temporary.persist(&target)?))
            .inspect(|_| sync_folder(folder_of(&target)))
            .map_err(|source| WriteError::new(&self.path, source))
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.place {
            Place::Beside { temporary, .. } => temporary.write(bytes),
            Place::Through(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.place {
            Place::Beside { temporary, .. } => temporary.flush(),
            Place::Through(file) => file.flush(),
        }
    }
}

impl Place {
    fn for_path(path: &Path) -> io::Result<Self> {
        let existing = match fs::metadata(path) {
            Ok(metadata) => Some(metadata),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let target = match &existing {
            Some(metadata) if metadata.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
            Some(metadata) if !metadata.is_file() => {
                return File::options().write(true).open(path).map(Self::Through);
            }
            // A rename would succeed on a read-only file, against its owner's word.
            Some(metadata) if metadata.permissions().readonly() => {
                return Err(io::ErrorKind::PermissionDenied.into());
            }
            // A rename would replace a symbolic link instead of the file it names.
            Some(_) => path.canonicalize()?,
            None => path.to_owned(),
        };
        let mut builder = tempfile::Builder::new();
        // Nobody tidies up after a kill -9: who finds the file shall see whose it was to be.
        let name = path.file_name().and_then(|name| name.to_str());
        let name = name.filter(|name| name.len() <= LONGEST_NAME);
        let prefix = format!(".vnetsim-{}-", name.unwrap_or("new"));
        builder.prefix(&prefix);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            // Temporary files are private by default; ours becomes an ordinary file. The umask applies.
            builder.permissions(fs::Permissions::from_mode(0o666));
        }
        let folder = folder_of(&target);
        if !folder.is_dir() {
            let reason = format!("there is no folder {}", folder.display());
            return Err(io::Error::new(io::ErrorKind::NotFound, reason));
        }
        // The error itself would name the temporary file, of which the caller has never heard.
        let temporary = builder
            .tempfile_in(folder)
            .map_err(|error| io::Error::from(error.kind()))?;
        if let Some(metadata) = existing {
            temporary
                .as_file()
                .set_permissions(metadata.permissions())?;
        }
        Ok(Self::Beside { temporary, target })
    }
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Brings the rename itself to disk. Not every file system can; the file is in place either way.
fn sync_folder(folder: &Path) {
    if let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names_in(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .expect("folder")
            .map(|entry| {
                entry
                    .expect("entry")
                    .file_name()
                    .to_string_lossy()
                    .into_owned()
            })
            .collect();
        names.sort();
        names
    }

    #[test]
    fn content_replaces_content_and_leaves_nothing_beside_it() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("state.yaml");
        for content in ["first, the longer one", "second"] {
            write(&path, |writer| writer.write_all(content.as_bytes())).expect("written");
            assert_eq!(fs::read_to_string(&path).expect("readable"), content);
        }
        assert_eq!(names_in(folder.path()), ["state.yaml"]);
    }

    #[test]
    fn a_failure_half_way_keeps_the_old_file() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("state.yaml");
        fs::write(&path, "old").expect("written");
        let error = write(&path, |writer| {
            writer.write_all(&vec![b'x'; 100_000])?;
            Err(io::Error::other("the network is inconsistent"))
        })
        .expect_err("the content failed");
        assert_eq!(
            error.to_string(),
            format!(
                "cannot write {}: the network is inconsistent",
                path.display()
            )
        );
        assert_eq!(fs::read_to_string(&path).expect("readable"), "old");
        assert_eq!(names_in(folder.path()), ["state.yaml"]);
    }

    #[test]
    fn a_folder_that_does_not_exist_is_an_error_that_names_the_file() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("missing").join("state.yaml");
        let error = write(&path, |_| Ok(())).expect_err("no such folder");
        assert_eq!(error.path, path);
        assert_eq!(error.source.kind(), io::ErrorKind::NotFound);
        // The name of the temporary file, which changes from run to run, stays with us.
        let missing = folder.path().join("missing");
        assert_eq!(
            error.source.to_string(),
            format!("there is no folder {}", missing.display())
        );
        let error = write(folder.path(), |_| Ok(())).expect_err("a folder is no file");
        assert_eq!(error.source.kind(), io::ErrorKind::IsADirectory);
    }

    #[test]
    fn a_folder_is_there_whole_or_not_at_all_and_never_mixed() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("dump");
        let fill = |folder: &Path| write(&folder.join("a.json"), |file| file.write_all(b"[]"));
        write_folder(&path, fill).expect("written");
        assert_eq!(names_in(folder.path()), ["dump"]);
        assert_eq!(names_in(&path), ["a.json"]);
        let error = write_folder(&path, fill).expect_err("it holds a file");
        assert_eq!(error.source.kind(), io::ErrorKind::DirectoryNotEmpty);

        let path = folder.path().join("other");
        let error = write_folder(&path, |folder| {
            fill(folder)?;
            Err(WriteError::new(&path, io::Error::other("no more")))
        });
        assert_eq!(error.expect_err("it failed").source.to_string(), "no more");
        assert_eq!(names_in(folder.path()), ["dump"]);
        let missing = folder.path().join("missing").join("dump");
        let error = write_folder(&missing, fill).expect_err("no folder");
        assert_eq!(error.source.kind(), io::ErrorKind::NotFound);
    }

    #[cfg(unix)]
    #[test]
    fn links_and_permissions_survive() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = tempfile::tempdir().expect("folder");
        let (path, link) = (folder.path().join("real"), folder.path().join("link"));
        fs::write(&path, "old").expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("permissions");
        symlink(&path, &link).expect("link");
        write(&link, |writer| writer.write_all(b"new")).expect("written");
        assert!(fs::symlink_metadata(&link).expect("link").is_symlink());
        assert_eq!(fs::read_to_string(&path).expect("readable"), "new");
        let mode = fs::metadata(&path).expect("metadata").permissions().mode();
        assert_eq!(mode & 0o777, 0o640);

        fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).expect("permissions");
        let error = write(&path, |_| Ok(())).expect_err("read-only");
        assert_eq!(error.source.kind(), io::ErrorKind::PermissionDenied);
    }

    #[cfg(unix)]
    #[test]
    fn devices_are_written_through_and_stay_devices() {
        use std::os::unix::fs::FileTypeExt;
        let null = Path::new("/dev/null");
        write(null, |writer| writer.write_all(b"gone")).expect("written");
        let kind = fs::metadata(null).expect("metadata").file_type();
        assert!(kind.is_char_device());
    }
}
