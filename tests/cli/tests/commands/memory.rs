//! The tool keeps only a few rows of a list in memory, however long the list is.

use std::{
    io::{BufRead as _, BufReader},
    net::TcpListener,
    process::Stdio,
};

use cli::CliStack;

/// The peak memory of a running process so far, in KiB.
fn peak(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    // A process that has ended has no such line.
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

#[test]
fn a_list_is_streamed_and_its_reader_may_stop() {
    let stack = CliStack::start();
    // More than a pipe can hold: the tool waits for its reader.
    stack.seed_table(2_000);
    for format in ["json", "yaml", "tsv", "table"] {
        let mut command = stack.command(&["identity", "list", "-o", format]);
        let mut list = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(list.stdout.take().unwrap()).lines();
        assert!(lines.next().is_some());
        drop(lines);
        let ended = list.wait_with_output().unwrap();
        assert_eq!(ended.status.code(), Some(0), "{format}: {ended:?}");
        assert!(ended.stderr.is_empty(), "{format}: {ended:?}");
    }
}

#[test]
fn a_list_of_ten_times_as_many_identities_takes_no_more_memory() {
    let (few, many) = (CliStack::start(), CliStack::start());
    few.seed_table(1_000);
    many.seed_table(10_000);
    for format in ["json", "yaml", "tsv", "table"] {
        let peak_of = |stack: &CliStack, count: usize| {
            let line = ["identity", "list", "-o", format, "--limit", &count.to_string()];
            let mut list = stack.command(&line).stdout(Stdio::piped()).spawn().unwrap();
            let mut reader = BufReader::new(list.stdout.take().unwrap());
            let (mut line, mut highest) = (String::new(), 0);
            // When the test reads the last rows, the tool has read nearly everything.
            for read in 0.. {
                if reader.read_line(&mut line).unwrap() == 0 {
                    break;
                }
                if read % 100 == 0 {
                    highest = peak(list.id()).unwrap_or(highest);
                }
                line.clear();
            }
            assert!(list.wait().unwrap().success());
            highest
        };
        let (few, many) = (peak_of(&few, 1_000), peak_of(&many, 10_000));
        // 9,000 rows in memory would take 3 MiB or more.
        assert!(many < few + 2 * 1024, "{format}: {few} KiB, {many} KiB");
        assert!(many < 64 * 1024, "{format}: {many} KiB");
    }
}

/// The tool keeps each name, and the state of its deletion, only once.
#[test]
fn a_long_list_of_names_to_delete_takes_little_more_than_its_names() {
    let stack = CliStack::start();
    // The table never answers: at that point the tool has everything in memory.
    let mute = TcpListener::bind("127.0.0.1:0").unwrap();
    let table = format!("http://{}", mute.local_addr().unwrap());
    let peak_of = |count: usize| {
        let names: Vec<String> =
            (0..count).map(|index| format!("https://login.example|{index:012}")).collect();
        let file = stack.dir().join("names");
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
        let peak = peak(deletion.id()).unwrap();
        deletion.kill().unwrap();
        deletion.wait().unwrap();
        // Drops the other connections that the tool had opened.
        mute.set_nonblocking(true).unwrap();
        while mute.accept().is_ok() {}
        mute.set_nonblocking(false).unwrap();
        peak
    };
    let (few, many) = (peak_of(10), peak_of(200_000));
    // A name has 34 characters, and a second copy of it takes 72 bytes.
    assert!(many - few < 200_000 * 176 / 1024, "{few} KiB for 10, {many} KiB for 200,000");
}
