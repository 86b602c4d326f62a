//! Every fenced block of the documentation is run here, is tested elsewhere, or is listed with the
//! reason why it cannot run on this machine.
#![expect(clippy::unwrap_used, reason = "tests may panic")]

mod blocks;
mod commands;
mod listed;
mod runs;

use blocks::{Block, blocks};
use listed::{LISTED, Treatment};

/// How a block is treated; `None` if nothing says so.
fn treatment(block: &Block) -> Option<&'static Treatment> {
    let mut found = LISTED.iter().filter(|(file, start, _)| {
        block.file == *file && block.text.trim_start().starts_with(start)
    });
    found.next().map(|(.., treatment)| treatment)
}

#[test]
fn every_snippet_is_run_or_listed_with_a_reason() {
    let unlisted: Vec<String> = blocks()
        .iter()
        // Output and diagrams have no language. JSON is parsed, wherever it is.
        .filter(|block| !block.language.is_empty() && block.language != "json")
        .filter(|block| treatment(block).is_none())
        .map(|block| format!("{}:{}: {}", block.file, block.line, block.text.trim_start()))
        .collect();
    assert!(
        unlisted.is_empty(),
        "add these snippets to documents/listed.rs, and run them there if that is possible:\n{}",
        unlisted.join("\n")
    );
}

#[test]
fn every_entry_of_the_list_is_a_snippet_of_the_documentation() {
    let blocks = blocks();
    for (file, start, _) in LISTED {
        let found = blocks
            .iter()
            .filter(|block| block.file == *file && block.text.trim_start().starts_with(start));
        assert_eq!(found.count(), 1, "{file}: {start}");
    }
}

#[test]
fn every_json_block_is_json() {
    let mut count = 0;
    for block in blocks().iter().filter(|block| block.language == "json") {
        let parsed = serde_json::from_str::<serde_json::Value>(&block.text);
        assert!(parsed.is_ok(), "{}:{}: {parsed:?}", block.file, block.line);
        count += 1;
    }
    assert!(count > 5, "{count}");
}
