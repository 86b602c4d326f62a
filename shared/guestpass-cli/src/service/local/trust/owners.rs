//! Checks the owners and the modes of a file and of everything in its path.

use std::ffi::OsString;
use std::fs::{self, File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{self, Path, PathBuf};

use rustix::io::Errno;
use rustix::process::geteuid;

use super::distrust::{Distrust, STICKY};

/// Reads a file that only the user or root can have written.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, Distrust> {
    read_as(geteuid().as_raw(), path)
}

fn read_as(user: u32, path: &Path) -> Result<Vec<u8>, Distrust> {
    let real = walk(user, path)?;
    let mut file = File::open(&real)?;
    // Checks the open file: another file could have got its name meanwhile.
    of_one_user(user, &real, &file.metadata()?)?;
    let mut content = Vec::new();
    file.read_to_end(&mut content)?;
    Ok(content)
}

/// Resolves a path as the kernel does, one name after the other, and checks every directory and
/// every link in it. Returns the path without links. The caller checks the file itself after
/// opening it.
fn walk(user: u32, path: &Path) -> Result<PathBuf, Distrust> {
    let mut names = Vec::new();
    push(&mut names, &path::absolute(path)?);
    let (mut at, mut links) = (PathBuf::new(), 0);
    while let Some(name) = names.pop() {
        if name == ".." {
            at.pop();
            continue;
        }
        let next = at.join(&name);
        let metadata = fs::symlink_metadata(&next)?;
        if names.is_empty() {
            // A user who may write this folder can replace the file, or the link to it.
            of_one_user(user, &at, &fs::symlink_metadata(&at)?)?;
        }
        if metadata.is_symlink() {
            owned(user, &next, &metadata)?;
            links += 1;
            if links > MOST_LINKS {
                return Err(io::Error::from(Errno::LOOP).into());
            }
            push(&mut names, &fs::read_link(&next)?);
            continue;
        }
        match names.len() {
            0 if !metadata.is_file() => return Err(Distrust::NotAFile(next)),
            // This is the folder or the file, which other code checks.
            0 | 1 => {}
            _ => above(&next, &metadata)?,
        }
        at = next;
    }
    Ok(at)
}

/// Adds the names of a path to the remaining names, so that its first name is taken next.
fn push(names: &mut Vec<OsString>, path: &Path) {
    let own = path.components().rev().filter(|name| *name != path::Component::CurDir);
    names.extend(own.map(|name| name.as_os_str().to_owned()));
}

/// Checks the file or its folder: only the owner may write it.
fn of_one_user(user: u32, path: &Path, metadata: &Metadata) -> Result<(), Distrust> {
    owned(user, path, metadata)?;
    refuse(path, metadata.mode(), GROUP_WRITES | OTHERS_WRITE, "go-w")
}

/// Checks a directory above the folder.
fn above(path: &Path, metadata: &Metadata) -> Result<(), Distrust> {
    if metadata.mode() & STICKY != 0 {
        return Ok(());
    }
    refuse(path, metadata.mode(), OTHERS_WRITE, "o-w")
}

fn owned(user: u32, path: &Path, metadata: &Metadata) -> Result<(), Distrust> {
    let owner = metadata.uid();
    if owner == user || owner == ROOT {
        return Ok(());
    }
    Err(Distrust::Foreign { path: path.to_owned(), owner, user })
}

fn refuse(path: &Path, mode: u32, bits: u32, excess: &'static str) -> Result<(), Distrust> {
    if mode & bits == 0 {
        return Ok(());
    }
    Err(Distrust::Writable { path: path.to_owned(), mode: mode & 0o7777, excess })
}

/// Root can write every file anyway.
const ROOT: u32 = 0;

const GROUP_WRITES: u32 = 0o020;
const OTHERS_WRITE: u32 = 0o002;

/// The limit of Linux.
const MOST_LINKS: u32 = 40;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, lchown, symlink};
    use std::os::unix::net::UnixListener;

    use tempfile::TempDir;

    use super::*;

    /// `<a directory that only the user may write>/above/folder/stack.json`.
    struct Place {
        _dir: TempDir,
        above: PathBuf,
        folder: PathBuf,
        file: PathBuf,
    }

    impl Place {
        fn new() -> Self {
            let dir = TempDir::new().unwrap();
            let above = dir.path().canonicalize().unwrap().join("above");
            let folder = above.join("folder");
            fs::create_dir_all(&folder).unwrap();
            let file = folder.join("stack.json");
            fs::write(&file, "{}").unwrap();
            let place = Self { _dir: dir, above, folder, file };
            chmod(&place.above, 0o700);
            chmod(&place.folder, 0o700);
            chmod(&place.file, 0o600);
            place
        }

        /// The fault: the path, and the bits to remove.
        fn writable(&self) -> Option<(PathBuf, &'static str)> {
            match read(&self.file) {
                Ok(content) => {
                    assert_eq!(content, b"{}");
                    None
                }
                Err(Distrust::Writable { path, excess, .. }) => Some((path, excess)),
                Err(other) => panic!("{other:?}"),
            }
        }
    }

    fn chmod(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_file_and_a_folder_that_others_may_write_are_refused() {
        let place = Place::new();
        assert_eq!(place.writable(), None);
        for mode in [0o644, 0o755, 0o400] {
            chmod(&place.file, mode);
            assert_eq!(place.writable(), None, "{mode:o}");
        }
        for mode in [0o620, 0o602, 0o666] {
            chmod(&place.file, mode);
            assert_eq!(place.writable(), Some((place.file.clone(), "go-w")), "{mode:o}");
        }
        chmod(&place.file, 0o600);
        for mode in [0o770, 0o702, 0o777, 0o1777] {
            chmod(&place.folder, mode);
            assert_eq!(place.writable(), Some((place.folder.clone(), "go-w")), "{mode:o}");
        }
    }

    #[test]
    fn a_directory_above_may_be_group_writable_or_sticky_but_not_world_writable() {
        let place = Place::new();
        for mode in [0o755, 0o775, 0o1777] {
            chmod(&place.above, mode);
            assert_eq!(place.writable(), None, "{mode:o}");
        }
        for mode in [0o777, 0o702] {
            chmod(&place.above, mode);
            assert_eq!(place.writable(), Some((place.above.clone(), "o-w")), "{mode:o}");
        }
    }

    #[test]
    fn a_link_is_followed_and_the_rules_hold_for_its_folder_and_its_target() {
        let (place, aim) = (Place::new(), Place::new());
        fs::remove_file(&place.file).unwrap();
        symlink(&aim.file, &place.file).unwrap();
        assert_eq!(place.writable(), None);
        chmod(&aim.above, 0o777);
        assert_eq!(place.writable(), Some((aim.above.clone(), "o-w")));
        chmod(&aim.above, 0o700);
        chmod(&aim.folder, 0o770);
        assert_eq!(place.writable(), Some((aim.folder.clone(), "go-w")));
        chmod(&aim.folder, 0o700);
        chmod(&place.folder, 0o770);
        assert_eq!(place.writable(), Some((place.folder.clone(), "go-w")));
    }

    #[test]
    fn every_step_of_a_path_with_links_is_checked() {
        let (place, aim) = (Place::new(), Place::new());
        // above/link → hop, hop → the folder of the other place, by way of `..`.
        let hop = aim.above.join("hop");
        symlink("./folder/../folder", &hop).unwrap();
        symlink(&hop, place.above.join("link")).unwrap();
        let file = place.above.join("folder/../link/stack.json");
        assert_eq!(walk(geteuid().as_raw(), &file).unwrap(), aim.file);
        let up = aim.above.join("stack.json");
        fs::write(&up, "{}").unwrap();
        chmod(&up, 0o600);
        symlink("../stack.json", aim.folder.join("up")).unwrap();
        let by_up = aim.folder.join("up");
        assert_eq!(walk(geteuid().as_raw(), &by_up).unwrap(), up);
        chmod(&aim.above, 0o720);
        assert!(matches!(read(&by_up), Err(Distrust::Writable { path, .. }) if path == aim.above));
        chmod(&aim.above, 0o703);
        assert!(matches!(read(&file), Err(Distrust::Writable { path, .. }) if path == aim.above));

        fs::remove_file(&hop).unwrap();
        symlink(place.above.join("link"), &hop).unwrap();
        chmod(&aim.above, 0o700);
        assert!(matches!(read(&file), Err(Distrust::Unreadable(_))), "a circle of links ends");
    }

    #[test]
    fn what_belongs_to_another_user_is_refused() {
        let place = Place::new();
        let (user, own) = (geteuid().as_raw(), TempDir::new().unwrap());
        // Only root can change the owner of a file. For any other user, the test claims another
        // user id.
        if user != ROOT {
            let foreign = read_as(user + 1, &place.file);
            assert!(matches!(foreign, Err(Distrust::Foreign { owner, .. }) if owner == user));
            return;
        }
        let link = own.path().canonicalize().unwrap().join("link");
        symlink(&place.file, &link).unwrap();
        lchown(&place.above, Some(OTHER), None).unwrap();
        for path in [&place.folder, &place.file, &link] {
            lchown(path, Some(OTHER), None).unwrap();
            let foreign = read(&link).unwrap_err();
            assert!(
                matches!(&foreign, Distrust::Foreign { path: at, owner: OTHER, user: ROOT } if at == path),
                "{foreign:?}"
            );
            assert!(
                read_as(OTHER, &link).is_ok(),
                "they may use their own files and those of root"
            );
            lchown(path, Some(ROOT), None).unwrap();
        }
        assert!(read(&link).is_ok());
    }

    #[test]
    fn what_is_not_a_file_is_refused_at_once() {
        let place = Place::new();
        for path in [&place.folder, &place.above.join("socket")] {
            let _listener = UnixListener::bind(path);
            let refused = read(path);
            assert!(matches!(refused, Err(Distrust::NotAFile(at)) if at == *path));
        }
        let missing = read(&place.folder.join("missing"));
        assert!(
            matches!(missing, Err(Distrust::Unreadable(error)) if error.kind() == io::ErrorKind::NotFound)
        );
    }

    const OTHER: u32 = 65_534;
}
