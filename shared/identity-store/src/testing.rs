//! Lets tests fill a table faster than with one request per record.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use identity_core::record::Record;

use crate::item;

/// The item that the store writes for `record`.
#[must_use]
pub fn item(record: &Record) -> HashMap<String, AttributeValue> {
    item::write(record)
}
