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

fn segments(path: &str) -> Vec<Segment> {
    path.split('/').map(Segment::parse).collect()
}

#[test]
fn a_route_matches_whole_paths_and_a_rest_matches_one_segment_or_more() {
    for (route, path, expected) in [
        ("/v1/token", "/v1/token", Some("")),
        ("/v1/token", "/v1/token/x", None),
        ("/v1/token", "/v1", None),
        ("/things/{id}", "/things/7", Some("id=7")),
        ("/things/{id}", "/things/", None),
        ("/things/{id}", "/things/7/8", None),
        ("/scim/v2/{proxy+}", "/scim/v2/Users", Some("proxy=Users")),
        ("/scim/v2/{proxy+}", "/scim/v2/Users/7", Some("proxy=Users/7")),
        ("/scim/v2/{proxy+}", "/scim/v2/Users/", Some("proxy=Users/")),
        ("/scim/v2/{proxy+}", "/scim/v2/", None),
        ("/scim/v2/{proxy+}", "/scim/v2", None),
        ("/scim/v2/{proxy+}", "/scim/v3/Users", None),
    ] {
        let path: Vec<_> = path.split('/').collect();
        let found = path_parameters(&segments(route), &path).map(|parameters| {
            let pairs = parameters.iter().map(|(name, value)| format!("{name}={value}"));
            pairs.collect::<Vec<_>>().join(" ")
        });
        assert_eq!(found.as_deref(), expected, "{route} {path:?}");
    }
}

#[test]
fn a_specific_route_precedes_one_with_parameters_and_that_one_a_rest() {
    let mut routes = ["/{proxy+}", "/a/{b}/{c}", "/a/{b}/c", "/a/{rest+}", "/a/b/c"];
    routes.sort_by_key(|route| openness(&segments(route)));
    assert_eq!(routes, ["/a/b/c", "/a/{b}/c", "/a/{b}/{c}", "/{proxy+}", "/a/{rest+}"]);
}
