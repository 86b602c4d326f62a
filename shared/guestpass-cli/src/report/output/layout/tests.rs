//! Tests of the layout of tables.

use super::*;

const TITLES: [&str; 4] = ["external id", "ACS id", "when", "what"];

fn table(width: usize, optional: &[&str], rows: &[[&str; 4]]) -> Vec<String> {
    let now = timestamp::parse("2026-11-27T12:00:00.000Z").unwrap();
    let rows: Vec<Vec<String>> = rows.iter().map(|row| row.map(str::to_owned).to_vec()).collect();
    let layout = TableLayout::Fitted { width, now };
    let mut plan = TablePlan::new(layout, &TITLES, optional, &rows);
    let mut out = Vec::new();
    plan.write_titles(&mut out, &TITLES).unwrap();
    for row in &rows {
        plan.write_row(&mut out, row).unwrap();
    }
    String::from_utf8(out).unwrap().lines().map(str::to_owned).collect()
}

const ONE: &str = "8:acs:3016e745-0080-473d-b5b3-5a30d36fd6b9_1f551973-e2e3-4e01-8e02-cc11b70e6012";
const TWO: &str = "8:acs:3016e745-0080-473d-b5b3-5a30d36fd6b9_1f551973-e2e3-4e01-8e02-dd11b70e6012";

#[test]
fn a_table_that_is_too_wide_shows_the_ends_of_its_ids() {
    let rows = [
        ["https://idp.example|alice", ONE, "2026-11-27T11:00:00.000Z", "-"],
        ["https://idp.example|bob", "8:acs:x_1", "2026-12-07T12:00:00.000Z", "-"],
    ];
    let table = table(60, &[], &rows);
    assert_eq!(table[0], "EXTERNAL ID           ACS ID                WHEN        WHAT");
    assert_eq!(table[1], "…//idp.example|alice  …1-8e02-cc11b70e6012  60 min ago  -");
    assert_eq!(table[2], "…s://idp.example|bob  8:acs:x_1             in 10 d     -");
    assert!(table.iter().all(|line| length(line) <= 60), "{table:#?}");
}

#[test]
fn two_ids_never_look_the_same() {
    let row = |id| ["a", id, "2026-11-27T11:00:00.000Z", "-"];
    let lines = table(40, &[], &[row(ONE), row(TWO)]);
    assert!(
        lines[1].contains(" …c11b70e6012 ") && lines[2].contains(" …d11b70e6012 "),
        "{lines:#?}"
    );
    // A later row was not measured.
    let rows: Vec<Vec<String>> = vec![row(ONE).map(str::to_owned).to_vec()];
    let layout = TableLayout::Fitted { width: 40, now: SystemTime::UNIX_EPOCH };
    let mut plan = TablePlan::new(layout, &TITLES, &[], &rows);
    let mut out = Vec::new();
    for id in [ONE, TWO, ONE] {
        plan.write_row(&mut out, &row(id).map(str::to_owned)).unwrap();
    }
    let text = String::from_utf8(out).unwrap();
    assert!(text.contains(TWO) && !text.contains(ONE), "{text}");
}

#[test]
fn a_text_goes_on_in_the_next_line_with_the_ends_of_its_ids() {
    let what = format!("identity created: {ONE}, by an administrator of the service");
    let lines = table(60, &[], &[["alice", "-", "2026-11-27T11:59:00.000Z", &what]]);
    assert!(lines.iter().all(|line| length(line) <= 60), "{lines:#?}");
    let words = lines[1..].iter().flat_map(|line| line.split_whitespace());
    let told = words.collect::<Vec<_>>().join(" ");
    assert_eq!(
        told,
        "alice - 60 s ago identity created: …cc11b70e6012, by an administrator of the service"
    );
}

#[test]
fn what_fits_stays_whole_and_optional_columns_go_first() {
    let row = [["alice", ONE, "2026-11-27T11:00:00.000Z", "-"]];
    assert!(table(120, &["when"], &row)[1].contains(ONE));
    let narrow = table(30, &["when"], &row);
    assert!(!narrow[0].contains("WHEN") && narrow[0].contains("WHAT"), "{narrow:#?}");
}

#[test]
fn a_time_is_told_in_its_largest_unit() {
    let now = SystemTime::UNIX_EPOCH + Duration::from_hours(10_000);
    for (seconds, expected) in [
        (0, "0 s ago"),
        (119, "119 s ago"),
        (120, "2 min ago"),
        (7200, "2 h ago"),
        (172_800, "2 d ago"),
    ] {
        assert_eq!(relative(now - Duration::from_secs(seconds), now), expected);
    }
    assert_eq!(relative(now + Duration::from_mins(5), now), "in 5 min");
    assert_eq!(relative(now + Duration::from_millis(999), now), "0 s ago");
    assert_eq!(relative(now + Duration::from_secs(1), now), "in 1 s");
}
