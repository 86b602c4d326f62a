use super::*;

#[test]
fn a_path_is_decoded_once_before_the_route_is_looked_for() {
    for (sent, seen) in [
        ("/space%20value", "/space value"),
        ("/%C3%A4%F0%9F%98%80%23", "/ä😀#"),
        ("/a%2Fb", "/a/b"),
        ("/a+b", "/a+b"),
        ("/a%253Fb", "/a%3Fb"),
        ("/a%3Fb", "/a"),
        ("/thing/", "/thing/"),
    ] {
        assert_eq!(decoded(sent), seen, "{sent}");
    }
}
