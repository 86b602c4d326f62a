//! However long a list is, few of its rows are kept.

use std::{io::BufRead as _, process::Stdio};

use crate::stack::Stack;

/// The most memory a process had so far, in KiB.
fn peak(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn a_list_streams_and_its_reader_may_stop() {
    let stack = Stack::start();
    // More than fits into a pipe: the tool waits for its reader.
    stack.seed_table(2_000);
    for format in ["json", "yaml", "tsv", "table"] {
        let mut command = stack.command(&["identity", "list", "-o", format]);
        let mut list = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = std::io::BufReader::new(list.stdout.take().unwrap()).lines();
        assert!(lines.next().is_some());
        assert!(peak(list.id()) < 64 * 1024, "{} KiB", peak(list.id()));
        drop(lines);
        let ended = list.wait_with_output().unwrap();
        assert_eq!(ended.status.code(), Some(0), "{format}: {ended:?}");
        assert!(ended.stderr.is_empty(), "{format}: {ended:?}");
    }
}
