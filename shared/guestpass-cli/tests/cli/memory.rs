//! However long a list is, few of its rows are kept.

use std::{io::BufRead as _, net::TcpListener, process::Stdio};

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

/// Neither the names nor what is done about them stand in memory again and again.
#[test]
fn a_long_list_of_names_to_delete_takes_little_more_than_its_names() {
    let stack = Stack::start();
    // A table that never answers: whatever is to be kept is kept by then.
    let mute = TcpListener::bind("127.0.0.1:0").unwrap();
    let table = format!("http://{}", mute.local_addr().unwrap());
    let peak_of = |count: usize| {
        let names: Vec<String> =
            (0..count).map(|index| format!("https://login.example|{index:012}")).collect();
        let file = stack.dir.path().join("names");
        std::fs::write(&file, names.join("\n")).unwrap();
        let line = ["identity", "delete", "--yes", "--file", file.to_str().unwrap()];
        let mut command = stack.command(&line);
        command.envs([
            ("COMMUNICATION_SERVICES_CONNECTION_STRING", stack.connection_string().as_str()),
            ("GUESTPASS_TABLE", "T"),
            ("AWS_ENDPOINT_URL_DYNAMODB", &table),
            ("AWS_REGION", "eu-west-1"),
            ("AWS_ACCESS_KEY_ID", "local"),
            ("AWS_SECRET_ACCESS_KEY", "local"),
        ]);
        let mut deletion = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        drop(mute.accept().unwrap());
        let peak = peak(deletion.id());
        deletion.kill().unwrap();
        deletion.wait().unwrap();
        // Others it had begun to ask.
        mute.set_nonblocking(true).unwrap();
        while mute.accept().is_ok() {}
        mute.set_nonblocking(false).unwrap();
        peak
    };
    let (few, many) = (peak_of(10), peak_of(200_000));
    // A name has 34 characters.
    assert!(many - few < 200_000 * 160 / 1024, "{few} KiB for 10, {many} KiB for 200,000");
}
