use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::{
    config::{
        ConfigBag, Intercept, RuntimeComponents,
        interceptors::{
            AfterDeserializationInterceptorContextRef, BeforeSerializationInterceptorContextMut,
            BeforeTransmitInterceptorContextRef,
        },
    },
    error::BoxError,
    operation::{
        get_item::{GetItemInput, GetItemOutput},
        query::{QueryInput, QueryOutput},
        update_item::{UpdateItemInput, UpdateItemOutput},
    },
    types::{ConsumedCapacity, ReturnConsumedCapacity},
};

/// The cost of requests to the store, as the engine reports it. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Meter(Arc<Mutex<Cost>>);

/// The cost of requests.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cost {
    /// The number of requests.
    pub requests: u64,
    /// Read capacity units.
    pub read: f64,
    /// Write capacity units, including those of the indexes.
    pub written: f64,
}

impl Meter {
    /// Returns the cost since the last call.
    #[must_use]
    pub fn take(&self) -> Cost {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Intercept for Meter {
    fn name(&self) -> &'static str {
        "Meter"
    }

    fn modify_before_serialization(
        &self,
        context: &mut BeforeSerializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let total = Some(ReturnConsumedCapacity::Total);
        let input = context.input_mut();
        if let Some(query) = input.downcast_mut::<QueryInput>() {
            query.return_consumed_capacity = total;
        } else if let Some(get) = input.downcast_mut::<GetItemInput>() {
            get.return_consumed_capacity = total;
        } else if let Some(update) = input.downcast_mut::<UpdateItemInput>() {
            update.return_consumed_capacity = total;
        }
        Ok(())
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.lock().unwrap().requests += 1;
        Ok(())
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let Ok(output) = context.output_or_error() else { return Ok(()) };
        let mut cost = self.0.lock().unwrap();
        if let Some(query) = output.downcast_ref::<QueryOutput>() {
            cost.read += units(query.consumed_capacity())?;
        } else if let Some(get) = output.downcast_ref::<GetItemOutput>() {
            cost.read += units(get.consumed_capacity())?;
        } else if let Some(update) = output.downcast_ref::<UpdateItemOutput>() {
            cost.written += units(update.consumed_capacity())?;
        }
        Ok(())
    }
}

/// Without this check, an engine that does not report costs would make everything free.
fn units(consumed: Option<&ConsumedCapacity>) -> Result<f64, BoxError> {
    consumed.and_then(ConsumedCapacity::capacity_units).ok_or_else(|| "no capacity".into())
}
