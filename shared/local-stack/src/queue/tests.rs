use serde_json::json;

use super::*;
use crate::template::Redrive;

const SECOND: Duration = Duration::from_secs(1);

fn settings(name: &str, redrive: Option<&str>) -> QueueSpec {
    QueueSpec {
        name: name.to_owned(),
        visibility: SECOND * 60,
        retention: SECOND * 3600,
        delay: Duration::ZERO,
        redrive: redrive.map(|name| Redrive { dead_letters: name.to_owned(), max_receives: 5 }),
    }
}

fn queues() -> Arc<Queues> {
    queues_with(None)
}

fn queues_with(journal: Option<PathBuf>) -> Arc<Queues> {
    let queues = vec![settings("Q", Some("Dead")), settings("Dead", None)];
    Queues::open(queues, journal, StackClock::system()).unwrap()
}

/// The messages that are visible now.
fn take(queues: &Queues, most: usize) -> Vec<QueueMessage> {
    queues.take("Q", most, None)
}

#[test]
fn a_message_is_hidden_after_a_receive_until_its_visibility_ends() {
    let queues = queues();
    queues.send("Q", "body".to_owned()).unwrap();
    let first = take(&queues, 10).pop().unwrap();
    assert_eq!(first.receives, 1);
    assert!(take(&queues, 10).is_empty());
    assert_eq!(queues.overview()[0]["inFlight"], 1);
    queues.clock.advance(61).unwrap();
    let again = take(&queues, 10).pop().unwrap();
    assert_eq!((again.id, again.receives), (first.id, 2));
    assert_eq!(again.first_received_at, first.first_received_at);
    assert_ne!(again.receipt, first.receipt);
}

#[test]
fn an_outdated_receipt_handle_deletes_nothing() {
    let queues = queues();
    queues.send("Q", "body".to_owned()).unwrap();
    let old = take(&queues, 1).pop().unwrap();
    queues.clock.advance(61).unwrap();
    let new = take(&queues, 1).pop().unwrap();
    queues.delete("Q", &[old.receipt.unwrap()]);
    assert_eq!(queues.messages("Q").unwrap().len(), 1);
    queues.delete("Q", &[new.receipt.unwrap()]);
    assert!(queues.messages("Q").unwrap().is_empty());
}

#[test]
fn a_message_is_moved_to_the_dead_letter_queue_after_its_last_receive_and_can_be_redriven() {
    let queues = queues();
    let body = "{\"a\": \"\u{e9}\\u00e9\"}\n";
    queues.send("Q", body.to_owned()).unwrap();
    for receives in 1..=5 {
        assert_eq!(take(&queues, 10).pop().unwrap().receives, receives);
        queues.clock.advance(61).unwrap();
    }
    assert!(take(&queues, 10).is_empty());
    assert!(queues.messages("Q").unwrap().is_empty());
    let [letter] = queues.messages("Dead").unwrap().try_into().unwrap();
    assert_eq!((letter["body"].as_str(), letter["receiveCount"].as_u64()), (Some(body), Some(5)));
    assert_eq!(queues.overview()[1]["isDeadLetterQueueOf"], json!(["Q"]));

    assert_eq!(queues.redrive("Dead"), Ok(1));
    assert!(queues.messages("Dead").unwrap().is_empty());
    let again = take(&queues, 10).pop().unwrap();
    assert_eq!((again.body.as_str(), again.receives), (body, 1));
    assert_ne!(letter["messageId"], again.id.as_str());
    assert!(queues.redrive("Q").is_err());
}

#[test]
fn without_a_writable_journal_a_queue_refuses_new_messages_and_delivers_the_others_as_before() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("queues.jsonl");
    let queues = queues_with(Some(path.clone()));
    queues.send("Q", "old".to_owned()).unwrap();
    queues.send("Q", "done".to_owned()).unwrap();
    queues.lock().journal.as_mut().unwrap().set_writable(false);
    assert!(queues.send("Q", "new".to_owned()).is_err());
    let bodies = |queue: &str| -> Vec<_> {
        let messages = queues.messages(queue).unwrap();
        messages.into_iter().map(|message| message["body"].clone()).collect()
    };
    let done = take(&queues, 10).pop().unwrap();
    queues.delete("Q", &[done.receipt.unwrap()]);
    assert_eq!(bodies("Q"), ["old"]);
    for receives in 2..=5 {
        queues.clock.advance(61).unwrap();
        assert_eq!(take(&queues, 10).pop().unwrap().receives, receives);
        assert!(take(&queues, 10).is_empty());
    }
    queues.clock.advance(61).unwrap();
    assert!(take(&queues, 10).is_empty());
    assert_eq!((bodies("Q").len(), bodies("Dead")), (0, vec![json!("old")]));
    drop(queues);
    let again = queues_with(Some(path));
    assert_eq!(again.messages("Q").unwrap().len(), 2, "what the journal has");
}

#[test]
fn a_message_is_deleted_at_the_end_of_its_retention() {
    let queues = queues();
    queues.send("Q", "body".to_owned()).unwrap();
    queues.clock.advance(3598).unwrap();
    assert_eq!(queues.messages("Q").unwrap().len(), 1);
    queues.clock.advance(3).unwrap();
    assert!(queues.messages("Q").unwrap().is_empty());
    assert!(take(&queues, 10).is_empty());
}

#[test]
fn only_a_message_that_was_not_finished_by_the_end_of_its_retention_is_shown_as_expired() {
    let queues = queues();
    queues.send("Q", "done".to_owned()).unwrap();
    let done = take(&queues, 1).pop().unwrap();
    queues.delete("Q", &[done.receipt.unwrap()]);
    queues.send("Q", "left".to_owned()).unwrap();
    let outcomes = || -> Vec<_> {
        queues.recent().into_iter().map(|message| message["outcome"].clone()).collect()
    };
    assert_eq!(outcomes(), ["waiting", "done"]);
    queues.clock.advance(3601).unwrap();
    assert!(take(&queues, 10).is_empty());
    assert_eq!(outcomes(), ["expired", "done"]);
}

#[test]
fn a_batch_has_at_most_the_requested_size_and_starts_with_the_oldest_message() {
    let queues = queues();
    for body in ["a", "b", "c"] {
        queues.send("Q", body.to_owned()).unwrap();
    }
    let bodies = |batch: Vec<QueueMessage>| batch.into_iter().map(|m| m.body).collect::<Vec<_>>();
    assert_eq!(bodies(take(&queues, 2)), ["a", "b"]);
    assert_eq!(bodies(take(&queues, 2)), ["c"]);
}

#[tokio::test]
async fn a_waiting_receiver_gets_a_message_when_it_is_sent_and_when_the_clock_is_moved() {
    let queues = queues();
    let receive = || {
        let queues = Arc::clone(&queues);
        tokio::spawn(async move { queues.receive("Q", 10, Duration::ZERO).await })
    };
    let soon = async |task| tokio::time::timeout(SECOND * 5, task).await.unwrap();
    let waiter = receive();
    tokio::task::yield_now().await;
    queues.send("Q", "body".to_owned()).unwrap();
    assert_eq!(soon(waiter).await.unwrap().len(), 1);
    let waiter = receive();
    tokio::task::yield_now().await;
    queues.clock.advance(61).unwrap();
    assert_eq!(soon(waiter).await.unwrap()[0].receives, 2);
}

#[tokio::test]
async fn an_incomplete_batch_waits_for_its_window() {
    let queues = queues();
    let receiving = Arc::clone(&queues);
    let waiter = tokio::spawn(async move { receiving.receive("Q", 3, SECOND * 20).await });
    for body in ["a", "b"] {
        queues.send("Q", body.to_owned()).unwrap();
        tokio::task::yield_now().await;
    }
    assert!(!waiter.is_finished());
    queues.clock.advance(21).unwrap();
    assert_eq!(tokio::time::timeout(SECOND * 5, waiter).await.unwrap().unwrap().len(), 2);
}

#[test]
fn a_message_becomes_the_record_that_lambda_documents() {
    let queues = queues();
    queues.send("Q", "hello".to_owned()).unwrap();
    let message = take(&queues, 1).pop().unwrap();
    let record = message.record("Q");
    assert_eq!(record["md5OfBody"], "5d41402abc4b2a76b9719d911017c592");
    assert_eq!(record["eventSource"], "aws:sqs");
    assert_eq!(record["eventSourceARN"], "arn:aws:sqs:local:000000000000:Q");
    assert_eq!(record["attributes"]["ApproximateReceiveCount"], "1");
    assert_eq!(record["attributes"]["SentTimestamp"], message.sent_at.to_string());
    assert_eq!(record["messageId"], message.id.as_str());
    assert_eq!(record["messageAttributes"], json!({}));
}
