//! Cells of a TSV file, which people open with a spreadsheet.
//!
//! A spreadsheet runs a cell that begins with `=`, `+`, `-` or `@` as a formula, even if the
//! cell is in quotation marks, and a formula can send other cells to a server. The content of a
//! cell is often untrusted: an external id, a claim of a token, the reason in an event. Such a
//! cell is written with an apostrophe in front, which is the usual defence. Numbers are not an
//! exception: those that the tool writes have no sign.
//!
//! Some other first characters mean a comment or JSON when [`names_in`](crate::input::names_in) reads a list.
//! They also get the apostrophe, so that a written name is read as the same name.

/// The cell as it is written.
pub(super) fn escaped(cell: String) -> String {
    if is_special(&cell) { format!("{APOSTROPHE}{cell}") } else { cell }
}

/// The original cell of the written `text`.
pub(crate) fn unescaped(text: &str) -> &str {
    match text.strip_prefix(APOSTROPHE) {
        Some(cell) if is_special(cell) => cell,
        _ => text,
    }
}

/// Ignores apostrophes at the start of the cell: `=1` and `'=1` are both escaped, and each is
/// read back as the original. Also ignores spaces, which some programs skip. A tab or the end of
/// a line has already become a space.
fn is_special(cell: &str) -> bool {
    let text = cell.trim_start_matches(APOSTROPHE).trim_start();
    text.starts_with(FORMULA) || text.starts_with(LIST)
}

const APOSTROPHE: char = '\'';

/// First characters of a formula, in half or full width, and the quotation mark that hides one.
const FORMULA: [char; 9] = ['=', '+', '-', '@', '＝', '＋', '－', '＠', '"'];

/// First characters of a comment or JSON in a list of names.
const LIST: [char; 3] = ['#', '[', '{'];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spreadsheet_takes_no_cell_for_a_formula() {
        for cell in
            ["=1+1", "+1", "-5", "@SUM(A1)", "＝1", "＋1", "－1", "＠1", "\"=1+1\"", " =1", "'=1"]
        {
            assert_eq!(escaped(cell.to_owned()), format!("'{cell}"));
        }
        for cell in ["", "alice", "a=b", "auth0|x", "8:acs:r_1", "2026-11-26", "'", "'quoted'"] {
            assert_eq!(escaped(cell.to_owned()), cell);
        }
    }

    #[test]
    fn every_cell_is_read_back_as_what_it_was() {
        let beginnings = ["", "'", "''", "=", "+", "-", "@", "\"", "#", "[", "{", "8:", "a"];
        for first in beginnings {
            for second in beginnings {
                let cell = format!("{first}{second}x");
                assert_eq!(unescaped(&escaped(cell.clone())), cell);
            }
        }
    }
}
