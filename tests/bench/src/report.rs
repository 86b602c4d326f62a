//! The figures, and their limits.

use std::fmt::{self, Display, Formatter};

use serde::Serialize;

use crate::{
    machine::Machine,
    sample::Summary,
    steady::{MemoryGrowth, Overhead},
};

/// All results of a run.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    pub(crate) machine: Machine,
    /// `issue-access-token`, whose services speak https.
    pub(crate) service: Summary,
    /// The same function, whose services speak http.
    pub(crate) plain: Summary,
    pub(crate) bare: Summary,
    /// The part of a warm call that is spent in ACS, here in the emulator.
    pub(crate) acs_call_ms: f64,
    pub(crate) authorizer: AuthorizerFigures,
    pub(crate) steady: SteadyFigures,
    pub(crate) promises: Vec<Promise>,
}

/// What is measured of `authorize-caller`, which fetches the keys of its issuer during init.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AuthorizerFigures {
    pub(crate) function: Summary,
    /// Fetching the discovery document and the key set from here.
    pub(crate) key_fetch_ms: f64,
    /// Verifying one bearer, without the function around it.
    pub(crate) rs256_ms: f64,
    pub(crate) es256_ms: f64,
}

/// What is measured of `issue-access-token` over a longer time.
#[derive(Serialize)]
pub(crate) struct SteadyFigures {
    pub(crate) overhead: Overhead,
    pub(crate) memory: MemoryGrowth,
}

/// What a row of the table shows, its unit, and the figure.
type FigureRow = (&'static str, &'static str, fn(&Summary) -> f64);

/// A figure and its limit.
#[derive(Serialize)]
pub(crate) struct Promise {
    what: &'static str,
    measured: f64,
    limit: f64,
    unit: &'static str,
}

impl Promise {
    /// A value that is not a number exceeds every limit.
    pub(crate) fn is_kept(&self) -> bool {
        self.measured <= self.limit
    }
}

impl Report {
    pub(crate) fn new(
        machine: Machine,
        service: Summary,
        plain: Summary,
        bare: Summary,
        acs_call_ms: f64,
        authorizer: AuthorizerFigures,
        steady: SteadyFigures,
    ) -> Self {
        let authorizer_init = authorizer.function.init_ms - authorizer.key_fetch_ms;
        let promise = |what, measured, limit, unit| Promise { what, measured, limit, unit };
        let promises = vec![
            promise("init beside the bare function's", service.init_ms / bare.init_ms, 5.0, "×"),
            promise("CPU of a cold start", service.cold_start_cpu_ms, 12.0, " ms"),
            promise("memory at its peak", service.peak_memory_mb, 12.0, " MB"),
            promise("binary", service.binary_mb, 8.0, " MB"),
            promise("authorizer's init without a fetch", authorizer_init / bare.init_ms, 2.0, "×"),
            promise("verifying RS256", authorizer.rs256_ms, 0.2, " ms"),
            promise("verifying ES256", authorizer.es256_ms, 0.5, " ms"),
            promise("99 % of overheads at 50/s", steady.overhead.p99_ms, 5.0, " ms"),
            promise("growth after 1,000 requests", steady.memory.growth_mb(), 0.5, " MB"),
        ];
        Self { machine, service, plain, bare, acs_call_ms, authorizer, steady, promises }
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Machine { date, cpu, cores, rustc } = &self.machine;
        let (service, plain, bare) = (&self.service, &self.plain, &self.bare);
        writeln!(f, "{date}; {cpu}, {cores} cores; {rustc}, release")?;
        writeln!(
            f,
            "Medians of {} processes each, alternately, with {} calls each, at the Runtime API.\n\
             The ACS emulator, the DynamoDB engine and Secrets Manager run in the bench's own process,\n\
             on the same cores. The ratio is that of https and the bare function.\n",
            service.processes, service.calls_per_process,
        )?;
        let Summary { name, .. } = service;
        writeln!(f, "{name:28}{:>12}{:>12}{:>18}{:>9}", "https", "http", bare.name, "ratio")?;
        let figures: [FigureRow; 9] = [
            ("init, wall", "ms", |of| of.init_ms),
            ("init, CPU", "ms", |of| of.init_cpu_ms),
            ("init and first call, CPU", "ms", |of| of.cold_start_cpu_ms),
            ("first call, wall", "ms", |of| of.first_call_ms),
            ("hundredth call, wall", "ms", |of| of.hundredth_call_ms),
            ("a later call, CPU", "ms", |of| of.warm_call_cpu_ms),
            ("memory after the last call", "MB", |of| of.memory_mb),
            ("memory at its peak", "MB", |of| of.peak_memory_mb),
            ("binary", "MB", |of| of.binary_mb),
        ];
        for (what, unit, of) in figures {
            let (https, http, bare) = (of(service), of(plain), of(bare));
            let ratio = https / bare;
            write!(f, "{what:28}{https:>9.2} {unit}{http:>9.2} {unit}")?;
            writeln!(f, "{bare:>15.2} {unit}{ratio:>8.1}×")?;
        }
        let acs = self.acs_call_ms;
        writeln!(f, "{:28}{:>12}{acs:>9.2} ms", "the call to ACS alone, wall", "")?;
        let AuthorizerFigures { function, key_fetch_ms, rs256_ms, es256_ms } = &self.authorizer;
        writeln!(f, "\n{}", function.name)?;
        for (what, unit, figure) in [
            ("init with a key fetch, wall", "ms", function.init_ms),
            ("a key fetch alone, wall", "ms", *key_fetch_ms),
            ("hundredth call, wall", "ms", function.hundredth_call_ms),
            ("verifying RS256", "ms", *rs256_ms),
            ("verifying ES256", "ms", *es256_ms),
            ("memory after the last call", "MB", function.memory_mb),
            ("binary", "MB", function.binary_mb),
        ] {
            writeln!(f, "{what:32}{figure:>17.3} {unit}")?;
        }
        let SteadyFigures { overhead, memory } = &self.steady;
        writeln!(f, "\n{name}, over a longer time")?;
        writeln!(
            f,
            "ACS alone, 50 per second: median {:.2} ms, 99 % {:.2} ms\n\
             {} requests, 50 per second, take longer by: median {:.2} ms, 99 % {:.2} ms",
            overhead.acs_ms,
            overhead.acs_p99_ms,
            overhead.requests,
            overhead.median_ms,
            overhead.p99_ms,
        )?;
        writeln!(
            f,
            "memory after 1,000 requests {:.2} MB, after {} {:.2} MB",
            memory.early_mb, memory.requests, memory.late_mb,
        )?;
        writeln!(f, "\nPromised")?;
        for promise in &self.promises {
            let Promise { what, measured, limit, unit } = promise;
            let verdict = if promise.is_kept() { "kept" } else { "BROKEN" };
            writeln!(
                f,
                "  {what:34}{measured:>8.2}{unit:3}  at most {limit:>3}{unit:3}  {verdict}"
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The figures of a function of this name.
    fn summary(name: &'static str) -> Summary {
        Summary {
            name,
            processes: 40,
            calls_per_process: 100,
            init_ms: 1.0,
            init_cpu_ms: 1.0,
            cold_start_cpu_ms: 1.0,
            first_call_ms: 1.0,
            hundredth_call_ms: 1.0,
            warm_call_cpu_ms: 1.0,
            memory_mb: 1.0,
            peak_memory_mb: 1.0,
            binary_mb: 1.0,
        }
    }

    /// The promises that a run with these figures of the function breaks.
    fn broken(service: Summary) -> Vec<&'static str> {
        broken_over_time(service, 1.0, 1.0)
    }

    /// The same, with a 99th percentile of the overheads, and the memory after the last request.
    fn broken_over_time(service: Summary, p99_ms: f64, late_mb: f64) -> Vec<&'static str> {
        let overhead =
            Overhead { requests: 1, acs_ms: 1.0, acs_p99_ms: 1.0, median_ms: 1.0, p99_ms };
        let memory = MemoryGrowth { requests: 1, early_mb: 1.0, late_mb };
        let function = summary("authorizer");
        let authorizer =
            AuthorizerFigures { function, key_fetch_ms: 0.5, rs256_ms: 0.1, es256_ms: 0.1 };
        let (plain, bare) = (summary("plain"), summary("bare"));
        let steady = SteadyFigures { overhead, memory };
        let machine = Machine::current();
        let report = Report::new(machine, service, plain, bare, 1.0, authorizer, steady);
        let broken = report.promises.iter().filter(|promise| !promise.is_kept());
        broken.map(|promise| promise.what).collect()
    }

    #[test]
    fn p01_a_cold_start_that_takes_too_long_breaks_the_promise() {
        let service = summary("service");
        assert_eq!(broken(service), <[&str; 0]>::default());
        let service = Summary { cold_start_cpu_ms: 12.1, ..summary("service") };
        assert_eq!(broken(service), ["CPU of a cold start"]);
        let service = Summary { init_ms: 5.1, ..summary("service") };
        assert_eq!(broken(service), ["init beside the bare function's"]);
    }

    #[test]
    fn p02_an_overhead_and_p04_a_growth_that_are_too_large_break_their_promises() {
        let broken = |p99_ms, late_mb| broken_over_time(summary("service"), p99_ms, late_mb);
        assert_eq!(broken(5.0, 1.5), <[&str; 0]>::default());
        assert_eq!(broken(5.1, 1.0), ["99 % of overheads at 50/s"]);
        assert_eq!(broken(1.0, 1.6), ["growth after 1,000 requests"]);
    }

    #[test]
    fn p03_a_binary_or_a_memory_that_is_too_large_breaks_its_promise() {
        let service = Summary { binary_mb: 8.1, ..summary("service") };
        assert_eq!(broken(service), ["binary"]);
        let service = Summary { peak_memory_mb: 12.1, ..summary("service") };
        assert_eq!(broken(service), ["memory at its peak"]);
    }

    #[test]
    fn a_promise_is_kept_up_to_its_limit_and_not_without_a_figure() {
        let promise = |measured| Promise { what: "", measured, limit: 5.0, unit: "×" };
        assert!(promise(5.0).is_kept());
        assert!(!promise(5.01).is_kept());
        assert!(!promise(f64::NAN).is_kept());
    }
}
