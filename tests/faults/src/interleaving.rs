use std::{
    future::{Future, poll_fn},
    pin::Pin,
    task::{Context, Poll, Waker},
};

/// A boxed task.
pub type Task = Pin<Box<dyn Future<Output = ()>>>;

/// Runs `setup()` once for every order in which its tasks can take their turns, and returns the
/// number of orders.
///
/// A turn is one call to a port and the work that follows from its answer, so with
/// [`Yielding`](crate::Yielding) adapters this is every interleaving of the real code that a
/// distributed run could show. The code of a task before its first call belongs to its first turn:
/// it reads nothing that another task writes.
pub fn every_interleaving(setup: impl Fn() -> (Vec<Task>, Box<dyn FnOnce()>)) -> usize {
    let mut schedule: Vec<Choice> = Vec::new();
    let mut runs = 0;
    loop {
        let (tasks, check) = setup();
        follow(&mut schedule, tasks);
        check();
        runs += 1;
        // The next schedule in depth-first order.
        while schedule.last().is_some_and(|choice| choice.taken + 1 == choice.out_of) {
            schedule.pop();
        }
        match schedule.last_mut() {
            Some(choice) => choice.taken += 1,
            None => return runs,
        }
    }
}

/// The task whose turn it is, counted among those that have not ended.
struct Choice {
    taken: usize,
    out_of: usize,
}

/// Runs the tasks to their end. The turns follow the schedule, and then the first task comes first;
/// the choices are added to the schedule.
fn follow(schedule: &mut Vec<Choice>, tasks: Vec<Task>) {
    let mut tasks: Vec<Started> = tasks.into_iter().map(|task| (false, task)).collect();
    let mut step = 0;
    while !tasks.is_empty() {
        if schedule.len() == step {
            schedule.push(Choice { taken: 0, out_of: tasks.len() });
        }
        let index = schedule.get(step).map_or(0, |choice| choice.taken);
        if tasks.get_mut(index).is_none_or(take_turn) {
            drop(tasks.remove(index));
        }
        step += 1;
    }
}

/// Whether a task has reached its first call, and the task.
type Started = (bool, Task);

/// Runs a task until just before its next call; returns whether it has ended.
fn take_turn((started, task): &mut Started) -> bool {
    let mut poll = || task.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready();
    let is_first = !std::mem::replace(started, true);
    (is_first && poll()) || poll()
}

/// A task whose process dies after this number of turns.
#[must_use]
pub fn dying_after(turns: usize, mut task: Task) -> Task {
    let mut polls = 0;
    Box::pin(poll_fn(move |context| {
        // The first poll only reaches the first call.
        if polls > turns {
            return Poll::Ready(());
        }
        polls += 1;
        task.as_mut().poll(context)
    }))
}

/// Yields to the other tasks.
pub async fn turn() {
    let mut first = true;
    poll_fn(|_| if std::mem::take(&mut first) { Poll::Pending } else { Poll::Ready(()) }).await;
}
