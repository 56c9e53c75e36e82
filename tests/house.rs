//! The rooms of the library import in one direction.

use std::fs;
use std::path::{Path, PathBuf};

/// The rooms from left to right; those of one row know nothing of each other.
const ROOMS: &[&[&str]] = &[
    &["kind"],
    &["error"],
    &["address"],
    &["schema"],
    &["proxy", "socket"],
    &["echo", "fault", "times"],
    &["client", "server"],
];

fn row(room: &str) -> Option<usize> {
    ROOMS.iter().position(|row| row.contains(&room))
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    files.into_iter().chain(folders.iter().flat_map(|folder| sources(folder))).collect()
}

#[test]
fn a_room_imports_only_what_stands_to_its_left() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut seen = 0;
    for path in sources(&src) {
        let inside = path.strip_prefix(&src).unwrap().with_extension("");
        let room = inside.components().next().unwrap().as_os_str().to_str().unwrap();
        let Some(from) = row(room) else { continue };
        let text = fs::read_to_string(&path).unwrap();
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        for part in code.flat_map(|line| line.split("crate::").skip(1)) {
            let other = part.split(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap();
            let Some(to) = row(other) else { continue };
            assert!(to < from || other == room, "{}: {room} imports {other}", path.display());
            seen += 1;
        }
    }
    assert!(seen > 50, "only {seen} imports were seen");
}
