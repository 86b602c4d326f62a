#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fuzz::exchange_teams_token(input));
