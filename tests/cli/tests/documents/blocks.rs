//! The fenced blocks of the documentation.

use std::process::Command;

use harness::ROOT;

/// A fenced block.
pub(crate) struct Block {
    /// The path of the file in the repository.
    pub(crate) file: String,
    /// The line of its fence.
    pub(crate) line: usize,
    /// What follows the fence; empty for output and diagrams.
    pub(crate) language: String,
    /// The lines, without the indentation of the fence.
    pub(crate) text: String,
}

/// All fenced blocks of all Markdown files.
pub(crate) fn blocks() -> Vec<Block> {
    let listed = Command::new("git").args(["-C", ROOT, "ls-files", "*.md"]).output().unwrap();
    let files = String::from_utf8(listed.stdout).unwrap();
    assert!(files.lines().count() > 10, "{files}");
    files.lines().flat_map(blocks_of).collect()
}

fn blocks_of(file: &str) -> Vec<Block> {
    let text = std::fs::read_to_string(format!("{ROOT}/{file}")).unwrap();
    let mut blocks = Vec::new();
    let mut open: Option<(usize, Block)> = None;
    for (number, line) in text.lines().enumerate() {
        let indent = line.len() - line.trim_start().len();
        let fence = line.trim_start().strip_prefix("```");
        open = match (open, fence) {
            (None, Some(language)) => {
                let (file, language) = (file.to_owned(), language.trim().to_owned());
                Some((indent, Block { file, line: number + 1, language, text: String::new() }))
            }
            (Some((_, block)), Some(_)) => {
                blocks.push(block);
                None
            }
            (Some((indent, mut block)), None) => {
                block.text.push_str(line.get(indent..).unwrap_or_default());
                block.text.push('\n');
                Some((indent, block))
            }
            (None, None) => None,
        };
    }
    assert!(open.is_none(), "{file}: a fence is not closed");
    blocks
}
