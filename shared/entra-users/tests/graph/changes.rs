use entra_users::{DeltaPage, DeltaStart, GraphError};
use serde_json::json;

use crate::server::{GraphFixture, USER, ok, refusal, tenant};

const SELECT: &str = "$select=accountEnabled,signInSessionsValidFromDateTime";

#[tokio::test]
async fn the_query_begins_now_or_with_everyone_and_continues_at_its_link() {
    let graph = GraphFixture::answering([]).await;
    let link = |name: &str| format!("{}/v1.0/users/delta?$deltatoken={name}", graph.server.url());
    let empty = json!({ "value": [], "@odata.deltaLink": link("1") });
    let page = json!({
        "value": [{ "id": USER, "accountEnabled": false }, { "id": USER, "@removed": { "reason": "changed" } }],
        "@odata.nextLink": link("2"),
    });
    graph.prepare([ok(&empty.to_string()), ok(&page.to_string()), ok(&empty.to_string())]);
    let user = USER.parse().unwrap();
    for (start, line, expected) in [
        (
            DeltaStart::Now,
            format!("GET /v1.0/users/delta?{SELECT}&$deltatoken=latest"),
            DeltaPage { changed: vec![], link: link("1"), has_more: false },
        ),
        (
            DeltaStart::Everyone,
            format!("GET /v1.0/users/delta?{SELECT}"),
            DeltaPage { changed: vec![Clone::clone(&user), user], link: link("2"), has_more: true },
        ),
        (
            DeltaStart::After(&link("2")),
            "GET /v1.0/users/delta?$deltatoken=2".to_owned(),
            DeltaPage { changed: vec![], link: link("1"), has_more: false },
        ),
    ] {
        let page = graph.client.changed_users(&tenant(), start, graph.until()).await.unwrap();
        assert_eq!((graph.last().line, page), (line, expected));
    }
}

#[tokio::test]
async fn an_expired_link_and_one_of_another_cloud_are_the_same() {
    let answers = [
        refusal(410, ""),
        refusal(400, "syncStateNotFound"),
        refusal(400, "Directory_ExpiredPageToken"),
        refusal(403, "resyncRequired"),
        refusal(400, "BadRequest"),
    ];
    let graph = GraphFixture::answering(answers).await;
    let link = format!("{}/v1.0/users/delta?$deltatoken=1", graph.server.url());
    for expired in [true, true, true, true, false] {
        let start = DeltaStart::After(&link);
        let error = graph.client.changed_users(&tenant(), start, graph.until()).await.unwrap_err();
        assert_eq!(matches!(error, GraphError::DeltaExpired), expired, "{error}");
    }
    let sent = graph.lines().len();
    for other in [
        "https://graph.microsoft.us/v1.0/users/delta",
        &format!("{}.example.com/", graph.server.url()),
    ] {
        let start = DeltaStart::After(other);
        let error = graph.client.changed_users(&tenant(), start, graph.until()).await.unwrap_err();
        assert!(matches!(error, GraphError::DeltaExpired), "{error}");
    }
    assert_eq!(graph.lines().len(), sent, "no token was sent to the other server");
}

#[tokio::test]
async fn a_page_without_a_usable_link_is_an_error() {
    let graph = GraphFixture::answering([]).await;
    let long = format!("{}/{}", graph.server.url(), "x".repeat(DeltaPage::LONGEST_LINK));
    let pages = [
        json!({ "value": [] }),
        json!({ "value": [], "@odata.deltaLink": "https://other.example.com/v1.0/users/delta" }),
        json!({ "value": [], "@odata.deltaLink": long }),
        json!({ "value": [{ "id": "me" }], "@odata.deltaLink": graph.server.url() + "/x" }),
        json!({ "@odata.deltaLink": graph.server.url() + "/x" }),
    ];
    let count = pages.len();
    graph.prepare(pages.map(|page| ok(&page.to_string())));
    for _ in 0..count {
        let page = graph.client.changed_users(&tenant(), DeltaStart::Now, graph.until()).await;
        assert!(matches!(page, Err(GraphError::Invalid(_))), "{page:?}");
    }
}
