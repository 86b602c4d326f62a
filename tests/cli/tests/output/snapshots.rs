//! The output of every command, in every format, including its errors.

use cli::{CliStack, Session, check};

#[test]
fn identities_are_created_shown_and_listed() {
    let stack = CliStack::start();
    let mut session = Session::new(&stack);
    session.run("identity create --external-id alice -o table");
    session.run_in_each_format("identity create --external-id alice");
    session.run("identity create --external-id bob --with-token --scope voip chat -o json");
    session.run("identity create -o tsv");
    session.run("identity create --external-id 8:alice");
    session.run("identity create --external-id carol --with-token --scope voip --expires-in 25h");
    session.matches("identity-create");

    let mut session = Session::new(&stack);
    session.run_in_each_format("identity show alice");
    session.run(&format!("identity show {} -o tsv", stack.identity("alice")));
    session.run("identity show unknown-user");
    session.run("identity show 8:");
    session.run("identity show alice -o env");
    session.matches("identity-show");
}

#[test]
fn a_list_is_narrowed_by_state_and_by_last_use() {
    let stack = CliStack::start();
    let mut session = Session::new(&stack);
    session.run_in_each_format("identity list");
    stack.identity("alice");
    stack.identity("bob");
    stack.json(&["token", "revoke", "--user", "bob", "--block", "--yes"]);
    session.run_in_each_format("identity list");
    session.run("identity list --state blocked -o tsv");
    session.run("identity list --unused-for 1d -o tsv");
    session.run("identity list --unused-since 2999-01-01T00:00:00Z --limit 1 -o tsv");
    session.run("identity list --unused-since yesterday");
    session.run("identity list --unused-for 90");
    session.matches("identity-list");
}

#[test]
fn identities_are_deleted_one_or_many() {
    let stack = CliStack::start();
    let mut session = Session::new(&stack);
    for name in ["alice", "bob", "carol", "dora"] {
        stack.identity(name);
    }
    session.run("identity delete alice");
    session.run("identity delete");
    session.run("identity delete --file missing --yes");
    session.run("identity delete --rate 17 alice --yes");
    session.run("identity delete alice --yes -o none");
    session.run_with("identity delete --file - bob --yes -o tsv", "carol\tactive\n\n# dora\n");
    session.run_with("identity delete --file - --yes", "carol active\n");
    session.run_with("identity delete --file - --yes", "[{ \"name\": \"dora\" }]");
    session.run("identity list -o tsv");
    session.matches("identity-delete");
}

#[test]
fn tokens_are_issued_for_an_hour_to_a_day() {
    let stack = CliStack::start();
    stack.identity("alice");
    let mut session = Session::new(&stack);
    session.run_in_each_format("token issue --user alice --scope chat voip");
    session.run("token issue --user alice --scope voip.join --expires-in 90m -o env");
    session.run("token issue --user alice --scope voip --expires-in 59m");
    session.run("token issue --user alice --scope voip --expires-in soon");
    session.run("token issue --user alice --scope voip,chat --output tsv");
    session.run("token issue --user alice --scope voip voip");
    session.run("token issue --user unknown-user --scope voip");
    session.run("token issue --user alice --scope fax");
    session.matches("token-issue");
}

#[test]
fn a_revocation_gives_a_receipt_and_a_block_holds() {
    let stack = CliStack::start();
    stack.identity("alice");
    let mut session = Session::new(&stack);
    session.run("token revoke --user alice");
    session.run("token revoke --user unknown-user --yes");
    session.run_in_each_format("token revoke --user alice --yes");
    session.run("token revoke --user alice --block --yes -o table");
    session.run("token issue --user alice --scope voip");
    session.run("token revoke --user never-seen --block --yes -o table");
    session.matches("token-revoke");
}

#[test]
fn inspecting_a_token_sends_no_request() {
    let stack = CliStack::start();
    stack.identity("alice");
    let issued = stack.json(&["token", "issue", "--user", "alice", "--scope", "chat", "voip"]);
    let before = stack.emulator("GET requests", &serde_json::Value::Null);
    let mut session = Session::new(&stack);
    for format in ["table", "yaml", "tsv"] {
        session.run_with(&format!("token inspect -o {format}"), &issued.to_string());
    }
    session.run_with("token inspect -o table", &stack.bearer("sub=alice"));
    session.run_with("token inspect -o table", "none");
    session.run_with("token inspect", "");
    let text = session.take();
    // The times in a token are also whole seconds since 1970.
    let is_moment =
        |line: &&str| ["exp:", "iat:", "csi:", "key:"].iter().any(|name| line.contains(name));
    let lines: Vec<&str> = text.lines().filter(|line| !is_moment(line)).collect();
    check("token-inspect", &(lines.join("\n") + "\n"));
    assert_eq!(stack.emulator("GET requests", &serde_json::Value::Null), before);
}

#[test]
fn a_teams_users_token_is_exchanged() {
    let stack = CliStack::start();
    let ids = "--app-id 11111111-2222-3333-4444-555555555555 --user-id 66666666-7777-8888-9999-aaaaaaaaaaaa";
    let mut session = Session::new(&stack);
    session.run_with(&format!("token exchange-teams {ids}"), "");
    session.run_with(&format!("token exchange-teams {ids}"), "not a token");
    session.run_with(&format!("token exchange-teams {ids}"), "foo");
    session.run_with(&format!("token exchange-teams {ids}"), &stack.bearer("sub=alice"));
    let made = stack.emulator("POST entra/token", &serde_json::json!({}));
    let claim = |name: &str| made["claims"][name].as_str().unwrap().to_owned();
    let ids = format!("--app-id {} --user-id {}", claim("appid"), claim("oid"));
    for format in ["table", "json", "env"] {
        session.run_with(&format!("token exchange-teams {ids} -o {format}"), &made.to_string());
    }
    session.matches("token-exchange-teams");
}

#[test]
fn the_status_shows_the_selected_service() {
    let stack = CliStack::start();
    let mut session = Session::new(&stack);
    session.run_in_each_format("status");
    session.matches("status");
}

#[test]
fn every_command_has_help() {
    let stack = CliStack::start();
    let mut session = Session::new(&stack);
    for command in [
        "",
        "identity ",
        "identity create ",
        "identity show ",
        "identity list ",
        "identity import ",
        "identity delete ",
        "user ",
        "user block ",
        "user unblock ",
        "user move ",
        "user history ",
        "events ",
        "events explain ",
        "events send ",
        "events dead-letters ",
        "events replay ",
        "events streams ",
        "events streams create ",
        "events streams verify ",
        "policy ",
        "policy explain ",
        "policy test ",
        "cleanup ",
        "cleanup plan ",
        "cleanup apply ",
        "invitation ",
        "invitation create ",
        "invitation list ",
        "invitation show ",
        "invitation extend ",
        "invitation unlock ",
        "invitation revoke ",
        "invitation exchange ",
        "phone ",
        "phone assign ",
        "phone show ",
        "phone unassign ",
        "phone list ",
        "phone reconcile ",
        "phone exchange ",
        "resource ",
        "resource list ",
        "resource explain ",
        "audit ",
        "token ",
        "token issue ",
        "token revoke ",
        "token exchange-teams ",
        "token inspect ",
        "status ",
        "doctor ",
        "quickstart ",
        "completion ",
        "man ",
    ] {
        session.run(&format!("{command}-h"));
    }
    session.run("--help");
    session.matches("help");
}

#[test]
fn completions_are_written() {
    let stack = CliStack::start();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = stack.run(&["completion", shell]);
        assert_eq!(script.code, 0, "{shell}");
        for word in ["exchange-teams", "quickstart", "unused-for"] {
            assert!(script.stdout.contains(word), "{shell} knows {word}");
        }
        assert!(!script.stdout.contains("connection-string "), "what is refused is not offered");
        assert!(!script.stdout.contains("aad-token"), "what is refused is not offered");
    }
}

#[test]
fn man_pages_describe_every_option() {
    let stack = CliStack::start();
    let pages = stack.dir().join("man");
    std::fs::create_dir(&pages).unwrap();
    assert_eq!(stack.run(&["man", pages.to_str().unwrap()]).code, 0);
    let mut options = 0;
    for page in std::fs::read_dir(&pages).unwrap() {
        let path = page.unwrap().path();
        let page = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = page.lines().collect();
        for at in (0..lines.len()).filter(|at| lines[*at] == ".TP") {
            let described = lines.get(at + 2).is_some_and(|text| {
                !text.is_empty() && !text.starts_with(".TP") && !text.starts_with(".SH")
            });
            assert!(described, "{} {}", path.display(), lines[at + 1]);
            options += 1;
        }
    }
    assert!(options > 100, "{options}");
    for name in ["guestpass-identity-delete.1", "guestpass-man.1"] {
        assert!(pages.join(name).is_file(), "{name}");
    }
    assert_eq!(stack.run(&["man", "/nowhere"]).code, 2);
}
